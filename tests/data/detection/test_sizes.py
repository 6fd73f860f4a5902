"""Sizes beside the shards: right, written once, never of other records."""

import numpy as np
import pytest
from small_objects import LYING, features_of, source, square, usual_images, write, write_features

from lfp_tf.data.detection import sizes
from lfp_tf.data.detection.records import SourceObject
from lfp_tf.data.detection.sizes import record_sizes, sizes_path
from lfp_tf.errors import LfpError


def test_sizes_and_usable_objects(tmp_path):
    index = write(tmp_path / "records", usual_images(tmp_path / "images"))
    found = record_sizes(index)
    assert found.sizes[[0, 6, 8]].tolist() == [[40, 52], [52, 40], [40, 70]]
    assert found.usable_objects(1.0).tolist() == [1] * 8 + [2] * 3 + [0] * 3
    assert found.largest_class.tolist() == [1] * 6 + [2] * 2 + [1] * 4 + [0, 1]


def test_a_box_of_one_pixel_is_usable_by_its_edges_alone(tmp_path):
    thin = SourceObject((10, 10, 1, 30), 1)
    index = write(tmp_path / "records", [source(tmp_path, "a", LYING, [thin])])
    assert record_sizes(index).usable_objects(1.0).tolist() == [0]
    assert record_sizes(index).usable_objects(0.0).tolist() == [1]


def test_they_are_read_again_only_where_records_are_others(tmp_path, monkeypatch):
    features = features_of(source(tmp_path, "a", LYING, [square(4, 6)]))
    index = write_features(tmp_path / "r", features)
    assert not sizes_path(index).exists()
    record_sizes(index)
    assert sizes_path(index) == tmp_path / "r/train.sizes.npy"
    before = sizes_path(index).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(sizes, "read_record", None)
        assert record_sizes(index).usable_objects(1.0).tolist() == [1]
    # As long as before, but without an object to learn from.
    crowd = features | {"image/object/is_crowd": [1]}
    other = write_features(tmp_path / "r", crowd)
    assert other.length.tolist() == index.length.tolist()
    assert record_sizes(other).usable_objects(1.0).tolist() == [0]
    assert sizes_path(index).read_bytes() != before


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_damaged_file_is_written_again(tmp_path, content):
    index = write(tmp_path / "records", [source(tmp_path, "a", LYING, [square(4, 6)])])
    sizes_path(index).write_bytes(content)
    assert record_sizes(index).sizes.tolist() == [list(LYING)]
    assert np.load(sizes_path(index)).shape == (1, 6)


def test_an_image_that_is_none_is_named(tmp_path):
    features = features_of(source(tmp_path, "a", LYING, [square(4, 6)]))
    del features["image/height"]
    index = write_features(tmp_path / "r", features | {"image/encoded": b"GIF"})
    with pytest.raises(LfpError, match='record 0, "image/encoded": The image is no image of a for'):
        record_sizes(index)


def test_masks_that_do_not_fit_are_named(tmp_path):
    features = features_of(source(tmp_path, "a", LYING, [square(4, 6)]))
    small = features_of(source(tmp_path, "small", (8, 9), [square(1, 1, 3)]))["image/object/mask"]
    index = write_features(tmp_path / "r", features, features | {"image/object/mask": small})
    with pytest.raises(
        LfpError, match='record 1 has a mask of 8x9 in "image/object/mask", but its'
    ):
        record_sizes(index)
    index = write_features(tmp_path / "r", features | {"image/object/mask": [b"GIF"]})
    with pytest.raises(LfpError, match='record 0, "image/object/mask": The image is no image'):
        record_sizes(index)
