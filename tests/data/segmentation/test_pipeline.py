import os
import struct

import cv2
import numpy as np
import pytest
import tensorflow as tf
from golden_cases import fill
from PIL import Image

from lfp_tf.data.records import RecordIndex
from lfp_tf.data.segmentation.augmentations import Canvas, Warp, recipe
from lfp_tf.data.segmentation.pipeline import evaluation_batches, training_batches
from lfp_tf.errors import LfpError
from lfp_tf.options import Shares

MEAN = (123.675, 116.28, 103.53)
CLASSES = 5


def feature(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def record(name, image, labels):
    fields = {
        "image/encoded": cv2.imencode(".png", image[..., ::-1])[1].tobytes(),
        "image/filename": name.encode(),
        "image/segmentation/class/encoded": cv2.imencode(".png", labels)[1].tobytes(),
    }
    features = tf.train.Features(feature={key: feature(x) for key, x in fields.items()})
    return tf.train.Example(features=features).SerializeToString()


def index_of(paths):
    """The spans of all records, found by the lengths in front of them."""
    spans = []
    for file, path in enumerate(paths):
        position, size = 0, os.path.getsize(path)
        with open(path, "rb") as stream:
            while position < size:
                stream.seek(position)
                (length,) = struct.unpack("<Q", stream.read(8))
                spans.append((file, position + 12, length))
                position += 16 + length
    file, offset, length = np.array(spans, np.int64).reshape(-1, 3).T
    return RecordIndex(
        paths=[str(path) for path in paths],
        file=file.astype(np.int32),
        offset=offset,
        length=length,
    )


def sample(number, size):
    image = fill(["image_u8"], str(number), "image", (*size, 3), "uint8")
    labels = fill(["labels", CLASSES, 255, 0.1], str(number), "labels", size, "uint8")
    return image, labels


def write(folder, samples):
    """Records `p0.png` ... in two shards."""
    paths = [folder / "train-00000-of-00002", folder / "train-00001-of-00002"]
    half = (len(samples) + 1) // 2
    for path, start in zip(paths, (0, half), strict=True):
        with tf.io.TFRecordWriter(str(path)) as writer:
            for number, (image, labels) in enumerate(samples[start : start + half], start):
                writer.write(record(f"p{number}.png", image, labels))
    return index_of(paths)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    sizes = [(20, 30), (24, 17), (9, 40), (31, 31), (16, 16), (1, 1), (40, 12)]
    return write(tmp_path_factory.mktemp("records"), [sample(i, s) for i, s in enumerate(sizes)])


def batches(index, count, **options):
    words = {"seed": 7, "augmentation": recipe("semseg"), "num_classes": CLASSES}
    canvas = Canvas(options.pop("crop", (13, 17)), MEAN)
    names = ("replicas", "pipeline_id", "num_pipelines")
    shares = {name: options.pop(name) for name in names if name in options}
    shares = Shares(options.pop("global_batch_size", 4), **shares)
    words |= {"canvas": canvas, "shares": shares} | options
    found = training_batches(index, **words).take(count)
    return [{key: value.numpy() for key, value in batch.items()} for batch in found]


def same(first, second):
    return all(np.array_equal(first[key], second[key]) for key in first)


def test_batches_have_the_stated_form(index):
    (batch,) = batches(index, 1)
    assert batch["images"].shape == (4, 13, 17, 3) and batch["images"].dtype == np.float32
    assert batch["labels"].shape == (4, 13, 17) and batch["labels"].dtype == np.int32
    assert batch["keys"].tolist() == [[7, 0], [7, 1], [7, 2], [7, 3]]
    assert batch["images"].min() >= 0 and batch["images"].max() <= 255.01
    assert set(np.unique(batch["labels"])) <= {0, 1, 2, 3, 4, 255}


def test_an_epoch_shows_every_record_once_in_an_order_of_its_own(index):
    shown = [name for batch in batches(index, 7) for name in batch["sources"].tolist()]
    epochs = [shown[start : start + 7] for start in (0, 7, 14, 21)]
    assert all(sorted(epoch) == [f"p{i}.png".encode() for i in range(7)] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    other = [name for batch in batches(index, 7, seed=8) for name in batch["sources"].tolist()]
    assert other != shown


def test_starting_later_gives_the_same_batches(index):
    whole, later = batches(index, 5), batches(index, 2, start_step=3)
    assert same(whole[3], later[0]) and same(whole[4], later[1])


def test_replicas_take_consecutive_parts_of_the_same_batch(index):
    whole, parts = batches(index, 2), batches(index, 4, replicas=2)
    for key in whole[0]:
        for step in (0, 1):
            joined = np.concatenate([parts[2 * step][key], parts[2 * step + 1][key]])
            np.testing.assert_array_equal(joined, whole[step][key])


def test_hosts_take_contiguous_shares(index):
    whole = batches(index, 2)
    shares = [batches(index, 2, replicas=2, num_pipelines=2, pipeline_id=i) for i in (0, 1)]
    for step in (0, 1):
        joined = np.concatenate([share[step]["images"] for share in shares])
        np.testing.assert_array_equal(joined, whole[step]["images"])


def test_no_augmentation_is_the_centre_crop(index):
    (batch,) = batches(index, 1, augmentation=recipe("none"), crop=(9, 11), global_batch_size=7)
    place = batch["sources"].tolist().index(b"p0.png")
    image, labels = sample(0, (20, 30))
    np.testing.assert_array_equal(batch["images"][place], image[5:14, 9:20])
    np.testing.assert_array_equal(batch["labels"][place], labels[5:14, 9:20])


def test_an_impossible_label_names_its_file(index):
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"labels of p\d.png hold the value 4"):
        batches(index, 20, num_classes=4)


def test_a_label_map_of_another_size_names_its_file(tmp_path):
    image, _ = sample(0, (8, 9))
    index = write(tmp_path, [(image, sample(0, (8, 8))[1])] * 2)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"p\d.png and its label map differ"):
        batches(index, 1)


