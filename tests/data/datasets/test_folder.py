"""Anybody's own folder: its forms, its classes, what is amiss in it."""

import pathlib

import numpy as np
import pytest
from dataset_trees import IMAGE, LABELS, labelled, problems, record, save, values
from PIL import Image

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import folder
from lfp_tf.errors import LfpError


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
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 3, "val": 2}
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
    for text in (
        '{"a": 1}',
        "[1]",
        '[{"index": 3, "name": "x"}]',
        '[{"index": 0, "name": "x", "color": [1, 2]}]',
    ):
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
    with pytest.raises(LfpError, match="images holds no images"):
        folder.plan(tmp_path)
    labelled(tmp_path / "images/a.png", tmp_path / "labels/a.png")
    with pytest.raises(LfpError, match="1 image cannot be divided"):
        folder.plan(tmp_path)
    save(tmp_path / "images/a.jpg", IMAGE)
    with pytest.raises(LfpError, match="holds a.jpg and a.png: which one is meant"):
        folder.plan(tmp_path)


def test_odd_images_are_stored_as_plain_png(tmp_path):
    folder_tree(tmp_path, LABELS)
    for path in (tmp_path / "images/x").iterdir():
        Image.fromarray(IMAGE[..., 0]).save(path)
    image, _ = record(folder.plan(tmp_path), "train")
    np.testing.assert_array_equal(image, np.repeat(IMAGE[..., :1], 3, axis=2))


def test_folder_takes_lists_of_pairs(tmp_path):
    for split in ("train", "val"):
        labelled(tmp_path / f"{split}2017/a.jpg", tmp_path / f"semantic/{split}/a.png", values(1))
        (tmp_path / f"{split}.txt").write_text(f"{split}2017/a.jpg semantic/{split}/a.png\n\n")
    (tmp_path / "classes.txt").write_text("a\nb\n")
    plan = folder.plan(tmp_path)
    assert problems(plan) == [] and set(plan.splits) == {"train", "val"}
    assert plan.splits["train"][0].name == "train2017/a"
    (tmp_path / "val.txt").write_text("a\n")
    with pytest.raises(LfpError, match=r"val\.txt, line 1 is not IMAGE LABEL, two paths"):
        folder.plan(tmp_path)
    (tmp_path / "val.txt").write_text("val2017/a.jpg ../a.png\n")
    with pytest.raises(LfpError, match=r"val\.txt names \"\.\./a\.png\", which lies outside"):
        folder.plan(tmp_path)


def test_folder_numbers_classes_by_train_ids_too(tmp_path):
    folder_tree(tmp_path, values(0, 1))
    path = tmp_path / "classes.json"
    path.write_text(
        '[{"train_id": 1, "category_id": 7, "name": "b", "color": [9, 8, 7]},'
        ' {"train_id": 0, "category_id": 3, "name": "a", "color": [1, 2, 3]}]'
    )
    table = folder.plan(tmp_path).table
    assert table.names == ("a", "b") and table.colors.tolist() == [[1, 2, 3], [9, 8, 7]]


def test_folder_maps_values_to_classes(tmp_path):
    folder_tree(tmp_path, values(200, 0, 7, 9), classes="object\nbackground\n")
    named = ((0, "background"), (7, "object"), (200, "object"))
    assert (
        "Add 9=NAME to --values, or --ignore_values 9."
        in problems(folder.plan(tmp_path, values=named))[0]
    )
    plan = folder.plan(tmp_path, values=named, ignore_values=(9,))
    assert problems(plan) == [] and plan.table.names == ("object", "background")
    assert record(plan, "train")[1][0, :4].tolist() == [0, 1, 0, 255]


@pytest.mark.parametrize(
    ("named", "options", "message"),
    [
        ([(0, "a"), (1, "bb")], {}, 'names "bb", which the file of classes does not. Did you mean'),
        ([(0, "a")], {"label_offset": 1}, "leave --label_offset out"),
        ([(0, "a"), (9, "b")], {"ignore_values": (9,)}, "a class for 9, which is to be ignored"),
        ([(0, "a"), (9, "ignore")], {}, "a class for 9, which is to be ignored; leave it out"),
    ],
)
def test_folder_refuses_values_that_contradict(tmp_path, named, options, message):
    folder_tree(tmp_path, values(0, 1), classes="a\nb\n")
    with pytest.raises(LfpError, match=message):
        folder.plan(tmp_path, values=named, **options)


def color_tree(root, colors, count=5):
    """Label files of one row of colours and black below; some as RGBA."""
    for number in range(count):
        labels = np.zeros((4, 6, 3), np.uint8)
        labels[0, : len(colors)] = colors
        save(root / f"images/{number}.png", IMAGE)
        path = save(root / f"labels/{number}.png", labels)
        if number % 2:
            Image.open(path).convert("RGBA").save(path)


def test_colours_are_classes_where_the_file_of_classes_gives_them(tmp_path):
    color_tree(tmp_path, [(255, 0, 0), (0, 0, 255)])
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nbig tree 0 0 255\nroof 255 0 0\n")
    plan = folder.plan(tmp_path)
    assert problems(plan) == []
    for number in range(4):
        assert record(plan, "train", number)[1][0, :3].tolist() == [2, 1, 0]


