"""The data sets by name; importing this costs neither TensorFlow nor any file.

Each module has `NAME`, `SUMMARY`, `LAYOUT` (what --source must hold), `SPLITS`, `OPTIONS`
({name: Option} that `plan` takes), `NEEDS_SOURCE`, and `plan(source, **options)`.
"""

from lfp_tf.data.datasets import ade20k, camvid, cityscapes, folder, kitti_road, scenes, voc
from lfp_tf.errors import LfpError, nearest

DATASETS = {
    module.NAME: module for module in (ade20k, camvid, cityscapes, folder, kitti_road, scenes, voc)
}


def dataset(name):
    """The module of a data set.

    Raises:
        LfpError: there is none of that name; the nearest is offered and all are listed.
    """
    if name not in DATASETS:
        raise LfpError(
            f'There is no data set "{name}".{nearest(name, DATASETS)} '
            f"The data sets are {', '.join(DATASETS)}."
        )
    return DATASETS[name]
