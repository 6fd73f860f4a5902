"""`lfp-tf inspect`: what an old checkpoint holds, before anything is converted."""

import argparse
import hashlib
import json

from lfp_tf.checkpoints.detectron_config import box_weights
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.cli.output import aligned, show
from lfp_tf.errors import printable

HELP = "show what an old checkpoint holds: format, lineage, names, shapes, types"
EXAMPLE = """\
lfp-tf inspect pspnet101_cityscapes.caffemodel
lfp-tf inspect train_epoch_200.pth --json --digest      # for a program to read
lfp-tf inspect runs/old/model.ckpt-60000                # TensorFlow: the prefix or its folder"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf inspect`."""
    parser.add_argument(
        "file", metavar="FILE", help="a checkpoint of any known format; nothing in it is run"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument(
        "--digest",
        action="store_true",
        help="add the SHA-256 of each array's values as little-endian float32 in C order",
    )


def run(arguments: argparse.Namespace) -> int:
    """Reads the file and prints its format, its lineage and its arrays.

    Raises:
        LfpError: the file is no checkpoint, damaged, or asks for more than arrays.
    """
    from lfp_tf.checkpoints.lineages import lineage_name

    kind = identify(arguments.file)
    arrays = read_checkpoint(arguments.file)
    lineage = lineage_name(arrays)
    rows = [_row(name, values, digest=arguments.digest) for name, values in arrays.items()]
    if arguments.json:
        text = json.dumps({"format": kind, "lineage": lineage, "arrays": rows}, indent=1)
        show(text.replace("\x7f", "\\u007f"))  # The one control character that JSON lets pass.
    else:
        num_values = sum(values.size for values in arrays.values())
        show(f"format   {kind}")
        show(f"lineage  {lineage or 'unknown'}")
        show(f"arrays   {len(rows)} with {num_values:,} values")
        if arrays.step is not None:
            show(f"step     {arrays.step}")
        weights = box_weights(arrays.config, file=printable(arguments.file))
        if weights:
            show(f"boxes    learnt with the weights {', '.join(map(str, weights))}")
        for note in arrays.notes:
            show(f"note     {note}")
        show("")
        show("\n".join(aligned([_cells(row) for row in rows])))
    return 0


def _row(name, values, *, digest):
    row = {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
    return row | {"sha256": _digest(values)} if digest else row


def _digest(values):
    """The SHA-256 of an array's values as little-endian float32 in C order, in hexadecimal."""
    return hashlib.sha256(values.astype("<f4", order="C").tobytes()).hexdigest()


def _cells(row):
    """Name, shape, type and, where it was asked for, the digest."""
    shape = "x".join(map(str, row["shape"])) or "scalar"
    digest = [row["sha256"]] if "sha256" in row else []
    return [printable(row["name"]), shape, row["dtype"], *digest]
