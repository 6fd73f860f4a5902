"""CamVid as the SegNet tutorial reduced it: 11 classes, 360x480 (Brostow et al., 2008).

    train/NAME.png, val/NAME.png, test/NAME.png                  images (or .jpg)
    trainannot/NAME.png, valannot/NAME.png, testannot/NAME.png   their labels

Labels: 0-10 are classes in the tutorial's order; 11 (void) is ignored.
Left out: a split that is empty or missing.
Refused: images without labels and labels without images; values above 11.
"""

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import pair, read_splits, source_folder
from lfp_tf.data.datasets.label_maps import camvid_void
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.images.palette import class_table

NAME = "camvid"
LAYOUT = "{train,val,test}/NAME.png (or .jpg) and {train,val,test}annot/NAME.png"
SPLITS = ("train", "val", "test")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of each split by their names.

    Raises:
        LfpError: folders are missing, or images and labels do not pair.
    """
    root = source_folder(source, NAME, LAYOUT, [SPLITS], places=(".", "CamVid"))

    def read(split):
        return pair(root / split, root / f"{split}annot")

    splits, notes = read_splits(SPLITS, asked, read, layout=LAYOUT)
    return segmentation_plan(NAME, class_table(NAME), splits, RULE, notes=notes)


def _hint(wrong, _):
    if max(wrong) < 32:
        return "The 32 original classes? Only the SegNet tutorial's 11 are read."
    return ""


RULE = values_rule(range(12), hint=_hint, to_classes=camvid_void)
DATASET = Dataset(
    name=NAME,
    summary="CamVid of the SegNet tutorial: 11 classes, train 367, val 101, test 233, 360x480",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
