"""`lfp-tf experiments`: the list of recipes, or one of them in full."""

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, experiments
from lfp_tf.tasks import catalog

HELP = "list the experiments, or show one in full"
EXAMPLE = """
lfp-tf experiments
lfp-tf experiments pspnet101_cityscapes
"""
_COLUMNS = ("experiment", "network", "dataset", "protocol", "published", "batch")
_OWN_CLASSES = 21
_BYTES = 4
# Adam keeps two values a parameter, SGD one; with the gradient and the value itself.
_COPIES = {"adam": 4, "adamw": 4}


def add_arguments(parser):
    """Adds the arguments of `lfp-tf experiments`."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="show this one in full")


def run(arguments):
    """Carries out `lfp-tf experiments`.

    Raises:
        LfpError: no such experiment.
    """
    print(_in_full(experiments.read(arguments.name)) if arguments.name else table())
    return 0


def table():
    """All experiments as aligned text; reads YAML only."""
    rows = [_COLUMNS]
    for name in experiments.paths():
        about = experiments.read(name).about
        rows.append((name, *(str(about.get(column, "")) for column in _COLUMNS[1:])))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _in_full(experiment):
    import yaml

    from lfp_tf.recipes.cost import count_cost

    params = config.of_recipe(experiment.config)
    data, trainer = params.task.train_data, params.trainer
    classes = params.task.model.classes or _count_classes(params, experiment.task)
    options = params.task.model.arguments() | {"classes": classes}
    size = params.task.image_size()
    cost = count_cost(params.task.model.network, options, crop=size)
    optimizer = trainer.optimizer_config.optimizer.type
    bytes_a_batch = _BYTES * cost.activations * data.global_batch_size
    memory = bytes_a_batch + _COPIES.get(optimizer, 3) * _BYTES * cost.parameters
    lines = [f"{experiment.name} ({experiment.path.name})", _comment(experiment.path), ""]
    facts = {
        **experiment.about,
        "dataset": f"{experiment.dataset}, {classes} {experiment.task.outputs}",
    }
    facts |= {
        "crop": f"{size[0]}x{size[1]}",
        "steps": f"{trainer.train_steps} of {data.global_batch_size} crops",
        "parameters": f"{cost.parameters:,}",
        "multiply-adds": f"{cost.multiply_adds / 1e9:.2f} G a crop",
        "memory": f"about {memory / 1e9:.1f} GB over all devices to train in float32 (estimated: "
        "every layer's output, parameters, their gradients, optimizer)",
    }
    width = max(map(len, facts))
    lines += [f"{name:{width}}  {value}" for name, value in facts.items() if value != ""]
    shown = yaml.safe_dump(experiment.config, sort_keys=False, default_flow_style=None)
    return "\n".join([*lines, "", shown.rstrip()])


def _count_classes(params, task):
    """Those of the data set; as many as VOC has for images of the user's own."""
    try:
        return len(catalog.part(task, "networks").usual_classes(params.task)[0])
    except LfpError:
        return _OWN_CLASSES


def _comment(path):
    """What the file says at its top: what it reproduces, on what hardware, the command."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
