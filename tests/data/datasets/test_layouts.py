"""What holds for every data set: pairs, sizes, digests, the catalog."""

import numpy as np
import pytest
from dataset_trees import IMAGE, LABELS, camvid_tree, labelled, problems, save

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import camvid, catalog, folders
from lfp_tf.data.example import decode_example
from lfp_tf.errors import LfpError


def test_unpaired_files_are_counted_and_named(tmp_path):
    camvid_tree(tmp_path)
    for number in range(7):
        save(tmp_path / f"train/b{number}.png", IMAGE)
    save(tmp_path / "trainannot/x.png", LABELS)
    with pytest.raises(LfpError) as caught:
        camvid.plan(tmp_path)
    text = str(caught.value)
    assert (
        "7 of 8 images in" in text and "b0.png, b1.png, b2.png, b3.png, b4.png, and 2 more" in text
    )
    assert "1 labels in" in text and "x.png" in text


def test_sizes_that_differ_are_named(tmp_path):
    camvid_tree(tmp_path)
    save(tmp_path / "valannot/a.png", np.zeros((4, 5)))
    (sentence,) = problems(camvid.plan(tmp_path))
    assert "valannot/a.png is 4x5 (height x width), but its image" in sentence
    assert "val/a.png is 4x6" in sentence


def test_colour_coded_labels_are_problems_and_broken_files_are_left_out(tmp_path):
    camvid_tree(tmp_path)
    save(tmp_path / "valannot/a.png", IMAGE)
    labelled(tmp_path / "train/b.png", tmp_path / "trainannot/b.png")
    (tmp_path / "train/b.png").write_bytes(b"")
    census = take_census(camvid.plan(tmp_path))
    assert len(census.problems) == 1 and "colour-coded" in census.problems[0]
    assert len(census.broken["train"]) == 1 and "b.png is empty" in census.broken["train"][0]
    assert [sample.name for sample in census.samples["train"]] == ["a"]
    with pytest.raises(LfpError, match="here has 1 problem:\n.*colour-coded"):
        census.refuse("here")


def test_a_split_without_any_readable_file_is_an_error(tmp_path):
    camvid_tree(tmp_path)
    (tmp_path / "val/a.png").write_bytes(b"")
    with pytest.raises(LfpError, match="No file of val can be read:\n.*is empty"):
        take_census(camvid.plan(tmp_path))


def test_digests_change_with_a_pixel_and_not_with_workers(tmp_path):
    camvid_tree(tmp_path)
    plan = camvid.plan(tmp_path)
    first = take_census(plan).digests
    assert take_census(plan, workers=2).digests == first
    save(tmp_path / "val/a.png", IMAGE ^ 1)
    second = take_census(plan).digests
    assert (second["val"] != first["val"]) and second["train"] == first["train"]


def test_plain_files_are_stored_byte_for_byte(tmp_path):
    camvid_tree(tmp_path, suffix="jpg")
    plan = camvid.plan(tmp_path)
    features = decode_example(plan.encode(plan.splits["val"][0]).payload)
    assert features["image/encoded"] == [(tmp_path / "val/a.jpg").read_bytes()]
    assert features["image/format"] == [b"jpeg"]
    assert (features["image/height"], features["image/width"]) == ([4], [6])
    assert features["image/filename"] == [b"a"]


def test_unknown_data_sets_are_refused_with_the_nearest():
    with pytest.raises(LfpError, match='no data set "cityscape". Did you mean "cityscapes"'):
        catalog.dataset("cityscape")


def test_every_data_set_describes_itself():
    for name, dataset in catalog.DATASETS.items():
        assert name == dataset.name and dataset.summary and dataset.layout and dataset.splits
        assert set(dataset.options) == set(dataset.plan.__kwdefaults__ or {})


@pytest.mark.parametrize("name", [name for name in catalog.DATASETS if name != "scenes"])
def test_every_data_set_needs_its_source(name):
    with pytest.raises(LfpError, match=f"{name} needs --source DIR, the folder that holds"):
        catalog.dataset(name).plan(None)


def test_absolute_paths_of_lists_are_refused(tmp_path):
    with pytest.raises(LfpError, match='a list names "/etc/passwd", which lies outside'):
        folders.inside(tmp_path, "/etc/passwd", "a list")
