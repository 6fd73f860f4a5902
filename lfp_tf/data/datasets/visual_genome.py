"""Visual Genome: boxes of its 3000 commonest synsets, COCO's classes first (visualgenome.org).

    image_data.json, objects.json      here or in annotations/ (version 1.2 or later)
    VG_100K/, VG_100K_2/               images, anywhere below
    instances_minival2014.json         of COCO, here or in annotations/: val are the images whose
                                       ids it lists; instances_val2017.json lists the same

Classes, as MaskX R-CNN has them (`ronghanghu/seg_every_thing` lib/datasets/
bbox2mask_dataset_processing/vg): COCO's 80 by their names and in their order, each for its synset;
behind them the other synsets in the order of the alphabet. `dataset.json` lists the synsets.
Splits: val are images that are COCO's minival too; test the last 5000 of those that COCO does not
have; train all others.
Left out: objects with no synset, with several, or with a rare one (they are counted); images whose
size is not the annotation's.
Refused: images that are missing or found twice.
"""

import collections
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lfp_tf.data.datasets.coco_json import source_images
from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source, whole_number
from lfp_tf.data.datasets.folders import (
    NoSamples,
    existing_source,
    files_below,
    first_file,
    read_splits,
)
from lfp_tf.data.detection.coco_file import coco_of
from lfp_tf.data.detection.records import detection_plan
from lfp_tf.data.plan import Plan
from lfp_tf.documents import load_json
from lfp_tf.errors import LfpError, printable
from lfp_tf.images.palette import class_table

NAME = "visual_genome"
LAYOUT = (
    "image_data.json, objects.json and COCO's instances_minival2014.json (or "
    "instances_val2017.json), here or in annotations/, and VG_100K/, VG_100K_2/"
)
SPLITS = ("train", "val", "test")
SYNSETS, TEST_IMAGES = 3000, 5000
# What the original appends to the names of the categories that are COCO's.
_OF_COCO = ".coco"
_MINIVAL = ("instances_minival2014.json", "instances_val2017.json")
_PLACES = (".", "annotations")
# ".n.01" behind the words of a synset.
_END = 5
# Classes of COCO whose synset has another name than the class, or whose commonest is another one.
_BY_HAND = {
    "cell phone": "cellular_telephone.n.01",
    "couch": "sofa.n.01",
    "dining table": "dinner_table.n.01",
    "donut": "doughnut.n.02",
    "fire hydrant": "water_faucet.n.01",
    "hair drier": "hand_blower.n.01",
    "handbag": "bag.n.04",
    "hot dog": "hotdog.n.01",
    "orange": "orange.n.01",
    "potted plant": "plant.n.01",
    "remote": "remote_control.n.01",
    "skis": "ski.n.01",
    "sports ball": "ball.n.01",
    "stop sign": "sign.n.02",
    "suitcase": "bag.n.06",
    "teddy bear": "teddy.n.01",
    "tv": "television.n.01",
    "wine glass": "wineglass.n.01",
}


def plan(
    source: Source,
    asked: Asked = None,
    *,
    minival: str | None = None,
    synsets: int = SYNSETS,
    test_images: int = TEST_IMAGES,
) -> Plan:
    """Lists the images of the annotations and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        minival: COCO's file that lists the images of val; None finds it in the folder.
        synsets: how many of the commonest are kept.
        test_images: how many are held out for test.

    Raises:
        LfpError: nothing there, files of another form, images that are missing.
    """
    root = existing_source(source, NAME, LAYOUT)
    files = [_file(root, (name,)) for name in ("image_data.json", "objects.json")]
    held_out = pathlib.Path(minival) if minival else _file(root, _MINIVAL)
    coco_classes = class_table("coco_objects").names
    images, objects = (_listed(path) for path in files)
    kept = frequent_synsets(_in_order(files[1], objects), synsets)
    joint = joint_synsets(kept, coco_classes)
    parts = split_images(_described(files[0], images), minival_ids(held_out), test_images)

    def read(split):
        if not parts[split]:
            raise NoSamples(f"{root} has no image of {split}.")
        return coco_of(coco_content(parts[split], objects, kept, joint), files[1])

    contents, notes = read_splits(dict.fromkeys(SPLITS), asked, read)
    paths, labels = files_below(root), range(1, len(joint) + 1)
    splits = {
        split: source_images(root, paths, content, labels, ())
        for split, content in contents.items()
    }
    return detection_plan(
        NAME,
        [*coco_classes, *joint[len(coco_classes) :]],
        splits,
        options={"synsets": synsets, "test_images": test_images, "minival": held_out.name},
        notes=(
            *notes,
            *_left_out(objects, kept),
            *(note for content in contents.values() for note in content.notes),
        ),
        facts={"synsets": category_names(joint, len(coco_classes))},
    )


