"""COCO-Stuff, 10k and 164k, with 182 and with 171 classes."""

import numpy as np
import pytest
import scipy.io
from dataset_trees import IMAGE, LABELS, labelled, problems, record, save, values
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import cocostuff10k, cocostuff164k
from lfp_tf.data.datasets.label_maps import cocostuff_171
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image
from lfp_tf.images.palette import class_table


def save_mat(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"S": np.asarray(labels)})


def small_tree(root, labels=LABELS, lists=None):
    lists = lists or {"train": "a\nb\n", "test": "c\n"}
    for split, text in lists.items():
        path = root / f"imageLists/{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in "abc":
        save(root / f"images/{name}.jpg", IMAGE)
        save_mat(root / f"annotations/{name}.mat", labels)


def large_tree(root, labels=LABELS, folders=("train2017", "val2017")):
    for folder in folders:
        labelled(
            root / f"images/{folder}/000000000009.jpg",
            root / f"annotations/{folder}/000000000009.png",
            labels,
        )


# 10k


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
def test_10k_counts_from_one(tmp_path, dtype):
    small_tree(tmp_path / "cocostuff-10k-v1.1", values(0, 1, 182).astype(dtype))
    plan = cocostuff10k.plan(tmp_path)
    assert problems(plan) == [] and plan.notes == ()
    assert record(plan, "train")[1][0, :3].tolist() == [255, 0, 181]
    assert {split: len(samples) for split, samples in plan.splits.items()} == {
        "train": 2,
        "test": 1,
    }
    assert [sample.name for sample in plan.splits["train"]] == ["images/a", "images/b"]
    assert plan.table.names[0] == "person" and len(plan.table) == 182


def test_10k_with_171_classes_numbers_the_annotated_ones_through(tmp_path):
    small_tree(tmp_path, values(0, 11, 13, 182))
    plan = cocostuff10k.plan_171(tmp_path)
    assert plan.name == "cocostuff10k_171" and len(plan.table) == 171
    # File value 12 is the street sign, which no image has; what follows moves up by one.
    assert record(plan, "test")[1][0, :4].tolist() == [255, 10, 11, 170]
    assert [plan.table.names[n] for n in (10, 11, 170)] == ["fire hydrant", "stop sign", "wood"]
    small_tree(tmp_path, values(12))
    (first, *_) = problems(cocostuff10k.plan_171(tmp_path))
    assert "holds the value 12, but 0-11, 13-25, " in first
    assert first.endswith("Classes that no published image has; cocostuff10k keeps them.")


def test_10k_names_labels_out_of_range(tmp_path):
    small_tree(tmp_path)
    save_mat(tmp_path / "annotations/b.mat", values(3).astype("int16") - 1)
    save_mat(tmp_path / "annotations/c.mat", values(183))
    first, second = problems(cocostuff10k.plan(tmp_path))
    assert "annotations/b.mat holds the value -1, but 0-182 are expected." in first
    assert "annotations/c.mat holds the value 183, but 0-182 are expected. Are these v1.0" in second


def test_10k_names_odd_files(tmp_path):
    small_tree(tmp_path)
    save_mat(tmp_path / "annotations/a.mat", LABELS[:3])
    save_mat(tmp_path / "annotations/b.mat", LABELS.astype(float))
    content = (tmp_path / "annotations/c.mat").read_bytes()
    small, floats = problems_of = problems(cocostuff10k.plan(tmp_path))
    assert len(problems_of) == 2 and "b.mat holds S as double" in floats
    assert "a.mat is 3x6 (height x width), but its image" in small and "is 4x6." in small
    small_tree(tmp_path, lists={"train": "a\nb\nc\n"})
    (tmp_path / "imageLists/test.txt").unlink()
    (tmp_path / "annotations/c.mat").write_bytes(content[:150])
    census = take_census(cocostuff10k.plan(tmp_path))
    assert census.problems == [] and len(census.samples["train"]) == 2
    assert "c.mat is no whole MATLAB 5 file" in census.broken["train"][0]


def test_10k_names_what_its_lists_miss(tmp_path):
    small_tree(tmp_path, lists={"train": "a\nd\n", "test": "c\n"})
    with pytest.raises(LfpError, match=r"2 files that .*train\.txt names are missing: .*images/d"):
        cocostuff10k.plan(tmp_path)
    (tmp_path / "annotations/b.mat").unlink()
    (tmp_path / "imageLists/train.txt").write_text("a\nb\n")
    with pytest.raises(LfpError, match=r"1 files that .*are missing: .*annotations/b\.mat"):
        cocostuff10k.plan(tmp_path)


