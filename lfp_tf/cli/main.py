"""`lfp-tf VERB ...`: finds the sub-command, runs it, turns a user's mistake into one sentence."""

import argparse
import importlib
import os
import sys

from lfp_tf.cli.quiet import filter_native_chatter, quiet_tensorflow
from lfp_tf.errors import LfpError, nearest

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
PROGRAM = "lfp-tf"


class _Parser(argparse.ArgumentParser):
    """A parser whose complaint is one sentence that names the nearest right word."""

    def error(self, message):
        for word in sys.argv[1:]:
            if word.startswith("--") and word in message:
                flag = word.split("=")[0]
                message += nearest(flag, self._option_string_actions)
                break
        raise LfpError(f"{self.prog}: {message.rstrip('.')}. See `{self.prog} --help`.")


def main(arguments=None):
    """The entry point of `lfp-tf`; returns the exit status."""
    return guarded(_run, arguments)


def run_command(name, arguments, *, program):
    """Runs one sub-command under another program's name (`train.py`); returns the exit status."""
    return guarded(lambda words: parse_and_run(name, words, program), arguments)


def guarded(work, arguments):
    """Calls `work(arguments)`; a user's mistake becomes a sentence on standard error.

    `--debug` anywhere among the arguments shows the traceback.

    Args:
        arguments: the words; None takes the program's own and filters TensorFlow's chatter.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        filter_native_chatter()
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    quiet_tensorflow()
    try:
        return work(arguments)
    except LfpError as error:
        if debug:
            raise
        print(str(error), file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing more to say to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments):
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_help())
        return 0
    if arguments[0] == "--version":
        import lfp_tf

        print(lfp_tf.__version__)
        return 0
    name = arguments[0]
    if name not in SUB_COMMANDS:
        raise LfpError(
            f'No sub-command "{name}".{nearest(name, SUB_COMMANDS)} '
            f"There are {', '.join(SUB_COMMANDS)}."
        )
    return parse_and_run(name, arguments[1:], f"{PROGRAM} {name}")


def parse_and_run(name, arguments, program):
    """Runs a sub-command on these words; its errors are the caller's."""
    module = importlib.import_module(f"lfp_tf.cli.{name}")
    parser = _Parser(
        prog=program,
        description=f"{module.HELP}\n\nexample:\n{_indented(module.EXAMPLE)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return module.run(parser.parse_args(arguments))


def _help():
    lines = [f"usage: {PROGRAM} VERB ...   (`{PROGRAM} VERB --help` begins with an example)", ""]
    for name in SUB_COMMANDS:
        module = importlib.import_module(f"lfp_tf.cli.{name}")
        lines.append(f"  {name:12} {module.HELP}")
    return "\n".join(lines)


def _indented(text):
    return "\n".join(f"  {line}" for line in text.strip().splitlines())
