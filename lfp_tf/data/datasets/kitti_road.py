"""KITTI road: two classes told by colours, for transfer from Cityscapes (Fritsch et al., 2013).

    training/image_2/um_000000.png           an image
    training/gt_image_2/um_road_000000.png   its road ground truth: `_road` behind the first word

Labels: colours. Red is class 0 (not road), magenta class 1 (road), other colours are ignored.
--fork_labels writes the ids of watsoncm/PSPNet-tensorflow: 0 other, 1 not road, 2 road.
Splits: the lists of that fork, which lie in `kitti_lists`; --seed divides all images anew.
Left out: the folder testing, which has no labels; without --seed, images in neither list, and a
split of whose list no image is there.
Refused: listed files that are missing; ground truth without any red or magenta pixel.
"""

import importlib.resources

from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source, whole_number
from lfp_tf.data.datasets.folders import (
    NoSamples,
    files_below,
    listed_samples,
    read_splits,
    source_folder,
    split_by_seed,
)
from lfp_tf.data.datasets.label_maps import kitti_fork_ids, kitti_road_colors
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import LabelRule, segmentation_plan
from lfp_tf.images.decode import read_colors
from lfp_tf.images.palette import class_table

NAME = "kitti_road"
LAYOUT = "training/image_2/um_000000.png and training/gt_image_2/um_road_000000.png"
SPLITS = ("train", "val")

VAL_SHARE = 0.2
# Of most images; some are a few pixels smaller or larger.
HEIGHT, WIDTH = 375, 1242
_PARTS = ("training/image_2", "training/gt_image_2")


def plan(
    source: Source,
    asked: Asked = None,
    *,
    seed: int | None = None,
    upsampling: int = 1,
    fork_labels: bool = False,
) -> Plan:
    """Pairs the files of the published split, or of one drawn by seed.

    Args:
        source: the folder `data_road` or the one that holds it.
        asked: the splits to be written.
        seed: draws a split of 80 to 20; None takes the lists of watsoncm/PSPNet-tensorflow.
        upsampling: 2 resizes images (bilinear) and labels (nearest) to 2484x750, twice the usual
            image, as that fork did; 1 leaves them as they are.
        fork_labels: writes that fork's three classes (0 other, 1 not road, 2 road, none ignored),
            which its weights expect, instead of ours.

    Raises:
        LfpError: folders or listed files are missing.
    """
    root = source_folder(source, NAME, LAYOUT, _PARTS, places=(".", "data_road"))
    splits, notes = _published(root, asked) if seed is None else (_by_seed(root, seed), ())
    rule = LabelRule(
        problem=_problem,
        read=read_colors,
        to_classes=kitti_fork_ids if fork_labels else kitti_road_colors,
        size=None if upsampling == 1 else (HEIGHT * upsampling, WIDTH * upsampling),
    )
    options = {
        "split": "published" if seed is None else f"seed {seed}",
        "upsampling": upsampling,
        "size": list(rule.size) if rule.size else None,
        "fork_labels": fork_labels,
    }
    table = class_table("kitti_road_fork" if fork_labels else NAME)
    return segmentation_plan(NAME, table, splits, rule, options=options, notes=notes)


def _published(root, asked):
    folder = importlib.resources.files("lfp_tf.data.datasets") / "kitti_lists"

    def read(split):
        lines = (folder / f"kitti_{split}_list.txt").read_text(encoding="utf-8").splitlines()
        pairs = [line.split() for line in lines if line.strip()]
        if not any((root / _PARTS[0] / image).is_file() for image, _ in pairs):
            raise NoSamples(f"{root / _PARTS[0]} holds no image of the published {split} list.")
        return listed_samples(root, map(_paths, pairs), f"the published {split} list")

    return read_splits(SPLITS, asked, read, layout=LAYOUT)


def _by_seed(root, seed):
    names = [name for name in files_below(root / "training/image_2", (".png",)) if "/" not in name]
    pairs = [(name, name.replace("_", "_road_", 1)) for name in names]
    samples = listed_samples(root, map(_paths, pairs), "training/image_2")
    return split_by_seed(samples, seed=seed, share=VAL_SHARE)


def _paths(pair):
    image, label = pair
    return f"training/image_2/{image}", f"training/gt_image_2/{label}"


def _problem(colors):
    if (kitti_fork_ids(colors) > 0).any():
        return ""
    return "has no pixel in red (not road) or magenta (road); is it KITTI's road ground truth?"


DATASET = Dataset(
    name=NAME,
    summary="KITTI road: not road and road, 289 images of about 375x1242",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "seed": whole_number("divides 80 to 20 (default: the published lists)"),
        "upsampling": whole_number(
            "2 resizes all images to 2484x750, as the published run did (default 1)", least=1
        ),
        "fork_labels": Option("writes the three classes of the published run", parse=None),
    },
)
