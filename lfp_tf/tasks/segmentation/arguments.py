"""The command-line options of segmentation: protocol, dense CRF, size; and its printed table."""

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from lfp_tf.errors import LfpError, nearest
from lfp_tf.tasks.flip_and_scales import FLIP, NO_FLIP, SCALES, check_flips, read_scales
from lfp_tf.tasks.segmentation.crf.options import PRESETS, CrfOptions, Refinement
from lfp_tf.tasks.spec import Option
from lfp_tf.workers import available_cores

if TYPE_CHECKING:
    from lfp_tf.tasks.segmentation.protocols import Protocol

PROTOCOLS = ("whole", "deeplab", "semseg", "matlab", "tf1_whole", "lfp")
EXPORTED_PROTOCOLS = ("whole", "deeplab", "semseg")
LABELS = ".labels.png"
# Endings of the files that predict writes for an image.
ENDINGS = (LABELS, ".overlay.png", ".json")
SUMMARIES = ()
# Options that score a training's best checkpoint at its end.
AFTER_TRAINING = ("--protocol", "whole")
# What --flip means where a protocol runs without one; the others always flip in their own way.
_FLIPS = {"whole": "softmax", "deeplab": "softmax", "tf1_whole": "logit_sum"}
_CRF_DETAILS = ("crf_preset", "crf_guide", "crf_class_threshold", "crf_backend", "crf_processes")
_SCORED = ("evaluate", "predict")

OPTIONS = (
    Option(
        "protocol", f"{', '.join(PROTOCOLS)} (the experiment's)", ("evaluate",), "protocol"
    ),
    Option(
        "protocol", f"{', '.join(PROTOCOLS)} (whole)", ("predict",), "protocol",
        is_fixed_in_exports=True,
    ),
    Option("protocol", f"{', '.join(EXPORTED_PROTOCOLS)} (whole)", ("export",), "protocol"),
    FLIP,
    NO_FLIP,
    SCALES,
    Option(
        "second_softmax",
        "lfp: flatten as the original did",
        _SCORED,
        "protocol",
        parse=None,
        default=False,
        is_fixed_in_exports=True,
    ),
    Option(
        "window_batch", "windows at once (1)", ("evaluate",), "protocol",
        parse=int, default=1, metavar="N",
    ),
    Option(
        "long_side",
        "resize images for the network to a longer side of N pixels; labels have the image's "
        "own size (no resizing; DeepLab's demo: 513)",
        ("predict",),
        "protocol",
        parse=int,
        metavar="N",
    ),
    Option(
        "label_ids",
        "label files hold Cityscapes' label ids, as its server takes them, not train ids",
        ("predict",),
        "files",
        parse=None,
        default=False,
    ),
    Option("input_size", "resize every image (its own size)", ("export",), "graph", metavar="H,W"),
    Option(
        "crf",
        "sharpen the probabilities along the image's edges: a second or so for an image or frame",
        _SCORED,
        "dense CRF",
        parse=None,
        default=False,
    ),
    Option(
        "crf_preset",
        "newest or seed: DeepLab's late or early parameters; lfp: LFP's (newest, and lfp with "
        "--protocol lfp)",
        _SCORED,
        "dense CRF",
        metavar="NAME",
    ),
    Option(
        "crf_guide",
        "original, or wrapped_mean_subtracted as the published scores were made (original)",
        _SCORED,
        "dense CRF",
        metavar="NAME",
    ),
    Option(
        "crf_class_threshold",
        "leave out classes that reach this probability nowhere in the image (0: none)",
        _SCORED,
        "dense CRF",
        parse=float,
        metavar="P",
    ),
    Option(
        "crf_backend",
        "numpy, pydensecrf, or auto, the quicker (auto)",
        _SCORED,
        "dense CRF",
        metavar="NAME",
    ),
    Option(
        "crf_processes",
        "beside the network's; 0 computes in its own (the number of cores)",
        _SCORED,
        "dense CRF",
        parse=int,
        metavar="N",
    ),
)  # fmt: skip


def check(arguments: argparse.Namespace, command: str) -> None:
    """Refuses misspelt names and impossible numbers; no TensorFlow.

    Args:
        arguments: parsed, of `command`.
        command: evaluate, predict or export.

    Raises:
        LfpError: one of these.
    """
    protocols = EXPORTED_PROTOCOLS if command == "export" else PROTOCOLS
    name = arguments.protocol
    if name is not None and name not in protocols:
        raise LfpError(
            f'No protocol "{name}" here.{nearest(name, protocols)} '
            f"There are {', '.join(protocols)}."
        )
    check_flips(arguments)
    read_scales(arguments)
    if command == "export":
        return
    if arguments.second_softmax and name not in (None, "lfp"):
        raise LfpError(f"--second_softmax is for --protocol lfp, not {name}.")
    for number in ("window_batch", "long_side"):
        value = getattr(arguments, number, None)
        if value is not None and value < 1:
            raise LfpError(f"--{number} must be at least 1, not {value}.")
    _check_crf(arguments)


