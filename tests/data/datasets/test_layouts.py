"""Every data set finds its pairs in a tiny tree, and says what is amiss in one that is not so."""

import importlib.resources

import numpy as np
import pytest
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import (
    ade20k,
    camvid,
    catalog,
    cityscapes,
    folder,
    folders,
    kitti_road,
    voc,
)
from lfp_tf.data.example import decode_example
from lfp_tf.errors import LfpError
from lfp_tf.pictures.decode import read_labels, read_picture

PICTURE = np.random.RandomState(0).randint(0, 256, (4, 6, 3), np.uint8)
LABELS = np.zeros((4, 6), np.uint8)


def save(path, array, palette=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(array, np.uint8))
    if palette:
        picture = Image.frombytes("P", picture.size, picture.tobytes())
        picture.putpalette(palette)
    picture.save(path)
    return path


def labelled(image, label, values=LABELS, picture=PICTURE, **options):
    save(image, picture)
    save(label, values, **options)


def record(plan, split, number=0):
    """(picture, labels) as the record of a sample holds them."""
    features = decode_example(plan.encode(plan.splits[split][number]).payload)
    return (
        read_picture(features["image/encoded"][0]),
        read_labels(features["image/segmentation/class/encoded"][0]),
    )


def problems(plan):
    return take_census(plan).problems


def values(*numbers):
    labels = LABELS.copy()
    labels[0, : len(numbers)] = numbers
    return labels


# Cityscapes


def cityscapes_tree(root, end="labelTrainIds", labels=LABELS, splits=("train", "val")):
    for split in splits:
        name = f"{split}/ulm/ulm_000000_000019"
        labelled(
            root / "leftImg8bit" / f"{name}_leftImg8bit.png",
            root / "gtFine" / f"{name}_gtFine_{end}.png",
            labels,
        )


def test_cityscapes_reads_train_ids(tmp_path):
    cityscapes_tree(tmp_path, labels=values(0, 18, 255))
    plan = cityscapes.plan(tmp_path)
    assert problems(plan) == []
    assert plan.splits["val"][0].name == "ulm/ulm_000000_000019"
    assert plan.options == {"labels": "trainIds"}
    assert record(plan, "train")[1][0, :3].tolist() == [0, 18, 255]


def test_cityscapes_maps_label_ids(tmp_path):
    cityscapes_tree(tmp_path, "labelIds", values(7, 33, 0))
    plan = cityscapes.plan(tmp_path)
    assert problems(plan) == [] and plan.options == {"labels": "labelIds"}
    assert record(plan, "train")[1][0, :4].tolist() == [0, 18, 255, 255]


def test_cityscapes_suspects_label_ids_among_train_ids(tmp_path):
    cityscapes_tree(tmp_path, labels=values(7, 33, 26))
    found = problems(cityscapes.plan(tmp_path))
    assert len(found) == 2
    assert "labelTrainIds.png holds the values 26, 33, but 0-18 and 255 are expected. " in found[0]
    assert "Label ids instead of train ids?" in found[0]


def test_cityscapes_names_pictures_without_labels(tmp_path):
    cityscapes_tree(tmp_path)
    save(tmp_path / "leftImg8bit/val/ulm/b_leftImg8bit.png", PICTURE)
    with pytest.raises(LfpError, match=r"pictures of cityscapes have neither .*ulm/b"):
        cityscapes.plan(tmp_path)


def test_cityscapes_without_pictures_tells_the_layout(tmp_path):
    (tmp_path / "leftImg8bit").mkdir()
    (tmp_path / "gtFine").mkdir()
    with pytest.raises(LfpError, match=r"holds no \*_leftImg8bit\.png. Expected: leftImg8bit/"):
        cityscapes.plan(tmp_path)


# ADE20K


def ade_tree(root, labels):
    for part in ("training", "validation"):
        labelled(root / f"images/{part}/ADE_1.jpg", root / f"annotations/{part}/ADE_1.png", labels)


