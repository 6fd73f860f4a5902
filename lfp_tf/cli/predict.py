"""`lfp-tf predict`: what a network sees in pictures, folders, videos and cameras."""

import pathlib
import sys

from lfp_tf.cli import predict_classes, predict_people
from lfp_tf.cli.crf_arguments import add_crf_arguments
from lfp_tf.cli.items import find_items
from lfp_tf.cli.network_arguments import add_network_arguments, add_protocol_arguments
from lfp_tf.cli.predict_live import VIEWS, check_live, is_live, live
from lfp_tf.cli.predict_network import check_network, open_network
from lfp_tf.cli.refused_arguments import OF_VIDEOS, refuse
from lfp_tf.errors import LfpError, WorkFailed

HELP = "pictures, folders, videos and cameras to labels, classes or joints; live views"
EXAMPLE = """
lfp-tf predict --experiment pspnet18_scenes --out predictions street.jpg
lfp-tf predict --experiment pspnet101_cityscapes --checkpoint old.pth pictures --out predictions
lfp-tf predict --saved_model export/scenes pictures/ drive.mp4 --out predictions
lfp-tf predict --experiment pspnet_mobilenetv2_camvid --camera 0 --long_side 513
lfp-tf predict --experiment lfp_hourglass_small --checkpoint runs/lfp_hourglass_small people --out p
"""
MAX_PIXELS = 33_554_432


def add_arguments(parser):
    """Adds the arguments of `lfp-tf predict`."""
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="pictures, videos, folders of them"
    )
    parser.add_argument("--out", metavar="DIR", help="where the results go")
    parser.add_argument("--overwrite", action="store_true", help="replace results in --out")
    group = add_network_arguments(parser)
    group.add_argument(
        "--saved_model", metavar="DIR", help="what `export` wrote; a program: only if you trust it"
    )
    group = add_protocol_arguments(parser)
    group.add_argument(
        "--long_side",
        type=int,
        metavar="N",
        help="the network sees pictures with their longer side at N pixels; labels come back at "
        "their own size (own size; DeepLab's demo: 513)",
    )
    add_crf_arguments(parser)
    predict_people.add_arguments(parser)
    _add_video_arguments(parser)
    parser.add_argument(
        "--max_pixels",
        type=int,
        default=MAX_PIXELS,
        help=f"refuse larger pictures ({MAX_PIXELS})",
    )


def _add_video_arguments(parser):
    group = parser.add_argument_group(
        "videos and live views", "--crf is slow here: a second or so for every frame."
    )
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
        "--frames", action="store_true", help="write a label PNG of every frame of a video too"
    )


def run(arguments):
    """Carries out `lfp-tf predict`; prints the files written, or a classifier's answers.

    Raises:
        LfpError: names or paths that are not as they must be, before anything is read.
        WorkFailed: at the end, if inputs were refused; each was named, the others are done.
    """
    _check_numbers(arguments)
    if not is_live(arguments):
        _check_places(arguments)
    kind = check_network(arguments)
    if kind != "segmentation":
        _predict_other(kind, arguments)
        return 0
    if arguments.people:
        raise LfpError("--people is for pose; this network segments whole pictures.")
    check_live(arguments)
    if is_live(arguments):
        live(arguments)
        return 0
    items = find_items(arguments.inputs, pathlib.Path(arguments.out))
    _check_items(items, arguments)
    _predict_all(items, arguments)
    return 0


def _predict_other(kind, arguments):
    """What a network of another kind than segmentation makes of pictures."""
    why = f"is for videos and live views of segmentation; a network for {kind} takes pictures."
    refuse(arguments, OF_VIDEOS, why)
    items = find_items(arguments.inputs, pathlib.Path(arguments.out))
    for item in items:
        if item.is_video:
            raise LfpError(f"{item.source} is a video, but a network for {kind} takes pictures.")
    {"classification": predict_classes, "pose": predict_people}[kind].predict(items, arguments)


def _check_places(arguments):
    if not arguments.inputs:
        raise LfpError("Nothing to look at; give pictures, videos, folders, or --camera 0.")
    if not arguments.out:
        raise LfpError("--out is missing: the folder that gets the results.")


def _check_numbers(arguments):
    for name in ("max_pixels", "every", "max_frames"):
        value = getattr(arguments, name)
        if value is not None and value < 1:
            raise LfpError(f"--{name} must be at least 1, not {value}.")


def _check_items(items, arguments):
    if not any(item.is_video for item in items):
        for name, unset in (("every", 1), ("max_frames", None), ("frames", False)):
            if getattr(arguments, name) != unset:
                raise LfpError(f"--{name} is for videos, but there is none among the inputs.")
    if arguments.overwrite:
        return
    for path in (path for item in items for path in item.outputs(frames=arguments.frames)):
        if path.exists():
            raise LfpError(f"{path} exists already; give another --out, or --overwrite.")


def _predict_all(items, arguments):
    """Pictures first, then videos; what is refused is named, and the rest goes on."""
    from lfp_tf.cli.predict_pictures import predict_pictures
    from lfp_tf.cli.predict_video import predict_video
    from lfp_tf.images.video import BrokenVideo

    network = open_network(arguments)
    pictures = [item for item in items if not item.is_video]
    videos = [item for item in items if item.is_video]
    num_refused = predict_pictures(pictures, network, arguments) if pictures else 0
    for item in videos:
        try:
            predict_video(item, network, arguments)
        except LfpError as error:
            is_of_the_disk = isinstance(error, WorkFailed) and not isinstance(error, BrokenVideo)
            if len(items) == 1 or is_of_the_disk:
                raise
            num_refused += 1
            text = str(error)
            print(text if str(item.source) in text else f"{item.source}: {text}", file=sys.stderr)
    if num_refused:
        kinds = "videos" if not pictures else "inputs" if videos else "pictures"
        raise WorkFailed(
            f"{num_refused} of {len(items)} {kinds} were refused; they are named above."
        )
