"""The data sets by name; importing this costs neither TensorFlow nor any file.

To add a data set, write one file beside this one and a line in `DATASETS`. `camvid.py` is the
shortest to start from. Every reader reads from top to bottom like this:

- Its docstring draws the layout on disk, says which file belongs to which, what the values of the
  labels are, what is left out and what is refused.
- `NAME`, `LAYOUT` and `SPLITS`, which its messages need.
- `plan(source, asked, **options)`: it finds the files by the functions of `folders.py` and hands
  the samples of each split to `segmentation_plan`, `classification_plan`, `pose_plan` or
  `detection_plan`. It reads names and lists only. What is inside of the files is checked for all
  data sets in `census.py`.
- For labels a `LabelRule`: which values a file may hold, and how they become classes.
- `DATASET`, the `Dataset` that the table below lists.

Names and colours of the classes stand in `lfp_tf/images/classes/NAME.json`.
"""

from lfp_tf.data.datasets import (
    ade20k,
    camvid,
    cityscapes,
    coco,
    coco_json,
    cocostuff10k,
    cocostuff164k,
    cvat,
    folder,
    imagenet,
    kitti_road,
    labelme,
    lip,
    lsp,
    mpii,
    mpii_lsp,
    scenes,
    visual_genome,
    voc,
    voc_xml,
    yolo,
)
from lfp_tf.data.datasets.dataset import Dataset
from lfp_tf.errors import LfpError, nearest

DATASETS = {
    dataset.name: dataset
    for dataset in (
        ade20k.DATASET,
        camvid.DATASET,
        cityscapes.DATASET,
        coco.DATASET,
        coco_json.DATASET,
        cocostuff10k.DATASET,
        cocostuff10k.DATASET_171,
        cocostuff164k.DATASET,
        cocostuff164k.DATASET_171,
        cvat.DATASET,
        folder.DATASET,
        imagenet.DATASET,
        kitti_road.DATASET,
        labelme.DATASET,
        lip.DATASET,
        lsp.DATASET,
        mpii.DATASET,
        mpii_lsp.DATASET,
        scenes.DATASET,
        visual_genome.DATASET,
        voc.DATASET,
        voc_xml.DATASET,
        yolo.DATASET,
    )
}


def dataset(name: str) -> Dataset:
    """The data set of that name.

    Raises:
        LfpError: there is none of that name; the nearest is offered and all are listed.
    """
    if name not in DATASETS:
        raise LfpError(
            f'There is no data set "{name}".{nearest(name, DATASETS)} '
            f"The data sets are {', '.join(DATASETS)}."
        )
    return DATASETS[name]