def test_ade20k_counts_from_one(tmp_path):
    ade_tree(tmp_path / "ADEChallengeData2016", values(0, 1, 150))
    plan = ade20k.plan(tmp_path)
    assert problems(plan) == []
    assert record(plan, "val")[1][0, :3].tolist() == [255, 0, 149]


def test_ade20k_suspects_reduced_labels(tmp_path):
    ade_tree(tmp_path, values(0, 255))
    assert (
        "holds the value 255, but 0-150 are expected. Already" in problems(ade20k.plan(tmp_path))[0]
    )


# VOC


def voc_tree(root, augmented=False):
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\n")
    for name in "abc":
        save(root / f"JPEGImages/{name}.jpg", PICTURE)
    for name in "ab":
        path = root / f"SegmentationClass/{name}.png"
        save(path, values(0, 15, 255), palette=[0, 0, 0, 128, 0, 0] * 128)
    if augmented:
        for name in "abc":
            save(root / f"SegmentationClassAug/{name}.png", values(0, 15, 255))


def test_voc_takes_the_palettes_index_not_its_luminance(tmp_path):
    voc_tree(tmp_path / "VOCdevkit/VOC2012")
    plan = voc.plan(tmp_path)
    assert problems(plan) == []
    assert record(plan, "train")[1][0, :3].tolist() == [0, 15, 255]
    assert plan.notes == ("There is no SegmentationClassAug; train is VOC's own, without SBD.",)


def test_voc_trains_on_the_augmented_list(tmp_path):
    voc_tree(tmp_path, augmented=True)
    (tmp_path / "train_aug.txt").write_text(
        "/JPEGImages/c.jpg /SegmentationClassAug/c.png\n/JPEGImages/a.jpg /SegmentationClassAug/a.png\n"
    )
    plan = voc.plan(tmp_path)
    assert [sample.name for sample in plan.splits["train"]] == ["JPEGImages/c", "JPEGImages/a"]
    assert plan.options == {"train": "train_aug"} and not plan.notes


def test_voc_without_a_list_leaves_val_out_of_training(tmp_path):
    voc_tree(tmp_path, augmented=True)
    plan = voc.plan(tmp_path)
    assert [sample.name for sample in plan.splits["train"]] == ["JPEGImages/a", "JPEGImages/c"]
    assert "train is SegmentationClassAug without val" in plan.notes[0]


def test_voc_refuses_lists_that_lead_outside(tmp_path):
    voc_tree(tmp_path)
    (tmp_path / "ImageSets/Segmentation/train.txt").write_text("../../secret\n")
    with pytest.raises(
        LfpError, match=r'names "JPEGImages/\.\./\.\./secret.jpg", which lies outside'
    ):
        voc.plan(tmp_path)


def test_voc_names_missing_files(tmp_path):
    voc_tree(tmp_path)
    (tmp_path / "ImageSets/Segmentation/val.txt").write_text("b\nd\n")
    with pytest.raises(
        LfpError, match=r"2 files that the list of voc's val split names are missing"
    ):
        voc.plan(tmp_path)


def test_voc_suspects_luminance(tmp_path):
    voc_tree(tmp_path)
    save(tmp_path / "SegmentationClass/a.png", values(38))
    assert "holds the value 38" in problems(voc.plan(tmp_path))[0]
    assert "luminance of a palette" in problems(voc.plan(tmp_path))[0]


# CamVid


def camvid_tree(root, labels=LABELS, suffix="png"):
    for split in ("train", "val", "test"):
        labelled(root / f"{split}/a.{suffix}", root / f"{split}annot/a.png", labels)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_camvid_keeps_its_order_and_ignores_void(tmp_path, suffix):
    camvid_tree(tmp_path, values(0, 10, 11), suffix)
    plan = camvid.plan(tmp_path)
    assert problems(plan) == [] and set(plan.splits) == {"train", "val", "test"}
    picture, labels = record(plan, "test")
    assert labels[0, :3].tolist() == [0, 10, 255]
    if suffix == "png":
        np.testing.assert_array_equal(picture, PICTURE)