def test_evaluation_goes_through_the_files_once_and_fills_up_with_ignored_images(index):
    found = list(evaluation_batches(index, shares=Shares(2, 2), same_size=False, mean=MEAN))
    assert [b["sources"].numpy()[0].decode() for b in found] == [f"p{i}.png" for i in range(7)] + [
        ""
    ]
    image, labels = sample(2, (9, 40))
    np.testing.assert_array_equal(found[2]["images"][0], image)
    np.testing.assert_array_equal(found[2]["labels"][0], labels)
    assert (found[7]["labels"].numpy() == 255).all()
    np.testing.assert_allclose(found[7]["images"][0, 0, 0], MEAN)


def test_evaluation_batches_images_of_one_size(tmp_path):
    index = write(tmp_path, [sample(i, (6, 8)) for i in range(3)])
    found = evaluation_batches(index, shares=Shares(2), same_size=True, mean=MEAN)
    assert found.element_spec["images"].shape == (2, 6, 8, 3)
    assert [b["keys"].numpy()[:, 1].tolist() for b in found] == [[0, 1], [2, 3]]


def test_evaluation_refuses_differing_sizes_in_one_batch(index):
    with pytest.raises(LfpError, match="puts 2 images of differing sizes"):
        evaluation_batches(index, shares=Shares(2), same_size=False, mean=MEAN)
    with pytest.raises(tf.errors.InvalidArgumentError, match="p1.png is not 20x30"):
        list(evaluation_batches(index, shares=Shares(2), same_size=True, mean=MEAN))


def test_shares_that_do_not_divide_are_refused(index):
    with pytest.raises(LfpError, match="must be a multiple of the 3 replicas"):
        batches(index, 1, replicas=3)
    with pytest.raises(LfpError, match="cannot be shared evenly by 3 hosts"):
        batches(index, 1, replicas=4, num_pipelines=3)
    with pytest.raises(LfpError, match="seed must lie in"):
        batches(index, 1, seed=-1)


def test_deeplabs_augmentation_runs_in_the_pipeline(index):
    words = {"augmentation": recipe("deeplab"), "global_batch_size": 7}
    first, again = batches(index, 2, **words), batches(index, 2, **words)
    assert all(map(same, first, again))
    assert first[0]["images"].shape == (7, 13, 17, 3)
    assert set(np.unique(first[0]["labels"])) <= {0, 1, 2, 3, 4, 255}
    # The image of one pixel: the rest of its crop is the mean, ignored.
    place = first[0]["sources"].tolist().index(b"p5.png")
    ignored = first[0]["labels"][place] == 255
    assert ignored.sum() >= 13 * 17 - 1
    shown = first[0]["images"][place][ignored]
    assert (shown == np.float32(MEAN)).all(axis=1).sum() >= 13 * 17 - 1


def test_warped_images_have_one_size_in_training_and_evaluation(index):
    (batch,) = batches(
        index,
        1,
        augmentation=recipe("none"),
        crop=(21, 23),
        global_batch_size=7,
        warp=Warp((21, 23)),
    )
    found = evaluation_batches(
        index, shares=Shares(7), same_size=False, mean=MEAN, warp=Warp((21, 23))
    )
    (whole,) = [{key: value.numpy() for key, value in one.items()} for one in found]
    assert whole["images"].shape == (7, 21, 23, 3)
    for place, name in enumerate(whole["sources"].tolist()):
        other = batch["sources"].tolist().index(name)
        np.testing.assert_array_equal(batch["images"][other], whole["images"][place])
        np.testing.assert_array_equal(batch["labels"][other], whole["labels"][place])
    image, labels = sample(2, (9, 40))
    want = cv2.resize(image.astype(np.float32), (23, 21))
    np.testing.assert_allclose(whole["images"][2], want, atol=0.01)
    pillow = Image.fromarray(labels).resize((23, 21), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(whole["labels"][2], pillow)
