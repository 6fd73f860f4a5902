"""The programs of the pipeline benchmark: ours, OpenCV in a loop, OpenCV in a torch DataLoader.

Spec: kind (`ours`, `opencv`, `dataloader`), records (folder), files (pairs of paths), crop, batch,
classes. Iterators go on for ever, as in training.
"""

import random

from benchmarks.rivals import batch_meter, serve


def make(spec):
    """The facts and commands of `serve`."""
    batches = {"ours": _ours, "opencv": _opencv, "dataloader": _dataloader}[spec["kind"]](spec)
    return {"kind": spec["kind"]}, {"measure": batch_meter(batches)}


def _ours(spec):
    import tensorflow as tf

    from lfp_tf.data.records import record_index
    from lfp_tf.data.segmentation.augmentations import Canvas, recipe
    from lfp_tf.data.segmentation.pipeline import training_batches
    from lfp_tf.ops.preprocessing import preprocess, preprocessing
    from lfp_tf.options import Shares

    dataset = training_batches(
        record_index(spec["records"], "train"),
        shares=Shares(spec["batch"]),
        seed=0,
        augmentation=recipe("semseg"),
        canvas=Canvas(tuple(spec["crop"]), preprocessing("torch").mean),
        num_classes=spec["classes"],
    )

    # In training the normalization is part of the step; the rivals do it here, so we do, too.
    @tf.function
    def normalized(batch):
        return preprocess(batch["images"], "torch"), batch["labels"]

    def batches():
        for batch in dataset:
            yield [tensor.numpy() for tensor in normalized(batch)]

    return batches()


def _opencv(spec):
    import cv2
    import numpy as np

    from benchmarks.opencv_transforms import sample

    cv2.setNumThreads(len(spec["cores"]))
    random.seed(0)

    def batches():
        while True:
            paths = random.choices(spec["files"], k=spec["batch"])
            samples = [sample(pair, spec["crop"]) for pair in paths]
            yield [np.stack(column) for column in zip(*samples, strict=True)]

    return batches()


def _dataloader(spec):
    import cv2
    import torch

    from benchmarks.opencv_transforms import sample

    cv2.setNumThreads(0)
    torch.set_num_threads(1)

    class Images(torch.utils.data.IterableDataset):
        def __iter__(self):
            while True:
                image, labels = sample(random.choice(spec["files"]), spec["crop"])
                yield torch.from_numpy(image.transpose(2, 0, 1).copy()), torch.from_numpy(labels)

    return torch.utils.data.DataLoader(Images(), spec["batch"], num_workers=len(spec["cores"]))


if __name__ == "__main__":
    serve(make)
