"""The options that tasks bring to a command: in its help, and refused for another task."""

import argparse
from collections.abc import Iterator
from typing import Any

from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import Option, TaskSpec


def add_task_options(parser: argparse.ArgumentParser, command: str) -> None:
    """Adds the options of every task that a command has, each once, under their headings."""
    groups = {}
    for option in {option.name: option for option, _ in _options(command)}.values():
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        more: dict[str, Any] = {"metavar": option.metavar}
        if option.parse is None:
            more = {"action": "store_true"}
        elif option.parse is not str:
            more["type"] = option.parse
        if option.takes_many:
            more["nargs"] = "+"
        groups[option.group].add_argument(
            f"--{option.name}", help=option.help, default=option.default, **more
        )


def check_task_options(arguments: argparse.Namespace, command: str, task: TaskSpec) -> None:
    """Refuses options of other tasks than the network's, then lets the task check its own.

    Raises:
        LfpError: one of them was given, or a value that cannot be.
    """
    own = {option.name for option, owner in _options(command) if owner is task}
    for option, _ in _options(command):
        if option.name not in own and _is_given(option, arguments):
            owners = [owner.name for o, owner in _options(command) if o.name == option.name]
            raise LfpError(
                f"--{option.name} is for {' and '.join(owners)}, but this network is for "
                f"{task.name}."
            )
    catalog.part(task, "arguments").check(arguments, command)


def check_fixed_options(arguments: argparse.Namespace, command: str) -> None:
    """Refuses options whose value was fixed when an export was written.

    Raises:
        LfpError: one of them was given.
    """
    for option, _ in _options(command):
        if option.is_fixed_in_exports and _is_given(option, arguments):
            raise LfpError(
                f"--{option.name} is fixed in a SavedModel; leave it out with --saved_model."
            )


def _is_given(option, arguments):
    return getattr(arguments, option.name) != option.default


def _options(command) -> Iterator[tuple[Option, TaskSpec]]:
    """Pairs of an option and its task, of all tasks."""
    for task in catalog.TASKS:
        for option in catalog.part(task, "arguments").OPTIONS:
            if command in option.commands:
                yield option, task
