"""What a command must know of a task before TensorFlow is loaded: the task itself, its options."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class TaskSpec:
    """A task: its name, its networks and the words of its sentences.

    Attributes:
        name: of its two folders, `data/NAME` and `tasks/NAME`.
        networks: what `models.catalog` calls its networks.
        function: of `import lfp_tf`, from an image to what its networks tell of it.
        outputs: what its classes are called in sentences: "classes", "joints".
        counted: what its scores count: "images", "people".
        is_oldest: whether records and exports that name no task are for this one.
    """

    name: str
    networks: tuple[str, ...]
    function: str
    outputs: str = "classes"
    counted: str = "images"
    is_oldest: bool = False


@dataclasses.dataclass(frozen=True)
class Option:
    """A command-line option of a task; `arguments.OPTIONS` of the task lists them.

    Attributes:
        name: without its dashes.
        help: one line, the default in brackets.
        commands: sub-commands that have it.
        group: heading in the help.
        parse: function of a word to its value; None for a flag.
        default: value where it is not given.
        metavar: what the help calls its value.
        takes_many: whether several words follow.
        is_fixed_in_exports: whether an export was written with one choice of it.
    """

    name: str
    help: str
    commands: tuple[str, ...]
    group: str
    parse: Callable[[str], object] | None = str
    default: object = None
    metavar: str | None = None
    takes_many: bool = False
    is_fixed_in_exports: bool = False
