"""Cases of MaskX R-CNN's studies: each of the original's configurations, resolved from ours.

What our experiments say is told in the original's words. An experiment names its configuration as
`original` in its `about`.
"""

from typing import Any

from lfp_tf.options import WeightTransfer, of_flat
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check
from lfp_tf.recipes import config, experiments
from lfp_tf.tasks import catalog
from lfp_tf.tasks.detection.config import Config
from lfp_tf.tasks.detection.subsets import random_draws
from lfp_tf.training.fields import Experiment

WORDS = {"files": lambda value: isinstance(value, list) and all(isinstance(f, str) for f in value)}
# The original's GPUs.
_GPUS = 8
# What `original` says for the name of a random set.
_SET = "SET"
# The original's names of our splits. COCO's train and val of 2017 are the images of its lists.
_DATASETS = {
    ("coco", "train"): ("coco{}_2014_train", "coco{}_2014_valminusminival"),
    ("coco", "val"): ("coco{}_2014_minival",),
    ("visual_genome", "train"): ("vg3k_cocoaligned_train",),
    ("visual_genome", "val"): ("vg3k_cocoaligned_val",),
}


def resolved(case: Case) -> dict[str, Any]:
    """`experiments`: the fields of each file's experiment, {file: {word: value}}."""
    check(case.config, WORDS)
    names, results = _names(), {}
    for file in case.config["files"]:
        if file not in names:
            raise UnknownWord(
                f"config.files has {file}, which no experiment names as its original."
            )
        experiment = experiments.read(names[file])
        results[file] = _words(config.of_recipe(experiment.config), experiment.about)
    return results


def _names() -> dict[str, str]:
    """{the original's file: our experiment}."""
    names = {}
    for name in experiments.paths():
        experiment = experiments.read(name)
        if file := experiment.about.get("original"):
            sets = experiment.config["task"].get("mask_classes", [""])
            names[file.replace(_SET, sets[0])] = name
    return names


def _words(params: Experiment, about: dict[str, Any]) -> dict[str, Any]:
    """An experiment in the original's words."""
    task: Any = params.task
    model, data = task.model, task.train_data
    stepwise = params.trainer.optimizer_config.learning_rate.stepwise
    rates, steps = stepwise.values or [], stepwise.boundaries or []
    names, _ = catalog.part(catalog.DETECTION, "networks").usual_classes(task)
    is_stage_wise = task.trainable == "mask_head"
    return {
        "depth": model.depth,
        "classes": len(names) + 1,
        "masks": model.masks,
        "class_specific_mask": model.class_specific_masks if model.masks else None,
        "transfer": _transfer(of_flat(WeightTransfer, model.as_dict())),
        "mlp_branch": None if model.mask_mlp == "none" else model.mask_mlp,
        "training": "stage_wise" if is_stage_wise else "end_to_end",
        # The original reads the proposals of a frozen detector from files of another one's RPN.
        # Ours come from the frozen detector's own RPN.
        "own_proposals": not is_stage_wise,
        # The original's annotations hold set A alone where a detector is frozen.
        "label_filter": None if is_stage_wise else task.mask_labels(list(names)) or None,
        "train_datasets": _train_datasets(task, is_stage_wise),
        "test_datasets": _test_datasets(task, about),
        "base_lr": rates[0],
        "steps": steps,
        "max_iter": params.trainer.train_steps,
        "weight_decay": task.losses.weight_decay,
        "images_per_gpu": data.global_batch_size // _GPUS,
        "gpus": _GPUS,
        "initial_weights": about["weights"],
        "scale": data.short_sides[0],
        "max_size": data.max_size,
    }


def _transfer(options: Any) -> dict[str, Any] | None:
    if options.input == "none":
        return None
    words = {
        "input": options.input,
        "layers": options.layers,
        "activation": "none" if options.layers == 1 else options.activation,
        "stop_gradient": options.stop_gradient,
    }
    return words | ({"embedding_dim": options.embedding_dim} if options.uses_embedding else {})


def _train_datasets(task: Config, is_stage_wise: bool) -> list[str]:
    templates = _DATASETS[task.dataset, task.train_data.split]
    words = task.mask_classes if is_stage_wise else []
    part = f"_split_{words[0]}{_of_random(words[0], 'A')}" if words else ""
    return [template.format(part) for template in templates]


def _test_datasets(task: Config, about: dict[str, Any]) -> list[str]:
    """All objects, then those of each set; of a random set B, then A, and not all."""
    (template,) = _DATASETS[task.dataset, task.validation_data.split]
    words = task.mask_classes
    if words and _of_random(words[0], "A"):
        return [template.format(f"_split_{words[0]}_{part}") for part in "BA"]
    parts = ("voc", "nonvoc") if words else about.get("subsets", ())
    return [template.format(""), *(template.format(f"_split_{part}") for part in parts)]


def _of_random(name: Any, part: str) -> str:
    """What the original adds to the name of a random set for set A or B."""
    return f"_{part}" if name in random_draws() else ""