def frequent_synsets(objects: Iterable[Mapping[str, Any]], count: int) -> list[str]:
    """Lists the commonest synsets, the commonest first, those of equal number as they occur.

    An object with several counts for each of them.

    Args:
        objects: of `objects.json`: an entry an image.
        count: how many are kept.
    """
    counts = collections.Counter(
        synset for entry in objects for one in entry["objects"] for synset in one["synsets"]
    )
    return [synset for synset, _ in counts.most_common(count)]


def joint_synsets(synsets: Sequence[str], coco_classes: Sequence[str]) -> list[str]:
    """Lists the synset of each class: COCO's classes in their order, then the others sorted.

    A class of COCO is the commonest synset of its name, or that of the authors' list. One that has
    neither, which the whole data set does not know, is taken for the first noun of its name.

    Args:
        synsets: of `frequent_synsets`.
        coco_classes: names.

    >>> joint_synsets(["tree.n.01", "truck.n.01", "arm.n.01"], ["truck", "couch"])
    ['truck.n.01', 'sofa.n.01', 'arm.n.01', 'tree.n.01']
    """
    by_name = {synset[:-_END].replace("_", " "): synset for synset in reversed(synsets)}
    by_name |= _BY_HAND
    first = [by_name.get(name, f"{name.replace(' ', '_')}.n.01") for name in coco_classes]
    return [*first, *sorted(set(synsets) - set(first))]


def category_names(joint: Sequence[str], num_coco: int) -> list[str]:
    """Gives the original's names of the categories: `truck.n.01.coco`, ..., `arm.n.01`, ..."""
    return [*(f"{synset}{_OF_COCO}" for synset in joint[:num_coco]), *joint[num_coco:]]


def split_images(
    images: Sequence[Mapping[str, Any]], minival: Iterable[int], test_images: int
) -> dict[str, list[Mapping[str, Any]]]:
    """Divides the images: {split: those of it, in their order}.

    Args:
        images: entries of `image_data.json`; `coco_id` is null where COCO does not have it.
        minival: ids of COCO's images that val shares.
        test_images: how many are held out for test.
    """
    ids = set(minival)
    of_coco = {image["image_id"] for image in images if image["coco_id"] in ids}
    others = [image["image_id"] for image in images if image["coco_id"] is None]
    held_out = set(others[max(0, len(others) - test_images) :])
    parts = {split: [] for split in SPLITS}
    for image in images:
        is_val, is_test = image["image_id"] in of_coco, image["image_id"] in held_out
        parts["val" if is_val else "test" if is_test else "train"].append(image)
    return parts