def test_unknown_colours_are_named_with_their_count_and_file(tmp_path):
    color_tree(tmp_path, [(255, 0, 0), (1, 2, 3), (1, 2, 3), (9, 9, 9)])
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroof 255 0 0\n")
    plan = folder.plan(tmp_path)
    first, last = plan.splits["train"][0].label, plan.splits["val"][0].label
    colors = np.zeros((4, 6, 3), np.uint8)
    colors[:2, 0] = 7, 7, 7
    save(pathlib.Path(last), colors)
    assert problems(plan) == [
        f"5 masks hold 3 colours that {tmp_path}/classes.txt does not name: 1 2 3 (8 pixels in 4 "
        f"masks, first {first}), 9 9 9 (4 pixels in 4 masks, first {first}), 7 7 7 (2 pixels in "
        f"{last}). Masks must not be smoothed; a class needs a line NAME R G B."
    ]
    (tmp_path / "classes.txt").write_text("ground 0 0 0\nroof 0 0 0\n")
    assert "classes.txt gives the colour 0 0 0 twice." in problems(folder.plan(tmp_path))[0]


def test_other_colours_are_other_records(tmp_path):
    color_tree(tmp_path, [(255, 0, 0)])
    digests = []
    for text in ("ground 0 0 0\nroof 255 0 0\n", "ground 255 0 0\nroof 0 0 0\n"):
        (tmp_path / "classes.txt").write_text(text)
        digests.append(take_census(folder.plan(tmp_path)).digests["train"])
    assert digests[0] != digests[1]


def test_equal_channels_are_values(tmp_path):
    color_tree(tmp_path, [(1, 1, 1), (2, 2, 2)])
    plan = folder.plan(tmp_path)
    assert len(plan.table) == 3 and problems(plan) == []
    assert record(plan, "train")[1][0, :3].tolist() == [1, 2, 0]


def test_colours_without_names_tell_the_way_out(tmp_path):
    color_tree(tmp_path, [(1, 2, 3)])
    message = (
        r"No label file can be used; the first of 5: .*labels/\d\.png is a colour-coded label image "
        r"\(mode RGB.*Or name the classes' colours in classes\.txt, a line NAME R G B for each\."
    )
    with pytest.raises(LfpError, match=message):
        folder.plan(tmp_path)


def cvat_tree(root, lists, palette=None):
    (root / "ImageSets/Segmentation").mkdir(parents=True)
    for name, text in lists.items():
        (root / f"ImageSets/Segmentation/{name}.txt").write_text(text)
    (root / "ImageSets/Segmentation/._train.txt").write_bytes(b"\xff")
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:250,50,83::\ndog:9,8,7::\n"
    )
    labels = np.zeros((4, 6, 3), np.uint8)
    labels[0, :2] = [(9, 8, 7), (250, 50, 83)]
    for name in ("a", "b c", "sub/d"):
        save(root / f"JPEGImages/{name}.jpg", IMAGE)
        save(root / f"SegmentationClass/{name}.png", labels)
    if palette:
        Image.open(root / "SegmentationClass/a.png").quantize(3).save(
            root / "SegmentationClass/a.png"
        )


def test_cvats_export_is_read_as_it_is(tmp_path):
    cvat_tree(tmp_path, {"Train": 'a\n"b c"\n', "Validation": "sub/d\n"}, palette=True)
    plan = folder.plan(tmp_path)
    assert problems(plan) == [] and plan.table.names == ("background", "cat", "dog")
    assert plan.table.colors.tolist() == [[0, 0, 0], [250, 50, 83], [9, 8, 7]]
    assert set(folder.plan(tmp_path, ["val"]).splits) == {"val"}
    names = {split: [s.name for s in samples] for split, samples in plan.splits.items()}
    assert names == {"train": ["JPEGImages/a", "JPEGImages/b c"], "val": ["JPEGImages/sub/d"]}
    for number in range(2):
        assert record(plan, "train", number)[1][0, :3].tolist() == [2, 1, 0]


def test_cvats_default_list_is_divided(tmp_path):
    cvat_tree(tmp_path, {"default": "a\nb c\nsub/d\n"})
    plan = folder.plan(tmp_path)
    assert {split: len(samples) for split, samples in plan.splits.items()} == {"train": 2, "val": 1}
    (tmp_path / "labelmap.txt").write_text("cat:1,2::\n")
    with pytest.raises(LfpError, match="labelmap.txt, line 1 is not NAME:R,G,B::"):
        folder.plan(tmp_path)
    (tmp_path / "JPEGImages").rename(tmp_path / "other")
    with pytest.raises(LfpError, match="has no folder JPEGImages or images; export from CVAT with"):
        folder.plan(tmp_path)


@pytest.mark.parametrize("val", ["valid", "validation"])
@pytest.mark.parametrize("form", ["images/{}+labels/{}", "{}/images+{}/labels", "{}+{}annot"])
def test_other_names_of_val_are_val(tmp_path, val, form):
    for split in ("train", val):
        image, label = (tmp_path / part for part in form.replace("{}", split).split("+"))
        labelled(image / "a.jpg", label / "a.png", values(0, 1))
    plan = folder.plan(tmp_path)
    assert set(plan.splits) == {"train", "val"} and problems(plan) == [] and plan.notes == ()


