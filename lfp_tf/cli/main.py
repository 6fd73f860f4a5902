"""`lfp-tf VERB ...`: finds the sub-command, runs it, turns a user's mistake into one sentence.

A sub-command is a file of this folder that reads from top to bottom: what it is (`HELP`,
`EXAMPLE`), its arguments (`add_arguments`), then `run`, which checks names, paths and numbers
without TensorFlow before it does the job in a few calls; the functions it calls follow in order.
"""

import argparse
import importlib
import itertools
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from lfp_tf.cli.output import say, show
from lfp_tf.cli.quiet import filter_native_chatter, quiet_tensorflow
from lfp_tf.errors import LfpError, nearest

PROGRAM = "lfp-tf"
# The order of the help.
SUB_COMMANDS = (
    "experiments",
    "data",
    "demo",
    "train",
    "evaluate",
    "predict",
    "export",
    "convert",
    "inspect",
    "parity",
    "info",
)


class SubCommand(Protocol):
    """What the file of a sub-command offers.

    Attributes:
        HELP: its line in the help.
        EXAMPLE: command lines to paste.
    """

    HELP: str
    EXAMPLE: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Adds its arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Carries it out; returns the exit status."""
        ...


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of `lfp-tf`; returns the exit status."""
    return guarded(_run, arguments)


def run_command(name: str, arguments: Sequence[str] | None, *, program: str) -> int:
    """Runs one sub-command under another program's name (`train.py`); returns the exit status."""
    return guarded(lambda words: parse_and_run(name, words, program), arguments)


def guarded(work: Callable[[list[str]], int], arguments: Sequence[str] | None) -> int:
    """Calls `work(arguments)`; a user's mistake becomes a sentence on standard error.

    `--debug` anywhere among the arguments shows the traceback.

    Args:
        work: gets the words and returns the exit status.
        arguments: the words; None takes the program's own and filters TensorFlow's chatter.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        filter_native_chatter()
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    quiet_tensorflow()
    try:
        return work(words)
    except LfpError as error:
        if debug:
            raise
        say(str(error))
        return error.exit_status
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing more to say to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parse_and_run(name: str, arguments: Sequence[str], program: str) -> int:
    """Runs a sub-command on these words; its errors are the caller's."""
    command = _sub_command(name)
    parser = _Parser(
        prog=program,
        description=f"{command.HELP}\n\nexample:\n{_indented(command.EXAMPLE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return command.run(parser.parse_args(arguments))


def _run(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        show(_help())
        return 0
    if arguments[0] == "--version":
        import lfp_tf

        show(lfp_tf.__version__)
        return 0
    name = arguments[0]
    if name not in SUB_COMMANDS:
        raise LfpError(
            f'No sub-command "{name}".{nearest(name, SUB_COMMANDS)} '
            f"There are {', '.join(SUB_COMMANDS)}."
        )
    return parse_and_run(name, arguments[1:], f"{PROGRAM} {name}")


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence that names the nearest right word."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses a misspelt flag first: what else is amiss may follow from it."""
        for word in itertools.takewhile(lambda word: word != "--", args or ()):
            flag = word.partition("=")[0]
            if re.fullmatch(r"--\w[-\w]*", flag) and flag not in self._option_string_actions:
                own = [name.lstrip("-") for name in self._option_string_actions]
                hint = nearest(flag.lstrip("-"), own).replace('"', '"--', 1)
                raise LfpError(
                    f"{self.prog} has no flag {flag}.{hint} `{self.prog} --help` lists them."
                )
        return super().parse_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise LfpError(f"{self.prog}: {message.rstrip('.')}. See `{self.prog} --help`.")


def _help():
    lines = [f"usage: {PROGRAM} VERB ...   (`{PROGRAM} VERB --help` begins with an example)", ""]
    lines += [f"  {name:12} {_sub_command(name).HELP}" for name in SUB_COMMANDS]
    return "\n".join(lines)


def _sub_command(name) -> SubCommand:
    return importlib.import_module(f"lfp_tf.cli.{name}")  # pyright: ignore[reportReturnType]


def _indented(text):
    return "\n".join(f"  {line}" for line in text.strip().splitlines())