def coco_content(
    images: Sequence[Mapping[str, Any]],
    objects: Iterable[Mapping[str, Any]],
    synsets: Sequence[str],
    joint: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    """Gives what a file of COCO's form would hold of some images: boxes without masks.

    Args:
        images: of `split_images`.
        objects: of `objects.json`.
        synsets: of `frequent_synsets`; objects of one of these alone are kept.
        joint: of `joint_synsets`.
    """
    labels = dict(zip(joint, range(1, len(joint) + 1), strict=True))
    kept = {synset: labels[synset] for synset in synsets}
    own = {image["image_id"] for image in images}
    return {
        "images": [
            {
                "id": image["image_id"],
                "file_name": "/".join(image["url"].split("/")[-2:]),
                "height": image["height"],
                "width": image["width"],
            }
            for image in images
        ],
        "annotations": [
            {
                "id": one["object_id"],
                "image_id": entry["image_id"],
                "category_id": kept[one["synsets"][0]],
                "bbox": [one["x"], one["y"], one["w"], one["h"]],
                "area": one["w"] * one["h"],
                "iscrowd": 0,
            }
            for entry in objects
            if entry["image_id"] in own
            for one in entry["objects"]
            if _is_kept(one, kept)
        ],
        "categories": [{"id": label, "name": synset} for label, synset in enumerate(joint, 1)],
    }


def minival_ids(path: pathlib.Path) -> set[int]:
    """Reads the ids of the images that a file of COCO lists.

    Raises:
        LfpError: no such file, or no list of images in it.
    """
    content = _json(path)
    try:
        return {image["id"] for image in content["images"]}
    except (KeyError, TypeError):
        raise LfpError(f"{path} lists no images as COCO's files do; give another file.") from None


def _is_kept(one, kept):
    return len(one["synsets"]) == 1 and one["synsets"][0] in kept


def _left_out(objects, synsets):
    """Sentences about objects without a class."""
    kept = set(synsets)
    left_out = collections.Counter(
        "rare" if len(one["synsets"]) == 1 else "several" if one["synsets"] else "no"
        for entry in objects
        for one in entry["objects"]
        if not _is_kept(one, kept)
    )
    words = {"no": "no synset", "several": "several synsets", "rare": "a synset that is not kept"}
    return [
        f"{left_out[key]} objects with {text} are left out."
        for key, text in words.items()
        if left_out[key]
    ]


def _file(root, names):
    path = next(filter(None, (first_file(root / place, names) for place in _PLACES)), None)
    if path is None:
        raise LfpError(f"{root} holds no {' or '.join(names)}. Expected: {LAYOUT}.")
    return path


def _json(path):
    try:
        return load_json(path)
    except (OSError, ValueError) as error:
        raise LfpError(f"{path} cannot be read as JSON ({printable(error)}).") from None


def _listed(path):
    content = _json(path)
    if not isinstance(content, list) or not content:
        raise LfpError(f"{path} is no list of Visual Genome's images; download it again.")
    return content


_NUMBERS = ("object_id", "x", "y", "w", "h")
_OF_IMAGES = {"image_id": int, "width": int, "height": int, "url": str, "coco_id": int | None}


def _in_order(path, objects):
    """The entries of `objects.json`, each checked."""
    for place, entry in enumerate(objects):
        try:
            is_whole = isinstance(entry["image_id"], int) and all(map(_is_object, entry["objects"]))
        except (KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise LfpError(
                f"{path}: entry {place} lacks image_id or objects, or one of these lacks one of "
                f"{', '.join(_NUMBERS)} and synsets; is it objects.json of version 1.2 or later?"
            )
        yield entry


def _is_object(one):
    has_numbers = all(isinstance(one[key], int | float) for key in _NUMBERS)
    return has_numbers and all(isinstance(synset, str) for synset in one["synsets"])


def _described(path, images):
    """The entries of `image_data.json`, checked."""
    for place, entry in enumerate(images):
        try:
            is_whole = all(isinstance(entry[key], kind) for key, kind in _OF_IMAGES.items())
        except (KeyError, TypeError):
            is_whole = False
        if not is_whole:
            raise LfpError(
                f"{path}: entry {place} does not tell {', '.join(_OF_IMAGES)}; is it "
                "image_data.json of Visual Genome?"
            )
    return images


DATASET = Dataset(
    name=NAME,
    summary="boxes of 3001 classes, COCO's 80 first",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "minival": Option("file of COCO whose images are val (found in SOURCE)", str),
        "synsets": whole_number("the commonest that are kept (default 3000)", least=1),
        "test_images": whole_number("images of test (default 5000)"),
    },
)
