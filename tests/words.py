"""The arguments of a command as it parses its words, for tests of what tasks make of them."""

import argparse
import importlib


def parsed(command, *words):
    """What `lfp-tf COMMAND WORDS` works with."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"lfp_tf.cli.{command}").add_arguments(parser)
    return parser.parse_args([str(word) for word in words])
