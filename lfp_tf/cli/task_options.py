"""The options that tasks bring to a command: in its help, and refused for another task."""

from lfp_tf.errors import LfpError
from lfp_tf.tasks import catalog


def add_task_options(parser, command):
    """Adds the options of every task that a command has, each once, under their headings."""
    groups = {}
    for option in {o.name: o for o, _ in _options(command)}.values():
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        more = {"action": "store_true"} if option.parse is None else {"metavar": option.metavar}
        if option.parse not in (None, str):
            more["type"] = option.parse
        if option.takes_many:
            more["nargs"] = "+"
        groups[option.group].add_argument(
            f"--{option.name}", help=option.help, default=option.default, **more
        )


def check_task_options(arguments, command, task):
    """Refuses options of other tasks than the network's, then lets the task look at its own.

    Raises:
        LfpError: one of them was given, or a value that cannot be.
    """
    own = {option.name for option, owner in _options(command) if owner is task}
    for option, _ in _options(command):
        if option.name not in own and getattr(arguments, option.name) != option.default:
            owners = [owner.name for o, owner in _options(command) if o.name == option.name]
            raise LfpError(
                f"--{option.name} is for {' and '.join(owners)}, but this network is for "
                f"{task.name}."
            )
    catalog.part(task, "arguments").check(arguments, command)


def check_fixed_options(arguments, command):
    """Refuses options whose value was fixed when an export was written.

    Raises:
        LfpError: one of them was given.
    """
    for option, _ in _options(command):
        if option.is_fixed_in_exports and getattr(arguments, option.name) != option.default:
            raise LfpError(
                f"--{option.name} is fixed in a SavedModel; leave it out with --saved_model."
            )


def _options(command):
    """Pairs of an option and its task, of all tasks."""
    for task in catalog.TASKS:
        for option in catalog.part(task, "arguments").OPTIONS:
            if command in option.commands:
                yield option, task
