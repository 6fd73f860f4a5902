"""The one error a user sees, and the help it gives with misspelt names."""

import difflib


class LfpError(Exception):
    """A mistake in what the user gave: one sentence that says what, where and what to do.

    A command prints the text and exits with `exit_status`: 2 for unusable arguments or
    input, 1 for work that failed though the input was usable.
    """

    exit_status = 2


class WorkFailed(LfpError):
    """The input was usable, the work did not succeed (a full disk, a NaN loss)."""

    exit_status = 1


def nearest(name, choices):
    """The sentence ` Did you mean "x"?` for the choice nearest to `name`, or an empty text."""
    words = [str(choice) for choice in choices]
    found = difflib.get_close_matches(str(name), words, n=1, cutoff=0.5)
    return f' Did you mean "{found[0]}"?' if found else ""
