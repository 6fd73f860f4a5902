"""What a data set tells `lfp-tf data` about itself: its name, its layout on disk, its options."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError

Source = str | os.PathLike | None  # --source as the user gave it
Asked = Sequence[str] | None  # the splits that --splits names; None is all that are there


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a data set's `plan`, a flag of `lfp-tf data`.

    Attributes:
        help: a few words with the default.
        parse: from the flag's text to the value; raises ValueError. None for a flag without value.
        wants: what the text should be, as a sentence calls it.
    """

    help: str
    parse: Callable[[str], Any] | None
    wants: str = ""

    def read(self, name: str, text: str) -> Any:
        """The value of a flag's text; its type is the option's own.

        Raises:
            LfpError: the text is not what the option wants.
        """
        if self.parse is None:
            return True
        try:
            return self.parse(text)
        except ValueError:
            raise LfpError(f'--{name} is {self.wants}, not "{text}".') from None


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set that `lfp-tf data` writes as records.

    Attributes:
        name: of the data set, its records and its table of classes.
        summary: its line in `lfp-tf data --help`.
        layout: what the folder of --source must hold.
        splits: those that it can have.
        plan: from --source, the splits asked for and the options to a `Plan`; reads names and
            lists, but no images. A split that is not asked for is not looked at, if that can be.
        options: {name: option}, the keyword arguments of `plan`.
        needs_source: false where nothing is read.
    """

    name: str
    summary: str
    layout: str
    splits: tuple[str, ...]
    plan: Callable[..., Plan]
    options: Mapping[str, Option] = dataclasses.field(default_factory=dict)
    needs_source: bool = True


def whole_number(help_text: str, least: int = 0, most: int | None = None) -> Option:
    """An option that is a whole number in a range."""
    limits = f"from {least} on" if most is None else f"from {least} to {most}"

    def parse(text):
        value = int(text)
        if value < least or (most is not None and value > most):
            raise ValueError
        return value

    return Option(help_text, parse, f"a whole number {limits}")


def whole_numbers(help_text: str, count: int | None = None) -> Option:
    """An option that is several whole numbers with commas between them."""

    def parse(text):
        values = tuple(int(word) for word in text.split(","))
        if min(values) < 0 or (count and len(values) != count):
            raise ValueError
        return values

    return Option(help_text, parse, f"{count or 'some'} whole numbers with commas between them")


def share(help_text: str) -> Option:
    """An option that is a number between 0 and 1."""

    def parse(text):
        value = float(text)
        if not 0 < value < 1:
            raise ValueError
        return value

    return Option(help_text, parse, "a number between 0 and 1")
