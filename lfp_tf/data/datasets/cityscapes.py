"""Cityscapes: 19 classes of street scenes, 1024x2048 (Cordts et al., CVPR 2016).

    leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png       an image of the split train or val
    gtFine/SPLIT/CITY/NAME_gtFine_labelTrainIds.png   its labels as train ids
    gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png        its labels as label ids

Labels: train ids where every image has them (0-18 are classes, 255 is ignored), else label ids
(0-33), which are mapped to train ids.
Left out: the split test, whose labels are not published; splits without images; files of other
endings (instances, colours, polygons).
Refused: images without labels of the chosen kind; other values.
"""

import pathlib

from lfp_tf.data.census import first_of
from lfp_tf.data.datasets.dataset import Dataset, Source
from lfp_tf.data.datasets.folders import files_below, source_folder
from lfp_tf.data.datasets.label_maps import cityscapes_label_ids
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError
from lfp_tf.images.palette import class_table

NAME = "cityscapes"
LAYOUT = "leftImg8bit/{train,val}/CITY/*_leftImg8bit.png and gtFine/{train,val}/CITY/*.png"
SPLITS = ("train", "val")

_IMAGE_END = "_leftImg8bit.png"
_LABEL_ENDS = {"trainIds": "_gtFine_labelTrainIds.png", "labelIds": "_gtFine_labelIds.png"}


def plan(source: Source) -> Plan:
    """Pairs images and labels by city and name.

    Raises:
        LfpError: folders or labels are missing; the first few are named.
    """
    root = source_folder(source, NAME, LAYOUT, ("leftImg8bit", "gtFine"))
    names = {split: _names(root / "leftImg8bit" / split) for split in SPLITS}
    if not any(names.values()):
        raise LfpError(f"{root / 'leftImg8bit'} holds no *{_IMAGE_END}. Expected: {LAYOUT}.")
    missing = []
    for kind, label_end in _LABEL_ENDS.items():
        splits = {split: _samples(root, split, names[split], label_end) for split in SPLITS}
        missing = [sample.name for sample in sum(splits.values(), []) if not _has_label(sample)]
        if not missing:
            splits = {split: samples for split, samples in splits.items() if samples}
            return segmentation_plan(
                NAME, class_table(NAME), splits, RULES[kind], options={"labels": kind}
            )
    kinds = " nor ".join(f"*{end}" for end in _LABEL_ENDS.values())
    raise LfpError(f"{len(missing)} images of {NAME} have neither {kinds}: {first_of(missing)}.")


def _names(folder):
    """CITY/CITY_SSSSSS_FFFFFF of each image of a split."""
    paths = files_below(folder, (".png",))
    return [path.removesuffix(_IMAGE_END) for path in paths if path.endswith(_IMAGE_END)]


def _samples(root, split, names, label_end):
    images, labels = root / "leftImg8bit" / split, root / "gtFine" / split
    return [
        Sample(f"{images / name}{_IMAGE_END}", f"{labels / name}{label_end}", name)
        for name in names
    ]


def _has_label(sample):
    return pathlib.Path(sample.label).is_file()


def _hint(wrong, _):
    if max(wrong) <= 33:
        return "Label ids instead of train ids? Remove these files to have *_labelIds.png mapped."
    return ""


RULES = {
    "trainIds": values_rule({*range(19), 255}, hint=_hint),
    "labelIds": values_rule(range(34), to_classes=cityscapes_label_ids),
}
DATASET = Dataset(
    name=NAME,
    summary="Cityscapes fine annotations: 19 classes, train 2975, val 500, 1024x2048",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
