"""How commands print: results on standard output, everything else on standard error.

What a terminal would obey (escape codes in names) is escaped here; nothing else prints.
"""

import sys
from collections.abc import Iterator, Sequence

from lfp_tf.errors import visible


def say(text: str) -> None:
    """Prints what is no result: what begins, notes, warnings, what comes next."""
    print(visible(text), file=sys.stderr, flush=True)


def show(result: object, *, end: str = "\n") -> None:
    """Prints a result on standard output."""
    print(visible(str(result)), end=end)


def aligned(rows: Sequence[Sequence[str]], *, num_right: int = 0) -> Iterator[str]:
    """The lines of a table.

    Args:
        rows: cells, as many in each row.
        num_right: so many of the last columns stand to the right.

    >>> list(aligned([("name", "size"), ("a", "10")], num_right=1))
    ['name  size', 'a       10']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if number >= len(row) - num_right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
