"""What a data set lets its user choose: each option is a flag of `lfp-tf data`."""

import dataclasses
from collections.abc import Callable

from lfp_tf.errors import LfpError


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a data set's `plan`.

    Attributes:
        help: a few words with the default.
        parse: from the flag's text to the value; raises ValueError. None for a flag without value.
        wants: what the text should be, as a sentence calls it.
    """

    help: str
    parse: Callable | None
    wants: str = ""

    def read(self, name, text):
        """The value of a flag's text.

        Raises:
            LfpError: the text is not what the option wants.
        """
        if self.parse is None:
            return True
        try:
            return self.parse(text)
        except ValueError:
            raise LfpError(f'--{name} is {self.wants}, not "{text}".') from None


def whole_number(help_text, least=0, most=None):
    """An option that is a whole number in a range."""
    limits = f"from {least} on" if most is None else f"from {least} to {most}"

    def parse(text):
        value = int(text)
        if value < least or (most is not None and value > most):
            raise ValueError
        return value

    return Option(help_text, parse, f"a whole number {limits}")


def whole_numbers(help_text, count=None):
    """An option that is several whole numbers with commas between them."""

    def parse(text):
        values = tuple(int(word) for word in text.split(","))
        if min(values) < 0 or (count and len(values) != count):
            raise ValueError
        return values

    return Option(help_text, parse, f"{count or 'some'} whole numbers with commas between them")


def share(help_text):
    """An option that is a number between 0 and 1."""

    def parse(text):
        value = float(text)
        if not 0 < value < 1:
            raise ValueError
        return value

    return Option(help_text, parse, "a number between 0 and 1")
