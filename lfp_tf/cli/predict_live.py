"""The live view of `lfp-tf predict`: a camera or a video file, in a window or on a page."""

import argparse
import pathlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from lfp_tf.cli.output import say
from lfp_tf.errors import LfpError, nearest

if TYPE_CHECKING:
    from lfp_tf.tasks.results import Results

VIEWS = ("auto", "window", "web")
HIGHEST_PORT = 65535


def is_live(arguments: argparse.Namespace) -> bool:
    """Whether a live view is asked for."""
    return arguments.live or arguments.camera is not None


def check_live(arguments: argparse.Namespace) -> None:
    """Refuses what does not go together, for commands with and without a live view.

    Raises:
        LfpError: what is wrong.
    """
    if not is_live(arguments):
        for name in ("view", "port"):
            if getattr(arguments, name) is not None:
                raise LfpError(f"--{name} belongs to a live view; add --live or --camera 0.")
        return
    for name in ("out", "overwrite", "frames"):
        if getattr(arguments, name):
            raise LfpError(f"--{name} is for results in files; a live view only shows.")
    if arguments.view is not None and arguments.view not in VIEWS:
        raise LfpError(
            f'No view "{arguments.view}".{nearest(arguments.view, VIEWS)} '
            f"There are {', '.join(VIEWS)}."
        )
    if not 0 <= (arguments.port or 0) <= HIGHEST_PORT:
        raise LfpError(f"--port must be 0 to {HIGHEST_PORT}, not {arguments.port}.")
    if arguments.camera is None:
        _check_video(arguments.inputs)
    elif arguments.inputs:
        raise LfpError("Give either --camera or a video file, not both.")
    elif arguments.camera < 0:
        raise LfpError(f"--camera must be 0 or more, not {arguments.camera}.")


def _check_video(inputs):
    if len(inputs) != 1:
        raise LfpError(f"--live shows one video file or --camera 0, not {len(inputs)} inputs.")
    path = pathlib.Path(inputs[0])
    if not path.is_file():
        raise LfpError(f"There is no video file {path}.")


def live(open_results: Callable[[], "Results"], arguments: argparse.Namespace) -> None:
    """Carries out the live view; Ctrl-C, a closed window and a video's end are all good ends.

    Args:
        open_results: loads the network.
        arguments: parsed and checked.

    Raises:
        LfpError: no such camera, video or view.
        BrokenVideo: the video or camera broke off.
    """
    from lfp_tf.cli.live_view.session import open_view, run_live

    with _source(arguments) as source:
        view = open_view(arguments.view or "auto", source.name, port=arguments.port or 0)
        try:
            say(view.greeting)
            num_frames = run_live(
                source,
                view,
                open_results(),
                every=arguments.every,
                most=arguments.max_frames,
            )
        finally:
            view.close()
    say(f"{num_frames} frames of {source.name} were shown.")


def _source(arguments):
    from lfp_tf.images.video import open_camera, open_video

    if arguments.camera is None:
        return open_video(arguments.inputs[0], max_pixels=arguments.max_pixels)
    return open_camera(arguments.camera, max_pixels=arguments.max_pixels)