def test_camvid_suspects_the_original_classes(tmp_path):
    camvid_tree(tmp_path, values(31))
    assert "value 31, but 0-11 are expected. The 32 original" in problems(camvid.plan(tmp_path))[0]


def test_camvid_names_missing_folders(tmp_path):
    camvid_tree(tmp_path)
    (tmp_path / "valannot/a.png").unlink()
    (tmp_path / "valannot").rmdir()
    with pytest.raises(LfpError, match=r"not laid out as camvid: it lacks valannot\. Expected: "):
        camvid.plan(tmp_path)


def test_unpaired_files_are_counted_and_named(tmp_path):
    camvid_tree(tmp_path)
    for number in range(7):
        save(tmp_path / f"train/b{number}.png", PICTURE)
    save(tmp_path / "trainannot/x.png", LABELS)
    with pytest.raises(LfpError) as caught:
        camvid.plan(tmp_path)
    text = str(caught.value)
    assert (
        "7 of 8 pictures in" in text
        and "b0.png, b1.png, b2.png, b3.png, b4.png, and 2 more" in text
    )
    assert "1 labels in" in text and "x.png" in text


def test_sizes_that_differ_are_named(tmp_path):
    camvid_tree(tmp_path)
    save(tmp_path / "valannot/a.png", np.zeros((4, 5)))
    (found,) = problems(camvid.plan(tmp_path))
    assert "valannot/a.png is 4x5 (height x width), but its picture" in found
    assert "val/a.png is 4x6" in found


def test_colour_coded_labels_are_problems_and_broken_files_are_left_out(tmp_path):
    camvid_tree(tmp_path)
    save(tmp_path / "valannot/a.png", PICTURE)
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
    save(tmp_path / "val/a.png", PICTURE ^ 1)
    second = take_census(plan).digests
    assert (second["val"] != first["val"]) and second["train"] == first["train"]


# KITTI road

RED, MAGENTA, BLACK = (255, 0, 0), (255, 0, 255), (0, 0, 0)


def kitti_tree(root, names=("um_000000", "uu_000001", "umm_000002")):
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[0, :3] = [RED, MAGENTA, BLACK]
    for name in names:
        labelled(
            root / f"data_road/training/image_2/{name}.png",
            root / f"data_road/training/gt_image_2/{name.replace('_', '_road_')}.png",
            colors,
        )


def test_kitti_reads_colours(tmp_path):
    kitti_tree(tmp_path)
    plan = kitti_road.plan(tmp_path, seed=0)
    assert problems(plan) == []
    assert record(plan, "train")[1][0].tolist() == [0, 1, 255, 255, 255, 255]
    assert {split: len(found) for split, found in plan.splits.items()} == {"train": 2, "val": 1}


def test_kitti_upsamples_and_writes_the_forks_labels(tmp_path):
    kitti_tree(tmp_path)
    plan = kitti_road.plan(tmp_path, seed=0, upsampling=2, fork_labels=True)
    picture, labels = record(plan, "train")
    assert picture.shape == (8, 12, 3)
    assert labels[:3, :6].tolist() == [[1, 1, 2, 2, 0, 0]] * 2 + [[0] * 6]
    assert plan.table.names == ("other", "not road", "road")


def test_kitti_takes_the_published_lists(tmp_path):
    lists = importlib.resources.files("lfp_tf.data.datasets") / "kitti_lists"
    names = [
        [
            line.split()[0][:-4]
            for line in (lists / f"kitti_{split}_list.txt").read_text().splitlines()
        ]
        for split in ("train", "val")
    ]
    assert [len(found) for found in names] == [231, 58] and not set(names[0]) & set(names[1])
    kitti_tree(tmp_path, names[0] + names[1])
    plan = kitti_road.plan(tmp_path)
    assert [sample.name.split("/")[-1] for sample in plan.splits["val"]] == names[1]


