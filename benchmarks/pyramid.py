"""What does LFP's pyramid cost beside its arithmetic, and how quick is it beside PyTorch?

The block, the ResNet-50 classifier and the hourglass against their plain twins: the last column is
the ratio of the times over that of the multiply-adds, and at most 1.5 is the goal. The same
networks in PyTorch (channels last); its classifier resizes by `interpolate` or, as ours, by
matrices.
"""

from benchmarks import rivals, table
from benchmarks.agreement import difference, first_outputs
from lfp_tf.errors import LfpError

CLASSIFIER = {"network": "classifier", "dtype": "float32", "depth": 50}
FULL = {"width": 1.0, "classes": 1000, "size": [224, 224]}
QUICK = {"width": 0.125, "classes": 10, "size": [65, 65]}
BATCHES, QUICK_BATCHES = (1, 8), (1, 2)
HOURGLASS = {"network": "hourglass", "dtype": "float32", "classes": 16, "batch": 1}
FULL_HOURGLASS = {"stacks": 2, "features": 256, "size": [256, 256]}
QUICK_HOURGLASS = {"stacks": 2, "features": 36, "size": [128, 128]}
# At these sizes PyTorch is compared with ours before anything is timed.
SMALL = {
    "classifier": CLASSIFIER | {"width": 0.25, "classes": 10, "size": [96, 96], "batch": 2},
    "hourglass": HOURGLASS | QUICK_HOURGLASS | {"batch": 2},
}
# (width, pixels a side of the map) of the blocks, stage by stage.
BLOCKS, QUICK_BLOCKS = ((64, 56), (128, 28), (256, 14), (512, 7)), ((16, 9),)
# Calls a measurement: what is short is repeated.
CALLS = {"block": 20, "inference": 5, "training": 1}
# {end of a rival's name: TF_ENABLE_ONEDNN_OPTS}
ONEDNN = {"": "1", ", oneDNN off": "0"}
RESIZES = {"classifier": ("interpolate", "matrices"), "hourglass": ("interpolate",)}
GOAL = 1.5


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`.

    Raises:
        LfpError: no table has all the words of `--only` in its title.
    """
    asked = [
        (title, spec)
        for title, spec in _questions(options)
        if all(word.lower() in title.lower() for word in options.only)
    ]
    if not asked:
        raise LfpError(f"No table of pyramid has the words {', '.join(options.only)} in its title.")
    networks = dict.fromkeys(spec["network"] for _, spec in asked)
    facts = {name: agreement(name, options) for name in networks if name != "block"}
    comparisons = []
    for title, spec in asked:
        contestants = _contestants(spec, options)
        calls = options.calls * CALLS.get(spec["network"], CALLS[spec["mode"]])
        with rivals.running(*contestants) as found:
            seconds = rivals.interleave(found, rounds=options.rounds, calls=calls)
            work = _work(found)
        comparisons += [
            table.compare(f"{title}{end}", {name: seconds[name] for name in names}, work=work)
            for end, names in _groups(seconds).items()
        ]
    table.report("pyramid", comparisons, out=options.out, threads=len(options.cores), facts=facts)
    for comparison in comparisons:
        _say(comparison)


def agreement(network, options):
    """The largest differences of PyTorch's outputs and loss from ours, at a small size.

    Args:
        network: `classifier` or `hourglass`.
        options: as for `run`.

    Returns:
        {"outputs by interpolate": share of their standard deviation, "loss by interpolate":
        relative, ...}; empty without PyTorch.

    Raises:
        WorkFailed: the rival computes something else than we do.
    """
    if not options.torch_python:
        return {}
    found, resizes = {}, RESIZES[network]
    for mode, name in (("inference", "outputs"), ("training", "loss")):
        spec = SMALL[network] | {"mode": mode, "pyramid": True}
        theirs = [_torch("PyTorch", spec | {"resize": resize}, options) for resize in resizes]
        ours, *outputs = first_outputs(_ours("tf_rival", "ours", spec, options), *theirs)
        for resize, output in zip(resizes, outputs, strict=True):
            found[f"{name} by {resize}"] = difference(ours, output, name)
    print(f"PyTorch's {network} is ours (outputs to their deviation, the loss of a training step):")
    print(", ".join(f"{name} {value:.1e}" for name, value in found.items()), end="\n\n")
    return found


def _questions(options):
    """(title, spec) of what can be measured."""
    quick = options.quick
    classifier = CLASSIFIER | (QUICK if quick else FULL)
    hourglass = HOURGLASS | (QUICK_HOURGLASS if quick else FULL_HOURGLASS)
    for mode in ("inference", "training"):
        for batch in QUICK_BATCHES if quick else BATCHES:
            shared = {"mode": mode, "batch": batch}
            for width, side in QUICK_BLOCKS if quick else BLOCKS:
                spec = shared | {"network": "block", "width": width, "side": side}
                yield f"Block of width {width}, {mode}, {batch} x [{side}, {side}]", spec
            title = f"Classifier, ResNet-50, {mode}, {batch} x {classifier['size']}"
            yield title, classifier | shared
        title = f"Hourglass, {hourglass['stacks']} stacks, {mode}, 1 x {hourglass['size']}"
        yield title, hourglass | {"mode": mode}


def _contestants(spec, options):
    if spec["network"] == "block":
        return _twins("block_rival", spec, options)
    found = _twins("tf_rival", spec, options)
    if options.torch_python:
        resizes = RESIZES[spec["network"]]
        plain = spec | {"pyramid": False, "resize": resizes[0]}
        found.append(_torch("PyTorch, plain", plain, options))
        for resize in resizes:
            more = spec | {"pyramid": True, "resize": resize}
            found.append(_torch(f"PyTorch, pyramid by {resize}", more, options))
    return found


def _twins(module, spec, options):
    return [
        _ours(module, f"{name}{end}", spec | {"pyramid": name == "pyramid"}, options, onednn)
        for end, onednn in ONEDNN.items()
        for name in ("plain", "pyramid")
    ]


def _ours(module, name, spec, options, onednn="1"):
    return rivals.Rival(
        name,
        f"benchmarks.{module}",
        spec,
        cores=options.cores,
        environment={"TF_ENABLE_ONEDNN_OPTS": onednn},
    )


def _torch(name, spec, options):
    return rivals.Rival(
        name, "benchmarks.torch_rival", spec, python=options.torch_python, cores=options.cores
    )


def _work(found):
    """Multiply-adds by rival; PyTorch runs the networks that we do."""
    counted = {rival.name: rival.facts.get("multiply_adds") for rival in found}
    own = {name: counted[name] for name in ("plain", "pyramid")}
    return {
        name: value or own["plain" if "plain" in name else "pyramid"]
        for name, value in counted.items()
    }


def _groups(names):
    """{end of a table's title: names of its rows}; twins of one kind, then ours and PyTorch's."""
    groups = {end: [f"plain{end}", f"pyramid{end}"] for end in ONEDNN}
    theirs = [name for name in names if name.startswith("PyTorch")]
    if theirs:
        groups[", PyTorch"] = theirs
        ours = [f"pyramid{end}" for end in ONEDNN]
        groups[", beside PyTorch"] = ours + [name for name in theirs if "pyramid" in name]
    return groups


def _say(comparison):
    """Whether the goal is reached, in a line."""
    first, *others = comparison["rows"]
    if first["name"].startswith("plain"):
        ratio = others[0]["ratio_a_mac"]
        verdict = "within" if ratio <= GOAL else "NOT within"
        print(f"{comparison['title']}: {verdict} {GOAL} of the arithmetic ({ratio:.2f})")
    elif first["name"].startswith("pyramid"):
        ratios = {row["name"]: row["ratio"][1] for row in comparison["rows"]}
        theirs = min(value for name, value in ratios.items() if name.startswith("PyTorch"))
        times = theirs / min(value for name, value in ratios.items() if name.startswith("pyramid"))
        verdict = "at least as fast" if times >= 1 else "slower"
        print(f"{comparison['title']}: ours is {verdict} (PyTorch's best to our best {times:.2f})")
