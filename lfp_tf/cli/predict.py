"""`lfp-tf predict`: a network's predictions for images, folders, videos and cameras."""

import argparse
import pathlib
from typing import TYPE_CHECKING, Any

from lfp_tf.cli.checks import check_at_least_one
from lfp_tf.cli.items import Item, find_items
from lfp_tf.cli.network_arguments import add_network_arguments, checked_experiment, load
from lfp_tf.cli.output import say, show
from lfp_tf.cli.predict_images import predict_images
from lfp_tf.cli.predict_live import VIEWS, check_live, is_live, live
from lfp_tf.cli.predict_video import FRAMES, OVERLAY, VideoOptions, predict_video
from lfp_tf.cli.task_options import add_task_options, check_fixed_options, check_task_options
from lfp_tf.errors import LfpError, WorkFailed
from lfp_tf.files import atomic_path
from lfp_tf.serving.description import find_export, read_export
from lfp_tf.tasks import catalog
from lfp_tf.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from lfp_tf.tasks.results import Results

HELP = "images, folders, videos and cameras to labels, classes or joints; live views"
EXAMPLE = """
lfp-tf predict --experiment pspnet_mobilenetv2_camvid --out predictions street.jpg
lfp-tf predict --experiment pspnet101_cityscapes --checkpoint old.pth images --out predictions
lfp-tf predict --saved_model export/scenes images/ drive.mp4 --out predictions
lfp-tf predict --experiment pspnet_mobilenetv2_camvid --camera 0 --long_side 513
lfp-tf predict --experiment lfp_hourglass_small --checkpoint runs/lfp_hourglass_small people --out p
"""
MAX_PIXELS = 33_554_432
_OF_AN_EXPERIMENT = ("experiment", "checkpoint", "preset")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `lfp-tf predict`."""
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="images, videos, folders of them"
    )
    parser.add_argument("--out", metavar="DIR", help="where the results go")
    parser.add_argument("--overwrite", action="store_true", help="replace results in --out")
    group = add_network_arguments(parser)
    group.add_argument(
        "--saved_model", metavar="DIR", help="what `export` wrote; a program: only if you trust it"
    )
    add_task_options(parser, "predict")
    _add_video_arguments(parser)
    parser.add_argument(
        "--max_pixels", type=int, default=MAX_PIXELS, help=f"refuse larger images ({MAX_PIXELS})"
    )


def _add_video_arguments(parser):
    group = parser.add_argument_group("videos and live views")
    group.add_argument("--live", action="store_true", help="show a video file instead of writing")
    group.add_argument("--camera", type=int, metavar="N", help="show a camera live; 0 is the first")
    group.add_argument(
        "--view", help=f"{', '.join(VIEWS)}: window where there is a display, else a page (auto)"
    )
    group.add_argument(
        "--port", type=int, metavar="N", help="of the page, on this machine alone (0: a free one)"
    )
    group.add_argument(
        "--every", type=int, default=1, metavar="N", help="take every N-th frame only (1)"
    )
    group.add_argument("--max_frames", type=int, metavar="N", help="stop after N frames (the end)")
    group.add_argument(
        "--frames", action="store_true", help="write a file for every frame of a video too"
    )


def run(arguments: argparse.Namespace) -> int:
    """Checks what is given, then predicts; prints the files written, or a classifier's answers.

    Raises:
        LfpError: names or paths that are not as they must be, before anything is read.
        WorkFailed: at the end, if inputs were refused; each was named, the others are done.
    """
    check_at_least_one(arguments, "max_pixels", "every", "max_frames")
    if not is_live(arguments):
        _check_places(arguments)
    task = _task(arguments)
    check_task_options(arguments, "predict", task)
    check_live(arguments)
    if is_live(arguments):
        live(lambda: open_results(task, arguments), arguments)
        return 0

    items = find_items(arguments.inputs, pathlib.Path(arguments.out))
    _check_items(items, task, arguments)
    annotations = catalog.part(task, "arguments").read_annotations(arguments, items)
    results = open_results(task, arguments, annotations)
    num_refused = _predict(items, results, arguments)
    _write_summaries(results, pathlib.Path(arguments.out))
    if num_refused:
        raise WorkFailed(
            f"{num_refused} of {len(items)} {_kind(items)} were refused; they are named above."
        )
    return 0


def open_results(
    task: TaskSpec, arguments: argparse.Namespace, annotations: Any = None
) -> "Results":
    """The task's `Results` of the network that the arguments name.

    Args:
        task: of that network.
        arguments: parsed and checked.
        annotations: what the task's own `read_annotations` gave.
    """
    part = catalog.part(task, "results")
    if arguments.saved_model:
        folder = find_export(arguments.saved_model)
        results = part.of_export(folder, read_export(folder), arguments, annotations)
        network = {"saved_model": str(folder)}
    else:
        results = part.of_model(load(arguments), arguments, annotations)
        network = {"experiment": arguments.experiment, "checkpoint": arguments.checkpoint}
    results.facts = network | results.facts
    return results


def _check_places(arguments):
    if not arguments.inputs:
        raise LfpError("Nothing to predict; give images, videos, folders, or --camera 0.")
    if not arguments.out:
        raise LfpError("--out is missing: the folder that gets the results.")


def _task(arguments):
    """The task of the network that the arguments name."""
    if not arguments.saved_model:
        return checked_experiment(arguments).task
    for name in _OF_AN_EXPERIMENT:
        if getattr(arguments, name):
            raise LfpError(f"--{name} is fixed in a SavedModel; leave it out with --saved_model.")
    check_fixed_options(arguments, "predict")
    return catalog.named(read_export(find_export(arguments.saved_model))["task"])


def _check_items(items, task, arguments):
    """Refuses options of videos where there are none, and results that are there already."""
    if not any(item.is_video for item in items):
        for name, unset in (("every", 1), ("max_frames", None), ("frames", False)):
            if getattr(arguments, name) != unset:
                raise LfpError(f"--{name} is for videos, but there is none among the inputs.")
    if arguments.overwrite:
        return
    part = catalog.part(task, "arguments")
    for path in (pathlib.Path(arguments.out) / name for name in part.SUMMARIES):
        _check_new(path)
    of_video = (OVERLAY, ".json", *([FRAMES] if arguments.frames else []))
    for item in items:
        for ending in of_video if item.is_video else part.ENDINGS:
            _check_new(item.path(ending))


def _check_new(path):
    if path.exists():
        raise LfpError(f"{path} exists already; give another --out, or --overwrite.")


def _predict(items, results, arguments):
    """Images first, then videos; what is refused is named and counted, and the rest goes on."""
    from lfp_tf.images.video import BrokenVideo

    options = VideoOptions(
        max_pixels=arguments.max_pixels,
        every=arguments.every,
        max_frames=arguments.max_frames,
        has_frame_files=arguments.frames,
    )
    images = [item for item in items if not item.is_video]
    num_refused = predict_images(images, results, max_pixels=options.max_pixels) if images else 0
    for item in items:
        if not item.is_video:
            continue
        try:
            predict_video(item, results, options)
        except LfpError as error:
            is_of_the_disk = isinstance(error, WorkFailed) and not isinstance(error, BrokenVideo)
            if len(items) == 1 or is_of_the_disk:
                raise
            num_refused += 1
            say(item.refusal(error))
    return num_refused


def _write_summaries(results, out):
    """Writes the files over all images, and prints their paths."""
    for name, content in results.summary_files().items():
        with atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
        show(str(out / name))


def _kind(items: list[Item]) -> str:
    """What inputs are called: images, videos, or inputs where there are both."""
    kinds = {"videos" if item.is_video else "images" for item in items}
    return kinds.pop() if len(kinds) == 1 else "inputs"
