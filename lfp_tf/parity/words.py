"""The vocabulary of cases: a word or a value that is not known is a failure, never skipped."""

from typing import Any

from lfp_tf.errors import LfpError


class UnknownWord(LfpError):
    """A case uses a kind, word or value that the runner does not know."""

    exit_status = 1


class NotAtHand(LfpError):
    """A case needs a file that is not in its folder and that the user did not name."""

    exit_status = 1


def check(words: dict, known: dict, *, where: str = "config") -> None:
    """Refuses words that `known` does not hold and values outside its choices.

    Args:
        words: a case's dictionary.
        known: {word: choices, or a predicate, or a nested dictionary of the same form}.
        where: how the message calls the dictionary.

    Raises:
        UnknownWord: the first that is wrong.
    """
    for word, value in words.items():
        if word not in known:
            raise UnknownWord(f'{where} has the unknown word "{word}".')
        rule = known[word]
        if isinstance(rule, dict):
            check(value, rule, where=f"{where}.{word}")
        elif not (rule(value) if callable(rule) else value in rule):
            raise UnknownWord(f"{where}.{word} has the unknown value {value!r}.")


def is_number(value: Any) -> bool:
    """Whether a value is a number and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether a value is a whole number above 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def is_numbers(value: Any) -> bool:
    """Whether a value is a list of numbers."""
    return isinstance(value, list) and all(is_number(item) for item in value)


def is_flag(value: Any) -> bool:
    """Whether a value is true or false."""
    return isinstance(value, bool)
