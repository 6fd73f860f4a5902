"""What holds for every data set: pairs, sizes, digests, the catalog."""

import numpy as np
import pytest
from dataset_trees import ALL_TREES, IMAGE, LABELS, TREES, camvid_tree, labelled, problems, save

from lfp_tf.cli.main import main
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


def test_hidden_files_are_never_data(tmp_path):
    for name in ("a.jpg", "._a.jpg", ".ipynb_checkpoints/b.jpg", "c/.d/e.jpg", "c/f.jpg"):
        save(tmp_path / name, IMAGE)
    assert folders.files_below(tmp_path) == ["a.jpg", "c/f.jpg"]


def test_no_reader_takes_hidden_files(tmp_path):
    save(tmp_path / "train/cat/a.jpg", IMAGE)
    save(tmp_path / "train/.ipynb_checkpoints/a.jpg", IMAGE)
    save(tmp_path / "val/.ipynb_checkpoints/a.jpg", IMAGE)
    save(tmp_path / "val/a.jpg", IMAGE)
    (tmp_path / "val.txt").write_text("a.jpg cat\n")
    plan = catalog.dataset("imagenet").plan(tmp_path)
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 1, "val": 1}
    for name in ("um_000000", "um_000001", "._um_000000"):
        labelled(
            tmp_path / f"training/image_2/{name}.png",
            tmp_path / f"training/gt_image_2/{name.replace('_', '_road_', 1)}.png",
        )
    plan = catalog.dataset("kitti_road").plan(tmp_path, seed=0)
    assert sum(map(len, plan.splits.values())) == 2


def test_linked_folders_are_read_but_not_in_circles(tmp_path):
    save(tmp_path / "images/a.jpg", IMAGE)
    (tmp_path / "images/more").symlink_to(tmp_path / "images")
    save(tmp_path / "elsewhere/b.jpg", IMAGE)
    (tmp_path / "images/linked").symlink_to(tmp_path / "elsewhere")
    assert folders.files_below(tmp_path / "images") == ["a.jpg", "linked/b.jpg"]


def test_links_that_lead_outside_are_refused(tmp_path):
    save(tmp_path / "source/images/a.jpg", IMAGE)
    (tmp_path / "source/inner").symlink_to(tmp_path / "source/images")
    (tmp_path / "source/.hidden").symlink_to(tmp_path)
    folders.refuse_links_outside(tmp_path / "source")
    save(tmp_path / "b.jpg", IMAGE)
    (tmp_path / "source/images/b.jpg").symlink_to(tmp_path / "b.jpg")
    (tmp_path / "source/labels").symlink_to("../..")
    with pytest.raises(
        LfpError,
        match=r"source holds 2 symbolic links that lead out of it: .*images/b\.jpg, .*labels\. "
        "Add --follow_links to read what they lead to",
    ):
        folders.refuse_links_outside(tmp_path / "source")


def test_swapped_sides_are_laid_to_exif(tmp_path):
    camvid_tree(tmp_path)
    save(tmp_path / "valannot/a.png", LABELS.T)
    (sentence,) = problems(camvid.plan(tmp_path))
    assert "valannot/a.png is 6x4 (height x width)" in sentence
    assert "is 4x6. Its sides are swapped: the image is turned by its EXIF orientation" in sentence


@pytest.mark.parametrize("name", TREES)
def test_no_reader_needs_splits_that_are_not_asked_for(name, tmp_path):
    TREES[name](tmp_path / "in")
    split, other = ("test", "train") if "10k" in name else ("val", "train")
    for asked in ([split], None):
        plan = catalog.dataset(name).plan(tmp_path / "in", asked)
        assert set(plan.splits) == {split} and plan.splits[split]
        told = [note for note in plan.notes if note.startswith(f"{other} is left out: ")]
        assert len(told) == (asked is None)
    with pytest.raises(LfpError):
        catalog.dataset(name).plan(tmp_path / "in", [other])


def test_every_reader_has_a_tree():
    assert set(ALL_TREES) == set(catalog.DATASETS) - {"scenes"}


@pytest.mark.parametrize("name", ALL_TREES)
def test_no_reader_takes_what_is_hidden(name, tmp_path):
    root = tmp_path / "in"
    ALL_TREES[name](root)
    before = catalog.dataset(name).plan(root)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        (path.parent / ".checkpoints").mkdir(exist_ok=True)
        for copy in (f"._{path.name}", f".{path.name}", f".checkpoints/b{path.name}"):
            (path.parent / copy).write_bytes(path.read_bytes())
    after = catalog.dataset(name).plan(root)
    assert after.splits == before.splits and after.notes == before.notes


@pytest.mark.parametrize("name", ALL_TREES)
def test_no_reader_follows_links_that_lead_outside_unless_told(name, tmp_path, capsys):
    root = tmp_path / "in"
    ALL_TREES[name](root)
    image = min(path for path in root.rglob("*") if path.suffix in (".jpg", ".png"))
    image.rename(tmp_path / f"outside{image.suffix}")
    image.symlink_to(tmp_path / f"outside{image.suffix}")
    words = ["data", name, "--source", str(root), "--workers=1", "--check"]
    main(words)
    refusal = f"holds 1 symbolic links that lead out of it: {image}. Add --follow_links"
    assert refusal in capsys.readouterr().err
    main([*words, "--follow_links"])
    assert "symbolic links" not in capsys.readouterr().err
    assert any(catalog.dataset(name).plan(root).splits.values())


def test_lists_may_not_name_what_is_hidden(tmp_path):
    # What a hidden link leads to would be read unasked.
    (tmp_path / ".more").symlink_to("..")
    with pytest.raises(LfpError, match=r'a list names "\.more/a\.jpg", which is hidden; rename'):
        folders.inside(tmp_path, ".more/a.jpg", "a list")


def test_images_without_labels_are_left_out_where_others_have_some(tmp_path):
    labelled(tmp_path / "images/val2017/a.jpg", tmp_path / "annotations/val2017/a.png")
    save(tmp_path / "images/val2017/b.jpg", IMAGE)
    plan = catalog.dataset("cocostuff164k").plan(tmp_path)
    assert [sample.name for sample in plan.splits["val"]] == ["a"]
    note, missing = plan.notes
    assert note.startswith("1 of 2 images in ")
    assert note.endswith("images/val2017 have no label and are left out: b.")
    assert missing.startswith("train is left out: There is no folder ")
    (tmp_path / "annotations/val2017/a.png").rename(tmp_path / "annotations/val2017/c.png")
    with pytest.raises(LfpError, match="None of the 2 images in .* has a label of its name"):
        catalog.dataset("cocostuff164k").plan(tmp_path)
