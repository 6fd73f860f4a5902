"""--flip, --no_flip and --scales, which several tasks understand: options, reading the numbers."""

import argparse

from lfp_tf.errors import LfpError
from lfp_tf.tasks.spec import Option

_COMMANDS = ("evaluate", "predict", "export")
FLIP = Option(
    "flip",
    "add the mirrored image",
    _COMMANDS,
    "protocol",
    parse=None,
    default=False,
    is_fixed_in_exports=True,
)
NO_FLIP = Option(
    "no_flip",
    "leave the mirrored image out, where the experiment adds it",
    ("evaluate",),
    "protocol",
    parse=None,
    default=False,
)
SCALES = Option(
    "scales",
    "as 0.5 1.0 1.5: average over these (1.0)",
    _COMMANDS,
    "protocol",
    metavar="S",
    takes_many=True,
    is_fixed_in_exports=True,
)


def check_flips(arguments: argparse.Namespace) -> None:
    """Refuses both at once.

    Raises:
        LfpError: --flip and --no_flip.
    """
    if arguments.flip and getattr(arguments, "no_flip", False):
        raise LfpError("--flip and --no_flip exclude each other; give one.")


def read_scales(arguments: argparse.Namespace) -> tuple[float, ...] | None:
    """Gives the scales as numbers, or None where none are given.

    Raises:
        LfpError: they are no numbers above 0.
    """
    if arguments.scales is None:
        return None
    words = [word for text in arguments.scales for word in text.split(",") if word]
    try:
        values = tuple(float(word) for word in words)
    except ValueError:
        values = ()
    if not values or not all(0 < value < 100 for value in values):
        raise LfpError(
            f"--scales {' '.join(arguments.scales)} must be numbers above 0, as 0.5 1.0 1.5."
        )
    return values