def test_10k_tells_blank_double_and_shared_lines(tmp_path):
    small_tree(tmp_path, lists={"train": "\ufeffa\n\n  \nb \n", "test": "a\nc\n"})
    plan = cocostuff10k.plan(tmp_path)
    assert [sample.name for sample in plan.splits["train"]] == ["images/a", "images/b"]
    blank, shared = plan.notes
    assert blank.endswith("train.txt has 2 blank lines, which are skipped.")
    assert shared == "1 images are in train.txt and in test.txt: a."
    (tmp_path / "imageLists/test.txt").write_text("c\nc\na\n")
    with pytest.raises(LfpError, match=r"test\.txt names 1 images twice: c; leave one line"):
        cocostuff10k.plan(tmp_path)
    (tmp_path / "imageLists/test.txt").write_bytes(b"\xff\xfe\x00c")
    with pytest.raises(LfpError, match=r"test\.txt cannot be read as a list of names"):
        cocostuff10k.plan(tmp_path)
    (tmp_path / "imageLists/test.txt").write_text("\n")
    with pytest.raises(LfpError, match=r"test\.txt names no images\. Expected: "):
        cocostuff10k.plan(tmp_path, ["test"])
    *_, missing = cocostuff10k.plan(tmp_path).notes
    assert missing.startswith("test is left out: ") and missing.endswith("names no images.")
    (tmp_path / "imageLists/test.txt").write_text("../../secret\n")
    with pytest.raises(LfpError, match=r"which lies outside"):
        cocostuff10k.plan(tmp_path)


def test_10k_without_lists_tells_the_layout(tmp_path):
    with pytest.raises(LfpError, match=r"not laid out as cocostuff10k: it lacks imageLists"):
        cocostuff10k.plan(tmp_path)
    small_tree(tmp_path)
    for split in ("train", "test"):
        (tmp_path / f"imageLists/{split}.txt").unlink()
    with pytest.raises(LfpError, match=r"There is no list .*train\.txt\. There is no list .*test"):
        cocostuff10k.plan(tmp_path)


def test_grey_and_cmyk_images_are_stored_as_colours(tmp_path):
    small_tree(tmp_path)
    grey, cmyk = Image.fromarray(IMAGE[..., 0]), Image.fromarray(IMAGE).convert("CMYK")
    grey.save(tmp_path / "images/a.jpg")
    cmyk.save(tmp_path / "images/b.jpg")
    plan = cocostuff10k.plan(tmp_path)
    assert problems(plan) == []
    for number, name in enumerate("ab"):
        image = read_image(tmp_path / f"images/{name}.jpg")
        np.testing.assert_array_equal(record(plan, "train", number)[0], image)


# 164k


def test_164k_takes_values_as_they_are(tmp_path):
    large_tree(tmp_path / "cocostuff-164k", values(0, 181, 255))
    plan = cocostuff164k.plan(tmp_path)
    assert problems(plan) == [] and set(plan.splits) == {"train", "val"}
    assert plan.splits["val"][0].name == "000000000009"
    assert record(plan, "val")[1][0, :3].tolist() == [0, 181, 255]


def test_164k_does_with_val_alone(tmp_path):
    large_tree(tmp_path, folders=["val2017"])
    assert set(cocostuff164k.plan(tmp_path).splits) == {"val"}
    (tmp_path / "images/val2017").rename(tmp_path / "images/valid")
    with pytest.raises(LfpError, match=r"no folder .*val2017 with images\. Expected:"):
        cocostuff164k.plan(tmp_path)


def test_164k_does_with_a_part_of_the_images(tmp_path):
    large_tree(tmp_path)
    save(tmp_path / "images/val2017/000000000001.jpg", IMAGE)
    for end in ("0009_labelTrainIds", "0025"):
        save(tmp_path / f"annotations/train2017/00000000{end}.png", LABELS)
    plan = cocostuff164k.plan(tmp_path)
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 1, "val": 1}
    train, val = plan.notes
    assert train.startswith("2 of 3 labels in ") and train.endswith(
        "annotations/train2017 have no image and are left out: 000000000009_labelTrainIds, "
        "000000000025."
    )
    assert val.startswith("1 of 2 images in ") and val.endswith(
        "images/val2017 have no label and are left out: 000000000001."
    )


def test_164k_suspects_other_maps(tmp_path):
    large_tree(tmp_path, values(183))
    assert (
        "value 183, but 0-181 and 255 are expected. COCO's stuff_"
        in problems(cocostuff164k.plan(tmp_path))[0]
    )


def test_164k_with_171_classes(tmp_path):
    large_tree(tmp_path, values(10, 12, 181, 255))
    plan = cocostuff164k.plan_171(tmp_path)
    assert plan.name == "cocostuff164k_171" and problems(plan) == []
    assert record(plan, "train")[1][0, :4].tolist() == [10, 11, 170, 255]
    large_tree(tmp_path, values(11))
    (first, *_) = problems(cocostuff164k.plan_171(tmp_path))
    assert "holds the value 11, but 0-10, 12-24," in first
    assert first.endswith("Classes that no published image has; cocostuff164k keeps them.")


def test_a_class_has_one_name_and_one_colour_whatever_its_number():
    whole, part = class_table("cocostuff164k"), class_table("cocostuff164k_171")
    numbers = cocostuff_171(np.arange(182))
    for label, number in enumerate(numbers.tolist()):
        if number != 255:
            assert whole.names[label] == part.names[number]
            np.testing.assert_array_equal(whole.colors[label], part.colors[number])
    assert sorted(numbers.tolist())[:171] == list(range(171)) and (numbers == 255).sum() == 11
