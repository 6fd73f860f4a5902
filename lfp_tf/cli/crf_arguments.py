"""The arguments of the dense CRF, shared by `evaluate` and `predict`."""

import dataclasses
import os

from lfp_tf.errors import LfpError, nearest

_FLAGS = ("crf_preset", "crf_guide", "crf_class_threshold", "crf_backend", "crf_processes")


def add_crf_arguments(parser):
    """--crf and what goes with it; returns their group."""
    group = parser.add_argument_group("dense CRF")
    group.add_argument(
        "--crf", action="store_true", help="sharpen the probabilities along the picture's edges"
    )
    group.add_argument(
        "--crf_preset",
        metavar="NAME",
        help="newest or seed: DeepLab's late or early parameters; lfp: LFP's (newest, and lfp "
        "with --protocol lfp)",
    )
    group.add_argument(
        "--crf_guide",
        metavar="NAME",
        help="original, or wrapped_mean_subtracted as the published scores were made (original)",
    )
    group.add_argument(
        "--crf_class_threshold",
        type=float,
        metavar="P",
        help="leave out classes that reach this probability nowhere in the picture (0: none)",
    )
    group.add_argument(
        "--crf_backend", metavar="NAME", help="numpy, pydensecrf, or auto, the quicker (auto)"
    )
    group.add_argument(
        "--crf_processes",
        type=int,
        metavar="N",
        help="beside the network's; 0 computes in its own (the number of cores)",
    )
    return group


def check_crf(arguments):
    """Refuses flags without --crf, misspelt names and impossible numbers; no TensorFlow.

    Raises:
        LfpError: one of these.
    """
    if not arguments.crf:
        for name in _FLAGS:
            if getattr(arguments, name) is not None:
                raise LfpError(f"--{name} says how the CRF is done; add --crf, or leave it out.")
        return
    crf_options(arguments)
    count = arguments.crf_processes
    if count is not None and count < 0:
        raise LfpError(f"--crf_processes must be 0 or more, not {count}.")


def crf_options(arguments):
    """`tasks.segmentation.crf.crf.CrfOptions` of checked arguments, or None without --crf."""
    if not arguments.crf:
        return None
    from lfp_tf.tasks.segmentation.crf.crf import PRESETS

    usual = "lfp" if getattr(arguments, "protocol", None) == "lfp" else "newest"
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


def final_crf_options(arguments):
    """`crf_options` for whole pictures: None where the protocol has the CRF inside its windows."""
    return None if getattr(arguments, "protocol", None) == "lfp" else crf_options(arguments)


def crf_processes(arguments):
    """How many processes; without --crf_processes the number of cores that may be used."""
    if arguments.crf_processes is not None:
        return arguments.crf_processes
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