def test_kitti_counts_what_the_lists_miss(tmp_path):
    kitti_tree(tmp_path)
    with pytest.raises(LfpError, match="files that the published train list names are missing"):
        kitti_road.plan(tmp_path)


def test_kitti_suspects_other_pictures(tmp_path):
    kitti_tree(tmp_path)
    save(tmp_path / "data_road/training/gt_image_2/um_road_000000.png", PICTURE)
    (found,) = problems(kitti_road.plan(tmp_path, seed=0))
    assert "has no pixel in red (not road) or magenta (road)" in found


# Folders


@pytest.mark.parametrize(
    ("image", "label"),
    [("images/train", "labels/train"), ("train/images", "train/labels"), ("train", "trainannot")],
)
def test_folder_finds_its_splits(tmp_path, image, label):
    for split in ("train", "val"):
        labelled(
            tmp_path / image.replace("train", split) / "a.jpg",
            tmp_path / label.replace("train", split) / "a.png",
            values(0, 1, 255),
        )
    (tmp_path / "classes.txt").write_text("ground\nbig tree 1 2 3\n\n")
    plan = folder.plan(tmp_path)
    assert set(plan.splits) == {"train", "val"} and problems(plan) == []
    assert plan.table.names == ("ground", "big tree")
    assert plan.table.colors.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert record(plan, "train")[1][0, :3].tolist() == [0, 1, 255]


def folder_tree(root, labels, count=5, classes=None):
    for number in range(count):
        labelled(root / f"images/x/{number}.png", root / f"labels/x/{number}.png", labels)
    if classes:
        (root / "classes.txt").write_text(classes)


def test_folder_divides_by_seed_and_counts_classes(tmp_path):
    folder_tree(tmp_path, values(0, 3, 255))
    plan = folder.plan(tmp_path, seed=1, val_share=0.4)
    assert {split: len(found) for split, found in plan.splits.items()} == {"train": 3, "val": 2}
    assert plan.table.names == ("class 0", "class 1", "class 2", "class 3")
    again = folder.plan(tmp_path, seed=1, val_share=0.4)
    assert plan.splits == again.splits


def test_folder_shifts_labels_that_count_from_one(tmp_path):
    folder_tree(tmp_path, values(1, 2, 0), classes="a\nb\n")
    assert "holds the value 2, but 0-1 and 255 are expected." in problems(folder.plan(tmp_path))[0]
    plan = folder.plan(tmp_path, label_offset=1)
    assert problems(plan) == []
    assert record(plan, "train")[1][0, :3].tolist() == [0, 1, 255]


def test_folder_suspects_labels_that_count_from_one(tmp_path):
    folder_tree(tmp_path, LABELS + 2, classes="a\nb\n")
    assert (
        "Do the files count from 1? Then add --label_offset 1."
        in problems(folder.plan(tmp_path))[0]
    )


def test_folder_ignores_values(tmp_path):
    folder_tree(tmp_path, values(1, 9), classes="a\nb\n")
    assert "If 9 is a value to ignore, add --ignore_values 9." in problems(folder.plan(tmp_path))[0]
    plan = folder.plan(tmp_path, ignore_values=(9,))
    assert problems(plan) == []
    assert record(plan, "train")[1][0, :2].tolist() == [1, 255]


def test_folder_reads_classes_from_json(tmp_path):
    folder_tree(tmp_path, values(0, 1))
    path = tmp_path / "classes.json"
    path.write_text('[{"index": 1, "name": "b", "color": [9, 8, 7]}, {"index": 0, "name": "a"}]')
    assert folder.plan(tmp_path).table.names == ("a", "b")
    assert folder.plan(tmp_path).table.colors[1].tolist() == [9, 8, 7]
    path.write_text('["a", "b", "c"]')
    assert folder.plan(tmp_path).table.names == ("a", "b", "c")
    for text in ('{"a": 1}', "[1]", '[{"index": 3, "name": "x"}]'):
        path.write_text(text)
        with pytest.raises(LfpError, match=r"classes\.json is no list of class names"):
            folder.plan(tmp_path)


