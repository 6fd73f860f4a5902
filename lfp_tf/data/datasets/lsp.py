"""Leeds Sports Pose, and its extended training set: 14 joints, one person per image.

Johnson and Everingham, BMVC 2010 and CVPR 2011.

    images/NAME.jpg           an image; sorted by name they are the people of joints.mat
    joints.mat                [3, 14, N] of the set of 2000, [14, 3, N] of the extended set
    annotations.json          or a list of people, see `people_files.py`
    LEEDS_annotations.json    or the same under CPM's name

or, as bearpaw/PyraNet has it,

    LEEDS_annotations.json          14 joints a person, or 16 in MPII's order (pelvis, thorax more)
    lsp_dataset/images/NAME.jpg     the images of the set of 2000
    lspet_dataset/images/NAME.jpg   those of the extended set

With --extended the set of 2000 and the extended set, `lsp_dataset` and `lspet_dataset` with
joints.mat and images/ in each, are one set: train of both, val of the first.

Splits: the first 1000 of the set of 2000 are train, the rest val; the extended set is all train.
Centre and scale: the image's middle and longer side, or with --box joints the annotated joints'
box and a quarter; those of a file are not used.
Left out: people without a usable annotation, each named (`person_problem`).
Refused: images that are missing; joints of another shape or number; more or
fewer images than people.
"""

import pathlib

from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source
from lfp_tf.data.datasets.folders import files_below, first_file, source_folder
from lfp_tf.data.datasets.matlab_tree import read_matlab_numbers
from lfp_tf.data.datasets.people_files import Entry, people_of, read_json
from lfp_tf.data.plan import Plan
from lfp_tf.data.pose.records import pose_plan
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS

NAME = "lsp"
LAYOUT = (
    "images/*.jpg and joints.mat, annotations.json or LEEDS_annotations.json; or "
    "LEEDS_annotations.json beside lsp_dataset/images and lspet_dataset/images"
)
SPLITS = ("train", "val")

BOXES = ("image", "joints")
NUM_TRAIN = 1000  # of the set of 2000 images
_FILES = ("joints.mat", "annotations.json", "LEEDS_annotations.json")
_JOINED_FILE = "LEEDS_annotations.json"
_JOINED_PLACES = (".", "lsp")
_BOTH = ("lsp_dataset", "lspet_dataset")
_PARTS = tuple(f"{folder}/images" for folder in _BOTH)
# Of MPII's joints all but pelvis and thorax; LSP has neck and head behind the arms.
PLACES_IN_MPII = (*range(6), *range(10, 16), 8, 9)
_PLACES = (".", "lsp", "lsp_dataset", "lspet_dataset")


def plan(
    source: Source, asked: Asked = None, *, box: str = "image", extended: bool = False
) -> Plan:
    """Lists the people of a file of annotations.

    Args:
        source: the folder.
        asked: the splits to be written.
        box: `image`, or `joints`: the annotated joints' box and a quarter.
        extended: joins the set of 2000 and the extended set.

    Raises:
        LfpError: nothing there, annotations of no known form, images that are missing.
    """
    if extended:
        entries, images = read_both(source, NAME)
    else:
        path, images = _annotations(source)
        read = _read_mat if path.suffix == ".mat" else _read_json
        entries = read(path, JOINTS[NAME])
    entries = [entry.without_frame() for entry in entries]
    splits = people_of(entries, images, asked=asked, box=box)
    options = {"box": box} | ({"extended": True} if extended else {})
    return pose_plan(NAME, JOINTS[NAME], splits, options=options)


def read_both(source: Source, name: str) -> tuple[list[Entry], pathlib.Path]:
    """The people of both sets, and the folder that their images' names start from.

    Args:
        source: the folder that holds both.
        name: of the data set, for sentences.

    Raises:
        LfpError: one of the folders is missing, or its `joints.mat` is of another form.
    """
    parts = [f"{folder}/{part}" for folder in _BOTH for part in ("joints.mat", "images")]
    root = source_folder(source, name, " and ".join(parts), parts, places=_JOINED_PLACES)
    return [
        entry.with_image(f"{folder}/images/{entry.image}")
        for folder in _BOTH
        for entry in _read_mat(root / folder / "joints.mat", JOINTS[NAME])
    ], root


def _annotations(source):
    """The file of annotations, and the folder that its images' names start from."""
    if source is not None:
        for place in _JOINED_PLACES:
            path = pathlib.Path(source) / place / _JOINED_FILE
            if path.is_file() and any((path.parent / part).is_dir() for part in _PARTS):
                return path, path.parent
    root = source_folder(source, NAME, LAYOUT, (_FILES, "images"), places=_PLACES)
    path = first_file(root, _FILES)
    assert path is not None  # `source_folder` has checked it.
    return path, root / "images"


def _read_json(path, joints):
    return read_json(path, joints, other_orders={len(JOINTS["mpii"]): PLACES_IN_MPII})


def _read_mat(path, joints):
    """The `Entry`s of `joints.mat`."""
    table = read_matlab_numbers(path, "joints")
    if table.ndim != 3 or sorted(table.shape[:2]) != [3, len(joints)]:
        sides = "x".join(map(str, table.shape))
        raise LfpError(f"{path} holds joints of {sides}, not 3x14xN or 14x3xN.")
    is_extended = table.shape[0] == len(joints)
    # People, joints, (x, y, flag).
    table = table.transpose((2, 0, 1) if is_extended else (2, 1, 0)).tolist()
    names = files_below(pathlib.Path(path).parent / "images")
    if len(names) != len(table):
        raise LfpError(
            f"{path} has {len(table)} people, but images beside it holds {len(names)} images."
        )
    # The flag of the extended set says "annotated", that of the other "hidden".
    return [
        Entry(
            image=name,
            joints=tuple((x, y, int(flag > 0 if is_extended else True)) for x, y, flag in person),
            center=None,
            scale=None,
            head_size=0.0,
            split="train" if is_extended or number < NUM_TRAIN else "val",
            where=f"{path}, person {number + 1}",
        )
        for number, (name, person) in enumerate(zip(names, table, strict=True))
    ]


def _box(text):
    # Its name in version 0.1.
    text = "image" if text == "picture" else text
    if text not in BOXES:
        raise ValueError
    return text


DATASET = Dataset(
    name=NAME,
    summary="Leeds Sports Pose: 14 joints, train 1000, val 1000; or the extended 10000 (train)",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "box": Option(
            "crop about the image, or about the annotated joints (default image)",
            _box,
            f"one of {', '.join(BOXES)}",
        ),
        "extended": Option("joins lsp_dataset and lspet_dataset", parse=None),
    },
)
