"""The one error a user sees, help with misspelt names, and sentences out of graphs."""

import difflib
import re
import unicodedata
from collections.abc import Iterable

NUM_SHOWN = 5  # of many names in a sentence


class LfpError(Exception):
    """A mistake in what the user gave: one sentence that says what, where and what to do.

    A command prints the text and exits with `exit_status`: 2 for unusable arguments or
    input, 1 for work that failed though the input was usable.
    """

    exit_status = 2


class WorkFailed(LfpError):
    """The input was usable, the work did not succeed (a full disk, a NaN loss)."""

    exit_status = 1


def nearest(name: str, choices: Iterable[object]) -> str:
    """Gives ` Did you mean "x"?` for the choice nearest to `name`, or an empty text."""
    words = [str(choice) for choice in choices]
    matches = difflib.get_close_matches(str(name), words, n=1, cutoff=0.5)
    return f' Did you mean "{matches[0]}"?' if matches else ""


def first_of(texts: Iterable[object], separator: str = ", ") -> str:
    """Gives the first few of many texts, and how many more there are.

    >>> first_of("abcdefg")
    'a, b, c, d, e, and 2 more'
    """
    texts = [str(text) for text in texts]
    shown = texts[:NUM_SHOWN]
    if len(texts) > NUM_SHOWN:
        shown.append(f"and {len(texts) - NUM_SHOWN} more")
    return separator.join(shown)


def printable(text: object, *, longest: int = 300) -> str:
    """Turns a foreign text into one line without control characters that is not too long.

    >>> printable("os\\nsystem")
    'os\\\\nsystem'
    """
    text = str(text)
    cut = text if len(text) <= longest else text[:longest] + "..."
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in cut)


def visible(text: str) -> str:
    """Escapes what a terminal would obey in a text of several lines; line ends and tabs stay.

    Names of files, classes and arrays come from anybody: an escape code in one moves the cursor,
    renames the window, or writes over what stood there.

    >>> visible("a\\x1b[2J b")
    'a\\\\x1b[2J b'
    """
    if text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else ascii(sign)[1:-1] for sign in text)


def _is_harmless(sign):
    return sign.isprintable() or sign in "\n\t" or unicodedata.category(sign) == "Zs"


def graph_sentence(error: Exception) -> str:
    """Takes the sentence of a `tf.debugging.Assert` out of TensorFlow's message around it.

    Of an error that no assertion raised it gives the last line of its message.
    """
    text = str(getattr(error, "message", error))
    if match := re.search(r"assertion failed: \[(.*?)\](?=\s*\[\[|\s*$)", text, re.DOTALL):
        return _unescaped(match[1])
    bare = re.sub(r"\{\{.*?\}\}|\[\[.*?\]\]|\[Op:\S*\](?: name:)?", "", text)
    lines = [line.strip() for line in bare.splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _unescaped(text: str) -> str:
    """Undoes C's escapes: quotes, line ends, and bytes outside ASCII as octal numbers."""

    def plain(match):
        escaped = match[0].encode("ascii").decode("unicode_escape")
        return escaped.encode("latin-1").decode("utf-8", "replace")

    return re.sub(r"(\\[0-7]{3})+|\\[nrt'\"\\]", plain, text)
