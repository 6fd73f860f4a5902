"""The data sets by name; importing this costs neither TensorFlow nor any file.

Each module has `NAME`, `SUMMARY`, `LAYOUT` (what --source must hold), `SPLITS`, `OPTIONS`
({name: Option} that `plan` takes), `NEEDS_SOURCE`, and `plan(source, **options)`.
"""

from lfp_tf.data.datasets import (
    ade20k,
    camvid,
    cityscapes,
    cocostuff10k,
    cocostuff10k_171,
    cocostuff164k,
    cocostuff164k_171,
    folder,
    imagenet,
    kitti_road,
    lsp,
    mpii,
    scenes,
    voc,
)
from lfp_tf.errors import LfpError, nearest

_MODULES = (
    ade20k,
    camvid,
    cityscapes,
    cocostuff10k,
    cocostuff10k_171,
    cocostuff164k,
    cocostuff164k_171,
    folder,
    imagenet,
    kitti_road,
    lsp,
    mpii,
    scenes,
    voc,
)
DATASETS = {module.NAME: module for module in _MODULES}


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
