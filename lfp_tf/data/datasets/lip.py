"""LIP, Look into Person: 20 classes of clothes and limbs, one person an image (Gong et al., 2017).

    TrainVal_images/{train_images,val_images}/ID.jpg                         an image
    TrainVal_parsing_annotations/{train,val}_segmentations/ID.png            its labels

The published archives unpack into two folders of one name each, which are found as well.

Labels: 0-19 are classes (0 is background), 255 is ignored. Left and right are the person's own:
a mirrored image has its limbs the wrong way round.
Left out: images without labels, and labels without images, which are counted; a split of which
nothing remains, such as test, whose labels are not public.
Refused: other values.
"""

from lfp_tf.data.datasets.dataset import Asked, Dataset, Source
from lfp_tf.data.datasets.folders import pair_present, read_splits, source_folder
from lfp_tf.data.plan import Plan
from lfp_tf.data.segmentation.records import segmentation_plan, values_rule
from lfp_tf.images.palette import class_table

NAME = "lip"
LAYOUT = (
    "TrainVal_images/{train,val}_images/ID.jpg and "
    "TrainVal_parsing_annotations/{train,val}_segmentations/ID.png"
)
SPLITS = ("train", "val")

_IMAGES, _LABELS = "TrainVal_images", "TrainVal_parsing_annotations"
_PLACES = (".", "LIP", "lip")


def plan(source: Source, asked: Asked = None) -> Plan:
    """Pairs the files of each split by their names.

    Raises:
        LfpError: folders are missing, or no image has labels.
    """
    root = source_folder(source, NAME, LAYOUT, (_IMAGES, _LABELS), places=_PLACES)
    images, labels = (_inner(root / name) for name in (_IMAGES, _LABELS))
    notes = []

    def read(split):
        folders = images / f"{split}_images", labels / f"{split}_segmentations"
        samples, left_out = pair_present(*folders)
        notes.extend(left_out)
        return samples

    splits, missing = read_splits(SPLITS, asked, read, layout=LAYOUT)
    return segmentation_plan(NAME, class_table(NAME), splits, RULE, notes=(*notes, *missing))


def _inner(folder):
    """The folder of the same name inside of it, where there is one."""
    inner = folder / folder.name
    return inner if inner.is_dir() else folder


def _hint(*_):
    return "A picture of colours? The labels are numbers of classes, nearly black to look at."


RULE = values_rule({*range(20), 255}, hint=_hint)
DATASET = Dataset(
    name=NAME,
    summary="LIP: 20 classes of clothes and limbs, train 30462, val 10000",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
)
