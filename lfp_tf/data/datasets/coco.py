"""COCO: 80 classes of objects with boxes and masks (Lin et al., ECCV 2014; cocodataset.org).

    annotations/instances_train2017.json   the objects of train, and
    annotations/instances_val2017.json     those of val
    train2017/, val2017/                   images, here or in images/

--year 2014 reads the files of 2014; of these there may also be minival and valminusminival, the
halves of val that Detectron tests and trains on (`instances_minival2014.json`; images of val2014).

Labels: 1-80 in the order of the official ids 1-90, which `dataset.json` lists.
Left out: what `coco_file.py` tells; the official files have nothing of that.
Refused: images that are missing.
"""

from lfp_tf.data.datasets.coco_json import SUPERCATEGORIES, plan_of_files
from lfp_tf.data.datasets.dataset import Asked, Dataset, Option, Source
from lfp_tf.data.datasets.folders import source_folder
from lfp_tf.data.plan import Plan
from lfp_tf.errors import LfpError

NAME = "coco"
LAYOUT = (
    "annotations/instances_train2017.json, annotations/instances_val2017.json, train2017/, val2017/"
)
SPLITS = ("train", "val", "minival", "valminusminival")
YEARS = ("2017", "2014")


def plan(
    source: Source,
    asked: Asked = None,
    *,
    year: str = YEARS[0],
    supercategories: bool = False,
) -> Plan:
    """Lists the images of the annotations and their objects.

    Args:
        source: the folder.
        asked: the splits to be written.
        year: of the files.
        supercategories: whether supercategories become the classes.

    Raises:
        LfpError: nothing there, annotations that cannot be used, images that are missing.
    """
    root = source_folder(source, NAME, LAYOUT, ["annotations"])
    paths = {split: root / f"annotations/instances_{split}{year}.json" for split in SPLITS}
    files = {split: path for split, path in paths.items() if path.is_file()}
    if not files:
        raise LfpError(f"{root} holds no {paths['train'].name}. Expected: {LAYOUT}.")
    return plan_of_files(
        NAME, root, files, asked, supercategories=supercategories, options={"year": year}
    )


def _year(text):
    if text not in YEARS:
        raise ValueError
    return text


DATASET = Dataset(
    name=NAME,
    summary="80 classes of objects with boxes and masks, official layout",
    layout=LAYOUT,
    splits=SPLITS,
    plan=plan,
    options={
        "year": Option("2017 or 2014 (default 2017)", _year, "2017 or 2014"),
        "supercategories": SUPERCATEGORIES,
    },
)