def test_folder_refuses_odd_class_files(tmp_path):
    folder_tree(tmp_path, LABELS, classes="a\na\n")
    with pytest.raises(LfpError, match='names "a" twice'):
        folder.plan(tmp_path)
    (tmp_path / "classes.txt").write_text("\n")
    with pytest.raises(LfpError, match="names no classes"):
        folder.plan(tmp_path)
    with pytest.raises(LfpError, match="There is no file nowhere for --classes"):
        folder.plan(tmp_path, classes="nowhere")
    (tmp_path / "classes.txt").write_text("\n".join(f"c{number}" for number in range(256)))
    with pytest.raises(LfpError, match="256 classes do not fit 8-bit labels; 255 do"):
        folder.plan(tmp_path)


def test_folder_without_any_class_is_refused(tmp_path):
    folder_tree(tmp_path, LABELS + 255)
    with pytest.raises(LfpError, match="hold no class at all"):
        folder.plan(tmp_path)


def test_folder_tells_the_layout(tmp_path):
    with pytest.raises(LfpError, match="not laid out as folder. Expected: images and labels"):
        folder.plan(tmp_path)
    with pytest.raises(LfpError, match="There is no folder .*nowhere; --source is the folder"):
        folder.plan(tmp_path / "nowhere")
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    with pytest.raises(LfpError, match="images holds no pictures"):
        folder.plan(tmp_path)
    labelled(tmp_path / "images/a.png", tmp_path / "labels/a.png")
    with pytest.raises(LfpError, match="1 picture cannot be divided"):
        folder.plan(tmp_path)
    save(tmp_path / "images/a.jpg", PICTURE)
    with pytest.raises(LfpError, match="holds a.jpg and a.png: which one is meant"):
        folder.plan(tmp_path)


def test_odd_pictures_are_stored_as_plain_png(tmp_path):
    folder_tree(tmp_path, LABELS)
    for path in (tmp_path / "images/x").iterdir():
        Image.fromarray(PICTURE[..., 0]).save(path)
    picture, _ = record(folder.plan(tmp_path), "train")
    np.testing.assert_array_equal(picture, np.repeat(PICTURE[..., :1], 3, axis=2))


def test_plain_files_are_stored_byte_for_byte(tmp_path):
    camvid_tree(tmp_path, suffix="jpg")
    plan = camvid.plan(tmp_path)
    features = decode_example(plan.encode(plan.splits["val"][0]).payload)
    assert features["image/encoded"] == [(tmp_path / "val/a.jpg").read_bytes()]
    assert features["image/format"] == [b"jpeg"]
    assert (features["image/height"], features["image/width"]) == ([4], [6])
    assert features["image/filename"] == [b"a"]


# The catalog


def test_unknown_data_sets_are_refused_with_the_nearest():
    with pytest.raises(LfpError, match='no data set "cityscape". Did you mean "cityscapes"'):
        catalog.dataset("cityscape")


def test_every_data_set_describes_itself():
    for name, module in catalog.DATASETS.items():
        assert name == module.NAME and module.SUMMARY and module.LAYOUT and module.SPLITS
        assert set(module.OPTIONS) <= set(module.plan.__kwdefaults__ or {})


@pytest.mark.parametrize("name", [name for name in catalog.DATASETS if name != "scenes"])
def test_every_data_set_needs_its_source(name):
    with pytest.raises(LfpError, match=f"{name} needs --source DIR, the folder that holds"):
        catalog.dataset(name).plan(None)


def test_absolute_paths_of_lists_are_refused(tmp_path):
    with pytest.raises(LfpError, match='a list names "/etc/passwd", which lies outside'):
        folders.inside(tmp_path, "/etc/passwd", "a list")
