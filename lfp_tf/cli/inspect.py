"""`lfp-tf inspect`: what an old checkpoint holds, before anything is converted."""

import hashlib
import json

from lfp_tf.checkpoints.formats.mapped_file import printable
from lfp_tf.checkpoints.read import identify, read_checkpoint

HELP = "show what an old checkpoint holds: format, lineage, names, shapes, types"
EXAMPLE = """\
lfp-tf inspect pspnet101_cityscapes.caffemodel
lfp-tf inspect train_epoch_200.pth --json --digest      # for a program to read
lfp-tf inspect runs/old/model.ckpt-60000                # TensorFlow: the prefix or its folder"""


def add_arguments(parser):
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


def run(arguments):
    """Carries out `lfp-tf inspect`.

    Returns:
        The exit status, 0.

    Raises:
        LfpError: the file is no checkpoint, damaged, or asks for more than arrays.
    """
    from lfp_tf.checkpoints.lineages import lineage_name

    kind = identify(arguments.file)
    arrays = read_checkpoint(arguments.file)
    rows = [_row(name, values, digest=arguments.digest) for name, values in arrays.items()]
    found = {"format": kind, "lineage": lineage_name(arrays), "arrays": rows}
    if arguments.json:
        print(json.dumps(found, indent=1))
    else:
        num_values = sum(values.size for values in arrays.values())
        print(f"format   {kind}")
        print(f"lineage  {found['lineage'] or 'unknown'}")
        print(f"arrays   {len(rows)} with {num_values:,} values\n")
        print("\n".join(_table(rows)))
    return 0


def _digest(values):
    """The SHA-256 of an array's values as little-endian float32 in C order, in hexadecimal."""
    return hashlib.sha256(values.astype("<f4", order="C").tobytes()).hexdigest()


def _row(name, values, *, digest):
    row = {"name": name, "shape": list(values.shape), "dtype": str(values.dtype)}
    return row | {"sha256": _digest(values)} if digest else row


def _table(rows):
    """Lines of aligned columns: name, shape, type and, where they were asked for, digests."""
    cells = [
        [
            printable(row["name"]),
            "x".join(map(str, row["shape"])) or "scalar",
            row["dtype"],
            *([row["sha256"]] if "sha256" in row else []),
        ]
        for row in rows
    ]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    for line in cells:
        yield "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