def test_two_folders_of_val_are_refused(tmp_path):
    for split in ("val", "valid"):
        labelled(tmp_path / f"images/{split}/a.jpg", tmp_path / f"labels/{split}/a.png")
    with pytest.raises(LfpError, match="images/val and .*images/valid are both val; keep one"):
        folder.plan(tmp_path)


@pytest.mark.parametrize("place", ["", "train/"])
def test_labels_may_lie_beside_images_as_masks(tmp_path, place):
    for name in ("a", "b c", "sub/d"):
        path = tmp_path / place
        labelled(path / f"{name}.jpg", path / f"{name}_mask.png", values(0, 1))
    plan = folder.plan(tmp_path)
    assert problems(plan) == []
    names = sorted(sample.name for samples in plan.splits.values() for sample in samples)
    assert names == ["a", "b c", "sub/d"]
    assert set(plan.splits) == ({"train"} if place else {"train", "val"})
    save(tmp_path / place / "e.jpg", IMAGE)
    with pytest.raises(LfpError, match=r"holds 1 files without their other: e\.jpg; every image"):
        folder.plan(tmp_path)


def test_folders_that_are_not_read_are_named(tmp_path):
    for split in ("train", "extra"):
        labelled(tmp_path / f"images/{split}/a.jpg", tmp_path / f"labels/{split}/a.png")
    (tmp_path / "old").mkdir()
    (tmp_path / ".cache").mkdir()
    assert folder.plan(tmp_path).notes == ("No data is read from images/extra, labels/extra, old.",)


@pytest.mark.parametrize(
    "line",
    [
        "i/a.jpg\tl/a.png",
        "i/a.jpg, l/a.png",
        "i/a.jpg,l/a.png",
        "{root}/i/a.jpg {root}/l/a.png",
        "i/b c.jpg l/b c.png",
        "i/b c.jpg\tl/b c.png",
        '"i/b c.jpg","l/b c.png"',
        "i/d,e.jpg  l/d,e.png",
    ],
)
def test_lists_take_tabs_commas_spaces_in_names_and_absolute_paths(tmp_path, line):
    for name in ("a", "b c", "d,e"):
        labelled(tmp_path / f"i/{name}.jpg", tmp_path / f"l/{name}.png")
    (tmp_path / "train.txt").write_text(line.format(root=tmp_path) + "\n")
    (sample,) = folder.plan(tmp_path).splits["train"]
    assert sample.name in ("i/a", "i/b c", "i/d,e")
    assert sample.label == sample.image.replace("/i/", "/l/").replace(".jpg", ".png")


def test_lines_that_name_missing_files_are_told(tmp_path):
    labelled(tmp_path / "a.jpg", tmp_path / "a.png")
    for line in ("a.jpg, b.png", "a.jpg b.png", "a.jpg\tb.png"):
        (tmp_path / "train.txt").write_text(line)
        with pytest.raises(LfpError, match=r"1 files that .* names are missing: .*b\.png"):
            folder.plan(tmp_path)
    (tmp_path / "train.txt").write_text("a b c d")
    with pytest.raises(LfpError, match="line 1 is not IMAGE LABEL, two paths with a space, a tab"):
        folder.plan(tmp_path)
    (tmp_path / "train.txt").write_text(f"{tmp_path.parent}/a.jpg a.png")
    with pytest.raises(LfpError, match="which lies outside"):
        folder.plan(tmp_path)


def test_splits_that_are_not_asked_for_block_nothing(tmp_path):
    labelled(tmp_path / "images/train/a.jpg", tmp_path / "labels/train/a.png")
    for part in ("images/test", "labels/test"):
        (tmp_path / part).mkdir()
    (tmp_path / "classes.txt").write_text("a\nb\n")
    with pytest.raises(LfpError, match="images/test holds no images"):
        folder.plan(tmp_path, ["test"])
    assert folder.plan(tmp_path, ["train"]).notes == ()
    plan = folder.plan(tmp_path)
    assert set(plan.splits) == {"train"}
    assert plan.notes[0].startswith("test is left out: ")
    assert "images/test holds no images" in plan.notes[0]


def test_classes_are_counted_in_every_split_whatever_is_asked_for(tmp_path):
    for split, highest in (("train", 5), ("val", 2)):
        labelled(
            tmp_path / f"images/{split}/a.jpg",
            tmp_path / f"labels/{split}/a.png",
            values(0, highest),
        )
    plan = folder.plan(tmp_path, ["val"])
    assert set(plan.splits) == {"val"} and len(plan.table) == 6 and plan.notes == ()
    (tmp_path / "labels/train/a.png").unlink()
    plan = folder.plan(tmp_path, ["val"])
    assert len(plan.table) == 3
    (note,) = plan.notes
    assert note.startswith("Classes are counted in val alone, as others cannot be read: ")
    assert "labels/train holds no labels" in note