def protocol(recipe: Any, arguments: argparse.Namespace, command: str) -> "Protocol":
    """Gives the recipe's protocol with what the user changed.

    Args:
        recipe: `recipes.recipe.Recipe`.
        arguments: checked, of `command`.
        command: evaluate takes the recipe's protocol by default, predict and export `whole`.

    Raises:
        LfpError: --no_flip for a protocol that always flips.
    """
    from lfp_tf.tasks.segmentation.prediction import protocol_of

    usual = recipe.evaluation["protocol"] if command == "evaluate" else "whole"
    name = arguments.protocol or usual
    flip = _FLIPS.get(name) if arguments.flip else None
    if getattr(arguments, "no_flip", False):
        if name not in _FLIPS:
            raise LfpError(f"The protocol {name} always flips; leave --no_flip out.")
        flip = "none"
    return protocol_of(
        recipe,
        name=name,
        flip=flip,
        scales=read_scales(arguments),
        window_batch=getattr(arguments, "window_batch", 1),
        second_softmax=getattr(arguments, "second_softmax", False),
    )


def evaluation_options(arguments: argparse.Namespace) -> dict:
    """Gives further arguments of `evaluation.evaluate`."""
    options = crf_options(arguments)
    return {"crf": options and Refinement(options, crf_processes(arguments))}


def describe(protocol: "Protocol", arguments: argparse.Namespace) -> str:
    """Gives what an evaluation says of itself before it starts."""
    processes = crf_processes(arguments)
    place = f"{processes} processes beside it" if processes else "its process"
    place = "every window" if protocol.name == "lfp" else place
    refined = f", then the dense CRF in {place}" if arguments.crf else ""
    return (
        f"by the protocol {protocol.name} (flip {protocol.flip}, scales {list(protocol.scales)})"
        f"{refined}"
    )


def read_annotations(arguments: argparse.Namespace, items: list) -> None:
    """Reads nothing: segmentation needs no annotations."""


def table(facts: dict) -> str:
    """Gives scores by class and their means as aligned text, in per cent.

    Args:
        facts: what `metrics.json` says.
    """
    width = max(len(entry["name"]) for entry in facts["classes"])
    lines = [f"{'class':{width}}     IoU  accuracy        pixels"]
    for entry in facts["classes"]:
        iou, accuracy = (
            "-" if entry[name] is None else f"{100 * entry[name]:.2f}"
            for name in ("iou", "accuracy")
        )
        lines.append(f"{entry['name']:{width}}  {iou:>6}  {accuracy:>8}  {entry['pixels']:>12}")
    lines += _means(facts)
    if "without_crf" in facts:
        lines += [f"without CRF: {line}" for line in _means(facts["without_crf"])]
    return "\n".join(lines)


def crf_options(arguments: argparse.Namespace) -> CrfOptions | None:
    """Gives the CRF's options of checked arguments, or None without --crf."""
    if not arguments.crf:
        return None
    usual = "lfp" if arguments.protocol == "lfp" else "newest"
    name = arguments.crf_preset or usual
    if name not in PRESETS:
        raise LfpError(
            f'No preset "{name}" of the CRF.{nearest(name, PRESETS)} '
            f"There are {', '.join(PRESETS)}."
        )
    given = {
        "guide": arguments.crf_guide,
        "class_threshold": arguments.crf_class_threshold,
        "backend": arguments.crf_backend,
    }
    changes = {key: value for key, value in given.items() if value is not None}
    return dataclasses.replace(PRESETS[name], **changes)


def final_crf_options(arguments: argparse.Namespace) -> CrfOptions | None:
    """Gives `crf_options` for whole images; None with --protocol lfp, whose windows have it."""
    return None if arguments.protocol == "lfp" else crf_options(arguments)


def crf_processes(arguments: argparse.Namespace) -> int:
    """Gives the number of processes; by default that of the cores that may be used."""
    if arguments.crf_processes is not None:
        return arguments.crf_processes
    return available_cores()


def _check_crf(arguments):
    """Refuses flags without --crf, misspelt names and impossible numbers."""
    if not arguments.crf:
        for name in _CRF_DETAILS:
            if getattr(arguments, name) is not None:
                raise LfpError(f"--{name} says how the CRF is done; add --crf, or leave it out.")
        return
    crf_options(arguments)
    count = arguments.crf_processes
    if count is not None and count < 0:
        raise LfpError(f"--crf_processes must be 0 or more, not {count}.")


def _means(facts):
    """One line per definition, in per cent."""
    lines = []
    for name, scores in facts["scores"].items():
        own = ", the experiment's" if name == facts["mean_iou_definition"] else ""
        lines.append(
            f"mean IoU {100 * scores['mIoU']:.2f}, mean accuracy {100 * scores['mAcc']:.2f}, "
            f"pixel accuracy {100 * scores['allAcc']:.2f}, "
            f"weighted IoU {100 * scores['fwIoU']:.2f} (definition {name}{own})"
        )
    return lines
