"""Cityscapes: 19 classes of street scenes, 1024x2048 (Cordts et al., CVPR 2016).

    leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png       an image of the split train or val
    gtFine/SPLIT/CITY/NAME_gtFine_labelTrainIds.png   its labels as train ids
    gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png        its labels as label ids

With --coarse train is all images of train and train_extra under their coarse labels, which lie in
`gtCoarse` and have `gtCoarse` in their names; val keeps its fine ones.

Labels: train ids where as many images have them (0-18 are classes, 255 is ignored) as label ids
(0-33), else these, which are mapped to train ids.
Left out: the split test, whose labels are not published; a split without images or labels; images
without labels of the chosen kind, which are counted, where others have some; files of other endings
(instances, colours, polygons).
Refused: images of which none has labels; other values.
"""

from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source
from lfp_tf.data.datasets.folders import (
    NoSamples,
    asked_of,
    files_below,
    left_out_note,
    read_splits,
    source_folder,
)
from lfp_tf.data.datasets.label_maps import cityscapes_label_ids
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.data.shards import Sample
from lfp_tf.errors import LfpError, first_of
from lfp_tf.images.palette import class_table

NAME = "cityscapes"
LAYOUT = "leftImg8bit/{train,val}/CITY/*_leftImg8bit.png and gtFine/{train,val}/CITY/*.png"
SPLITS = ("train", "val")

_IMAGE_END = "_leftImg8bit.png"
_LABEL_ENDS = {"trainIds": "labelTrainIds", "labelIds": "labelIds"}
# Of each split the folders of labels and of images.
_FINE = {"train": (("gtFine", "train"),), "val": (("gtFine", "val"),)}
_COARSE = (("gtCoarse", "train"), ("gtCoarse", "train_extra"))


def plan(source: Source, asked: Asked = None, *, coarse: bool = False) -> Plan:
    """Pairs images and labels by city and name.

    Args:
        source: the folder.
        asked: the splits to be written.
        coarse: train is train and train_extra, with coarse labels.

    Raises:
        LfpError: folders or labels are missing; the first few are named.
    """
    parts: dict = {split: _FINE[split] for split in asked_of(SPLITS, asked)}
    if coarse and "train" in parts:
        parts["train"] = _COARSE
    places = [place for of_split in parts.values() for place in of_split]
    label_folders = dict.fromkeys(labels for labels, _ in places)
    root = source_folder(source, NAME, LAYOUT, ("leftImg8bit", tuple(label_folders)))
    names = {place: _names(root / "leftImg8bit" / place[1]) for place in places}
    if not any(names.values()):
        raise LfpError(f"{root / 'leftImg8bit'} holds no *{_IMAGE_END}. Expected: {LAYOUT}.")
    kind, labelled = _labelled(root, names)
    notes = []

    def read(split):
        samples = [sample for place in parts[split] for sample in labelled[place]]
        if not samples:
            folders = " and ".join(str(root / "leftImg8bit" / folder) for _, folder in parts[split])
            raise NoSamples(f"{folders} holds no *{_IMAGE_END} with labels.")
        for place in parts[split]:
            without = set(names[place]) - {sample.name for sample in labelled[place]}
            notes.extend(left_out_note(root / "leftImg8bit" / place[1], without, len(names[place])))
        return samples

    splits, missing = read_splits(SPLITS, asked, read, layout=LAYOUT)
    return segmentation_plan(
        NAME,
        class_table(NAME),
        splits,
        RULES[kind],
        options={"labels": kind} | ({"coarse": True} if coarse else {}),
        notes=(*notes, *missing),
    )


def _labelled(root, names):
    """The kind of labels that most images have, and {place: samples} of those that have it."""
    samples = {
        kind: {place: _samples(root, place, of_place, kind) for place, of_place in names.items()}
        for kind in RULES
    }
    counts = {kind: sum(map(len, of_kind.values())) for kind, of_kind in samples.items()}
    kind = max(counts, key=lambda kind: counts[kind])  # Of equal ones the first.
    if not counts[kind]:
        kinds = " nor ".join(f"*_{end}.png" for end in _LABEL_ENDS.values())
        images = [name for of_place in names.values() for name in of_place]
        raise LfpError(f"{len(images)} images of {NAME} have neither {kinds}: {first_of(images)}.")
    return kind, samples[kind]


def _names(folder):
    """CITY/CITY_SSSSSS_FFFFFF of each image of a split."""
    paths = files_below(folder, (".png",))
    return [path.removesuffix(_IMAGE_END) for path in paths if path.endswith(_IMAGE_END)]


def _samples(root, place, names, kind):
    """Those of the images of a place that have a label file of that kind."""
    label_folder, folder = place
    images, labels = root / "leftImg8bit" / folder, root / label_folder / folder
    end = f"_{label_folder}_{_LABEL_ENDS[kind]}.png"
    return [
        Sample(f"{images / name}{_IMAGE_END}", f"{labels / name}{end}", name)
        for name in names
        if (labels / f"{name}{end}").is_file()
    ]


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
    options={
        "coarse": Option("train is train and train_extra with the coarse labels", parse=None),
    },
)
