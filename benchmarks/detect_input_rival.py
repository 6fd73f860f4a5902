"""The programs of the detection pipeline's benchmark: ours, and pycocotools and OpenCV in a loop.

Spec: kind (`ours`, `loop`), records (folder), source (folder of the images and the JSON that the
records are made of), short_side, max_size, batch. Both give scaled images
and the objects that a step needs: boxes, classes, and of each mask what its targets are made of
(ours: outlines; the loop: bitmaps of the size of the image).
"""

import contextlib
import pathlib
import random

from benchmarks.rivals import batch_meter, serve


def make(spec):
    """The facts and commands of `serve`."""
    batches = {"ours": _ours, "loop": _loop}[spec["kind"]](spec)
    return {"kind": spec["kind"]}, {"measure": batch_meter(batches)}


def _ours(spec):
    from lfp_tf.data.detection.canvases import CanvasOptions
    from lfp_tf.data.detection.pipeline import training_batches
    from lfp_tf.data.records import record_index
    from lfp_tf.options import Shares

    dataset = training_batches(
        record_index(spec["records"], "train"),
        shares=Shares(spec["batch"]),
        seed=0,
        canvas=CanvasOptions((spec["short_side"],), spec["max_size"]),
        mean=(0.0, 0.0, 0.0),
        pixel=0.0,
        num_classes=81,
        with_masks=True,
    )
    for batch in dataset:
        yield {name: value.numpy() for name, value in batch.items()}


def _loop(spec):
    import cv2
    import numpy as np
    from pycocotools.coco import COCO

    cv2.setNumThreads(len(spec["cores"]))
    folder = pathlib.Path(spec["source"])
    with contextlib.redirect_stdout(None):
        truth = COCO(str(folder / "instances_train.json"))
    random.seed(0)

    def sample(number):
        image = cv2.imread(str(folder / "train" / truth.imgs[number]["file_name"]))
        rows = truth.imgToAnns[number]
        height, width = image.shape[:2]
        scale = min(
            spec["short_side"] / min(image.shape[:2]), spec["max_size"] / max(image.shape[:2])
        )
        flipped = random.random() < 0.5
        if flipped:
            image = image[:, ::-1]
        image = cv2.resize(image.astype(np.float32), None, fx=scale, fy=scale)
        masks = [truth.annToMask(row) for row in rows]
        boxes = np.array([row["bbox"] for row in rows], np.float32).reshape(-1, 4)
        if flipped:
            masks = [mask[:, ::-1] for mask in masks]
            boxes[:, 0] = width - boxes[:, 0] - boxes[:, 2]
        size = (image.shape[1], image.shape[0])
        masks = [cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in masks]
        return image, boxes * scale, [row["category_id"] for row in rows], masks

    while True:
        found = [sample(random.choice(list(truth.imgs))) for _ in range(spec["batch"])]
        yield np.stack([image for image, *_ in found]), [rest for _, *rest in found]


if __name__ == "__main__":
    serve(make)
