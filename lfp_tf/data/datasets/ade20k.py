"""ADE20K's scene parsing benchmark: 150 classes (Zhou et al., CVPR 2017).

    images/training/NAME.jpg          an image of train
    annotations/training/NAME.png     its labels
    images/validation/NAME.jpg        an image of val
    annotations/validation/NAME.png   its labels

Labels: 0 is ignored, k + 1 is class k (hszhao/semseg FAQ.md).
Left out: the benchmark's test images, which have no labels; a split that is empty or missing.
Refused: images without labels and labels without images; values above 150.
"""

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import pair, read_splits, source_folder
from lfp_tf.data.datasets.label_maps import ade20k
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.images.palette import class_table

NAME = "ade20k"
LAYOUT = "images/{training,validation}/*.jpg and annotations/{training,validation}/*.png"
SPLITS = ("train", "val")

_FOLDERS = {"train": "training", "val": "validation"}
_KINDS = ("images", "annotations")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of `training` and `validation` by their names.

    Raises:
        LfpError: folders are missing, or images and labels do not pair.
    """
    root = source_folder(source, NAME, LAYOUT, _KINDS, places=(".", "ADEChallengeData2016"))

    def read(split):
        return pair(*(root / kind / _FOLDERS[split] for kind in _KINDS))

    splits, notes = read_splits(SPLITS, asked, read, layout=LAYOUT)
    return segmentation_plan(NAME, class_table(NAME), splits, RULE, notes=notes)


def _hint(wrong, _):
    if wrong == {255}:
        return "Already reduced by one? The benchmark's own files hold 0 for what is ignored."
    return "Are these the benchmark's annotations, not the full data set's?"


RULE = values_rule(range(151), hint=_hint, to_classes=ade20k)
DATASET = Dataset(
    name=NAME,
    summary="ADE20K scene parsing (ADEChallengeData2016): 150 classes, train 20210, val 2000",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
