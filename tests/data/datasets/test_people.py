"""MPII and LSP in the forms they come in, and one sentence for each way they can be wrong."""

import json

import h5py
import numpy as np
import pytest
import scipy.io
from dataset_trees import IMAGE, save

from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import lsp, mpii, mpii_lsp
from lfp_tf.data.example import decode_example
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS

HEIGHT, WIDTH = IMAGE.shape[:2]
MPII, LSP = JOINTS["mpii"], JOINTS["lsp"]


def points(count, seed=0):
    return np.random.RandomState(seed).uniform(1, HEIGHT - 1, (count, 2)).round(2).tolist()


def random_images(root, names=("a.png", "b.png")):
    for name in names:
        save(root / "images" / name, IMAGE)
    return root


def hrnet(number=0, image="a.png", **words):
    joints = points(16, number)
    joints[3] = [-1.0, -1.0]
    known = [int(place != 3) for place in range(16)]
    person = {"joints": joints, "joints_vis": known, "image": image, "center": [3.0, 2.0]}
    return person | {"scale": 0.02} | words


def ours(names, entries, **words):
    return {"joint_names": list(names), **(words or {"train": entries})}


def lsp_entry(number=0, image="a.png", **words):
    return {"file_name": image, "joints": points(14, number), "visible": [1] * 14} | words


def write(root, name, content):
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(json.dumps(content))
    return root


def record(plan, split="train", number=0):
    return decode_example(plan.encode(plan.splits[split][number]).payload)


def keypoints(features, joints):
    return np.reshape(features["person/keypoints"], (joints, 3))


def test_hrnets_json_is_made_ready(tmp_path):
    random_images(tmp_path)
    write(tmp_path, "annot/train.json", [hrnet(), hrnet(1), hrnet(2, "b.png")])
    write(tmp_path, "annot/valid.json", [hrnet(3, head_size=9.5)])
    plan = mpii.plan(tmp_path)
    assert plan.tasks == ("pose",) and plan.table.names == MPII
    assert plan.facts["flip_order"][0] == 5
    census = take_census(plan)
    assert census.problems == [] and not any(census.broken.values())
    features = record(plan, number=1)
    assert features["person/number"] == [1] and features["image/filename"] == [b"a.png"]
    np.testing.assert_allclose(features["person/center"], [3.0, 2.3])
    np.testing.assert_allclose(features["person/scale"], [0.025])
    joints = keypoints(features, 16)
    assert joints[3].tolist() == [0, 0, 0]
    np.testing.assert_allclose(joints[4], [*points(16, 1)[4], 1])
    assert record(plan, "val")["person/head_size"] == [9.5]


def test_cpms_json_is_divided_by_its_own_word(tmp_path):
    random_images(tmp_path)
    person = {
        "joint_self": [[x, y, 1] for x, y in points(16)],
        "objpos": [3.0, 2.0],
        "scale_provided": 0.02,
        "img_paths": "b.png",
        "isValidation": 1.0,
    }
    person["joint_self"][5] = [0, 0, 2]
    write(tmp_path, "mpii_annotations.json", [person | {"isValidation": 0}, person])
    plan = mpii.plan(tmp_path)
    assert {split: len(people) for split, people in plan.splits.items()} == {"train": 1, "val": 1}
    assert keypoints(record(plan, "val"), 16)[5].tolist() == [0, 0, 0]
    np.testing.assert_allclose(record(plan)["person/scale"], [0.025])


def newell(path, count=2, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = np.array([points(16, number) for number in range(count)])
    part[0, 2] = 0
    values = {
        "part": part,
        "center": np.tile([3.0, 2.0], (count, 1)),
        "scale": np.full(count, 0.03),
        "normalize": np.full(count, 4.5),
    }
    with h5py.File(path, "w") as file:
        for name, value in (values | arrays).items():
            if value is not None:
                file[name] = value


def test_newells_arrays_are_ready(tmp_path):
    random_images(tmp_path)
    newell(tmp_path / "annot/train.h5")
    newell(tmp_path / "annot/valid.h5", 1)
    (tmp_path / "annot/train_images.txt").write_text("a.png\nb.png\n")
    (tmp_path / "annot/valid_images.txt").write_text("b.png\n")
    plan = mpii.plan(tmp_path)
    assert {split: len(people) for split, people in plan.splits.items()} == {"train": 2, "val": 1}
    features = record(plan)
    np.testing.assert_allclose(features["person/center"], [3.0, 2.0])
    np.testing.assert_allclose(features["person/scale"], [0.03])
    np.testing.assert_allclose(features["person/head_size"], [4.5])
    assert keypoints(features, 16)[2].tolist() == [0, 0, 0]


def test_newells_names_may_be_numbers(tmp_path):
    random_images(tmp_path)
    codes = np.zeros((2, 16))
    codes[:, :5] = [list(b"a.png"), list(b"b.png")]
    newell(tmp_path / "train.h5", imgname=codes)
    assert [person.image_name for person in mpii.plan(tmp_path).splits["train"]] == [
        "a.png",
        "b.png",
    ]


@pytest.mark.parametrize(
    ("arrays", "names", "message"),
    [
        ({}, None, "train.h5 needs train_images.txt beside it"),
        ({}, "a.png\n", "names 1 images, but .*train.h5 has 2 people"),
        ({"scale": None}, "a.png\nb.png", "train.h5 has no array scale of people, as files"),
        ({"part": np.zeros((2, 14, 2))}, "a.png\nb.png", "no array part of peoplex16x2"),
        ({"normalize": np.zeros(3)}, "a.png\nb.png", "array normalize of another length"),
        ({}, "a.png\n../b.png", 'names "../b.png", which lies outside'),
    ],
)
def test_arrays_that_do_not_go_together(tmp_path, arrays, names, message):
    random_images(tmp_path)
    newell(tmp_path / "train.h5", **arrays)
    if names:
        (tmp_path / "train_images.txt").write_text(names)
    with pytest.raises(LfpError, match=message):
        mpii.plan(tmp_path)


def test_a_person_without_a_joint_is_left_out_by_name(tmp_path):
    random_images(tmp_path)
    empty = hrnet(0, joints_vis=[0] * 16)
    write(tmp_path, "train.json", [hrnet(1), empty])
    census = take_census(mpii.plan(tmp_path))
    assert len(census.samples["train"]) == 1
    assert census.broken["train"] == [
        f"{tmp_path}/train.json, entry 1 (a.png) has no person: no joint is annotated."
    ]


def test_a_joint_outside_the_image_is_told(tmp_path):
    random_images(tmp_path)
    far = hrnet(1)
    far["joints"][9] = [50.0, 2.0]
    nearly = hrnet(2)
    nearly["joints"][9] = [WIDTH + 0.5, 2.0]
    write(tmp_path, "train.json", [hrnet(), far, nearly])
    census = take_census(mpii.plan(tmp_path))
    assert len(census.samples["train"]) == 2
    assert census.broken["train"] == [
        f"{tmp_path}/train.json, entry 1 (a.png) has the joint head_top at (50, 2), outside its "
        "image of 6x4 (width x height)."
    ]


@pytest.mark.parametrize("words", [{"scale": 0.0}, {"scale": 1e9}, {"center": [float("nan"), 1]}])
def test_a_place_that_shows_nothing_is_told(tmp_path, words):
    random_images(tmp_path)
    write(tmp_path, "train.json", [hrnet(), hrnet(1, **words)])
    census = take_census(mpii.plan(tmp_path))
    assert "which show nothing of it" in census.broken["train"][0]


def test_an_unreadable_image_is_named(tmp_path):
    random_images(tmp_path)
    (tmp_path / "images/b.png").write_bytes(b"nothing")
    write(tmp_path, "train.json", [hrnet(), hrnet(1, "b.png")])
    assert "b.png is no image of" in take_census(mpii.plan(tmp_path)).broken["train"][0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "train.json names no people"),
        ({"joint_names": list(MPII)}, "train.json holds no list of people"),
        (ours(MPII[:15], [hrnet()]), "train.json has no joint left_wrist in its joint_names"),
        (["x"], "train.json, entry 0 is no person with 16 joints of a known form"),
        ([{"image": "a.png"}], r"entry 0 is no person .* \(KeyError\('joints'\)\)"),
        ([hrnet(joints=[[1, 2]])], "entry 0 is no person with 16 joints"),
        ([hrnet(image="c.png")], "1 of the 1 annotated images are not in .*images: .*c.png"),
        ([hrnet(image="/etc/passwd")], 'names "/etc/passwd", which lies outside'),
    ],
)
def test_json_that_is_wrong(tmp_path, content, message):
    write(random_images(tmp_path), "train.json", content)
    with pytest.raises(LfpError, match=message):
        mpii.plan(tmp_path)


def test_json_that_is_none(tmp_path):
    (random_images(tmp_path) / "train.json").write_text("{")
    with pytest.raises(LfpError, match="train.json cannot be read as JSON"):
        mpii.plan(tmp_path)


def structure(**fields):
    """A MATLAB structure of these fields; lists become structure arrays."""
    return {name: _array(v) if isinstance(v, list) else v for name, v in fields.items()}


def _array(structures):
    names = list(structures[0])
    rows = [tuple(one[name] for name in names) for one in structures]
    return np.array(rows, [(name, object) for name in names])


def rect(number=0, **words):
    annotated = [
        structure(x=x, y=y, id=float(place), is_visible="1")
        for place, (x, y) in enumerate(points(16, number))
        if place != 3
    ]
    fields = {
        "x1": 1.0, "y1": 1.0, "x2": 4.0, "y2": 5.0, "scale": 0.02,
        "objpos": structure(x=3.0, y=2.0), "annopoints": structure(point=annotated),
    }  # fmt: skip
    return structure(**(fields | words))


def official(root, people, is_train):
    random_images(root, [f"{number}.png" for number in range(len(people))])
    annolist = [
        structure(image=structure(name=f"{number}.png"), annorect=rects, frame_sec=np.zeros((0, 0)))
        for number, rects in enumerate(people)
    ]
    release = structure(annolist=annolist, img_train=np.array(is_train, float), version="12")
    path = root / "mpii_human_pose_v1_u12_1.mat"
    scipy.io.savemat(path, {"RELEASE": release}, do_compression=True)
    return root


def test_the_official_file_is_divided_by_its_images(tmp_path):
    alone = rect(2, annopoints=np.zeros((0, 0)))
    people = [[rect(0), rect(1)], [alone], [rect(3)], [rect(4)], np.zeros((0, 0))]
    plan = mpii.plan(official(tmp_path, people, [1, 1, 1, 0, 1]), val_share=0.5)
    assert {
        split: len({p.image_name for p in people}) for split, people in plan.splits.items()
    } == {
        "train": 1,
        "val": 1,
    }
    assert "no val; images are held out by --seed" in plan.notes[0]
    assert plan.notes[1].startswith("1 people of it have no joints or no place")
    census = take_census(plan)
    assert census.problems == [] and not any(census.broken.values())
    people = {(p.image_name, p.number): p for split in plan.splits.values() for p in split}
    assert set(people) == {("0.png", 0), ("0.png", 1), ("2.png", 0)}
    features = decode_example(plan.encode(people["0.png", 1]).payload)
    np.testing.assert_allclose(features["person/head_size"], [3.0])
    np.testing.assert_allclose(features["person/center"], [3.0, 2.3])
    np.testing.assert_allclose(features["person/scale"], [0.025])
    joints = keypoints(features, 16)
    assert joints[3].tolist() == [0, 0, 0]
    np.testing.assert_allclose(joints[4], [*points(16, 1)[4], 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("people", "is_train", "message"),
    [
        ([[rect()]], [1, 0], "is not MPII's file of annotations .*differ in length"),
        ([[rect()]], [0], "names no people with joints"),
        ([[rect(annopoints=structure(point=[structure(x=1.0)]))]], [1], "image 1 is not annot"),
        ([[rect(objpos="here")]], [1], "image 1 is not annotated as MPII's are"),
    ],
)
def test_an_official_file_that_is_wrong(tmp_path, people, is_train, message):
    with pytest.raises(LfpError, match=message):
        mpii.plan(official(tmp_path, people, is_train))


def test_folders_of_something_else(tmp_path):
    (random_images(tmp_path) / "mpii_human_pose_v1_u12_1.mat").write_bytes(b"x")
    with pytest.raises(LfpError, match="is no whole MATLAB 5 file: its first 128 bytes"):
        mpii.plan(tmp_path)
    with pytest.raises(LfpError, match="not laid out as mpii. Expected"):
        mpii.plan(tmp_path / "images")
    with pytest.raises(LfpError, match="mpii needs --source DIR"):
        mpii.plan(None)


def test_images_must_be_somewhere(tmp_path):
    write(tmp_path, "train.json", [hrnet()])
    with pytest.raises(LfpError, match="has no folder images with the images"):
        mpii.plan(tmp_path)


def test_lsp_stands_in_its_image(tmp_path):
    random_images(tmp_path)
    both = {"train": [lsp_entry()], "val": [lsp_entry(1, "b.png")]}
    write(tmp_path, "annotations.json", ours(LSP, None, **both))
    plan = lsp.plan(tmp_path)
    assert {split: len(people) for split, people in plan.splits.items()} == {"train": 1, "val": 1}
    features = record(plan)
    np.testing.assert_allclose(features["person/center"], [WIDTH / 2, HEIGHT / 2])
    np.testing.assert_allclose(features["person/scale"], [WIDTH / 200])
    np.testing.assert_allclose(keypoints(features, 14)[:, :2], points(14), rtol=1e-6)


def test_lsp_may_stand_in_its_joints(tmp_path):
    random_images(tmp_path)
    write(tmp_path, "annotations.json", ours(LSP, [lsp_entry()]))
    features, joints = record(lsp.plan(tmp_path, box="joints")), np.array(points(14))
    middle = (joints.min(0) + joints.max(0)) / 2
    np.testing.assert_allclose(features["person/center"], middle, rtol=1e-6)
    side = 1.25 * (joints.max(0) - joints.min(0)).max()
    np.testing.assert_allclose(features["person/scale"], [side / 200], rtol=1e-6)


def test_joints_come_in_our_order_whatever_the_files(tmp_path):
    random_images(tmp_path)
    entry = lsp_entry()
    write(tmp_path, "annotations.json", ours(LSP[::-1], [entry]))
    joints = keypoints(record(lsp.plan(tmp_path)), 14)
    np.testing.assert_allclose(joints[:, :2], entry["joints"][::-1], rtol=1e-6)


@pytest.mark.parametrize("compressed", [False, True])
def test_the_mat_of_the_2000(tmp_path, monkeypatch, compressed):
    monkeypatch.setattr(lsp, "NUM_TRAIN", 1)
    random_images(tmp_path)
    table = np.ones((3, 14, 2))
    table[:2] = np.array([points(14, 0), points(14, 1)]).transpose(2, 1, 0)
    table[2, 3] = 0
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": table}, do_compression=compressed)
    plan = lsp.plan(tmp_path)
    assert {split: len(people) for split, people in plan.splits.items()} == {"train": 1, "val": 1}
    joints = keypoints(record(plan, "val"), 14)
    np.testing.assert_allclose(joints[:, :2], points(14, 1), rtol=1e-6)
    assert (joints[:, 2] == 1).all()


def test_the_mat_of_the_extended_set(tmp_path):
    random_images(tmp_path)
    table = np.ones((14, 3, 2))
    table[:, :2] = np.array([points(14, 0), points(14, 1)]).transpose(1, 2, 0)
    table[3, :, 1] = 0
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": table})
    plan = lsp.plan(tmp_path)
    assert len(plan.splits["train"]) == 2 and "val" not in plan.splits
    joints = keypoints(record(plan, number=1), 14)
    assert joints[3].tolist() == [0, 0, 0] and (np.delete(joints[:, 2], 3) == 1).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"joints": np.zeros((3, 13, 2))}, "holds joints of 3x13x2, not 3x14xN or 14x3xN"),
        ({"joints": np.zeros((3, 14, 5))}, "has 5 people, but images beside it holds 2 images"),
        ({"points": np.zeros((3, 14, 2))}, "has no variable joints; it holds points"),
        ({"joints": {"a": 1}}, "holds no numbers as joints"),
        ({"joints": "text"}, "holds no numbers as joints"),
    ],
)
def test_mats_that_hold_something_else(tmp_path, content, message):
    scipy.io.savemat(random_images(tmp_path) / "joints.mat", content)
    with pytest.raises(LfpError, match=message):
        lsp.plan(tmp_path)


def test_a_mat_that_is_cut_short(tmp_path):
    path = random_images(tmp_path) / "joints.mat"
    scipy.io.savemat(path, {"joints": np.ones((3, 14, 2))})
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(LfpError, match="joints.mat is no whole MATLAB 5 file: it is cut short"):
        lsp.plan(tmp_path)


def test_lsp_needs_its_folders(tmp_path):
    with pytest.raises(LfpError, match="not laid out as lsp: it lacks joints.mat, images"):
        lsp.plan(tmp_path)
    with pytest.raises(LfpError, match="--box is one of image, joints, not"):
        lsp.DATASET.options["box"].read("box", "head")


def cpm_entry(count, image="a.png", **words):
    person = {"joint_self": [[x, y, 1] for x, y in points(count)], "img_paths": image}
    person |= {"objpos": [3.0, 2.0], "scale_provided": 0.02, "isValidation": 0}
    return person | words


def test_lsp_takes_16_joints_in_the_order_of_mpii(tmp_path):
    for name in ("lsp_dataset/images/a.png", "lspet_dataset/images/b.png"):
        save(tmp_path / name, IMAGE)
    extended = cpm_entry(16, "lspet_dataset/images/b.png")
    extended["joint_self"][9][2] = 0
    hidden = cpm_entry(16, "lsp_dataset/images/a.png", isValidation=1)
    hidden["joint_self"][9][2] = 0
    write(tmp_path, "LEEDS_annotations.json", [extended, hidden])
    # The folder of the 2000 has annotations of its own, which are not meant here.
    (tmp_path / "lsp_dataset/joints.mat").write_bytes(b"")
    plan = lsp.plan(tmp_path)
    named = dict(zip(MPII, points(16), strict=True)) | {"neck": points(16)[8]}
    joints = keypoints(record(plan, "val"), 14)
    np.testing.assert_allclose(joints[:, :2], [named[name] for name in LSP], rtol=1e-6)
    assert (joints[:, 2] == 1).all()
    assert keypoints(record(plan), 14)[:, 2].tolist() == [1] * 13 + [0]


@pytest.mark.parametrize("count", [13, 15, 17])
def test_other_numbers_of_joints_are_refused(tmp_path, count):
    random_images(tmp_path)
    write(tmp_path, "LEEDS_annotations.json", [cpm_entry(14), cpm_entry(count)])
    message = f"json, entry 1 is no person with 14 or 16 joints, but one with {count}"
    with pytest.raises(LfpError, match=message):
        lsp.plan(tmp_path)
    write(tmp_path, "train.json", [hrnet(), hrnet() | {"joints": points(count)}])
    message = f"json, entry 1 is no person with 16 joints, but one with {count}"
    with pytest.raises(LfpError, match=message):
        mpii.plan(tmp_path)


def test_more_joints_than_names_are_refused(tmp_path):
    random_images(tmp_path)
    entry = lsp_entry() | {"joints": points(16), "visible": [1] * 16}
    write(tmp_path, "annotations.json", ours(LSP, [entry]))
    with pytest.raises(LfpError, match="train 0 is no person with 14 joints, but one with 16"):
        lsp.plan(tmp_path)


def test_people_of_val_without_head_sizes_are_told(tmp_path):
    random_images(tmp_path)
    write(tmp_path, "train.json", [hrnet()])
    write(tmp_path, "valid.json", [hrnet(), hrnet(head_size=9.5)])
    (note,) = mpii.plan(tmp_path).notes
    assert note == (
        "1 of 2 people of val have no head size, without which PCKh does not score them; "
        "gt_valid.mat beside valid.json has them."
    )


def test_head_sizes_come_from_gt_valid_beside(tmp_path):
    random_images(tmp_path)
    write(tmp_path, "annot/train.json", [hrnet()])
    write(tmp_path, "annot/valid.json", [hrnet(), hrnet(1)])
    boxes = np.zeros((2, 2, 2))  # corner, (x, y), person
    boxes[:, :, 1] = [[1, 2], [4, 6]]
    boxes[:, :, 0] = [[0, 0], [6, 8]]
    names = np.array([["rank", "rkne"]], object)
    content = {"dataset_joints": names, "headboxes_src": boxes}
    scipy.io.savemat(tmp_path / "annot/gt_valid.mat", content)
    plan = mpii.plan(tmp_path)
    assert plan.notes == ("Head sizes of val are those of gt_valid.mat.",)
    assert plan.options["annotations"] == ["train.json", "valid.json", "gt_valid.mat"]
    assert [person.head_size for person in plan.splits["val"]] == [6.0, 3.0]
    assert plan.splits["train"][0].head_size == 0
    scipy.io.savemat(tmp_path / "annot/gt_valid.mat", {"headboxes_src": boxes[..., :1]})
    with pytest.raises(LfpError, match="holds headboxes_src of 2x2x1, not 2x2x2, a head for every"):
        mpii.plan(tmp_path)


def test_both_sets_of_lsp_are_one_on_demand(tmp_path, monkeypatch):
    monkeypatch.setattr(lsp, "NUM_TRAIN", 1)
    first, second = (random_images(tmp_path / f"{name}_dataset") for name in ("lsp", "lspet"))
    table = np.ones((3, 14, 2))
    table[:2] = np.array([points(14, 0), points(14, 1)]).transpose(2, 1, 0)
    scipy.io.savemat(first / "joints.mat", {"joints": table})
    scipy.io.savemat(second / "joints.mat", {"joints": table.transpose(1, 0, 2)})
    plan = lsp.plan(tmp_path, extended=True)
    names = {split: [p.image_name for p in people] for split, people in plan.splits.items()}
    extended = [f"lspet_dataset/images/{name}.png" for name in "ab"]
    assert names == {
        "train": ["lsp_dataset/images/a.png", *extended],
        "val": ["lsp_dataset/images/b.png"],
    }
    assert plan.options == {"box": "image", "extended": True}
    assert not any(take_census(plan).broken.values())
    (second / "joints.mat").unlink()
    with pytest.raises(LfpError, match="as lsp: it lacks lspet_dataset/joints.mat. Expected: lsp_"):
        lsp.plan(tmp_path, extended=True)


def test_mpii_and_both_sets_of_leeds_are_joined(tmp_path):
    random_images(tmp_path / "mpii")
    write(tmp_path / "mpii", "annot/train.json", [hrnet(), hrnet(1, "b.png")])
    write(tmp_path / "mpii", "annot/valid.json", [hrnet(2, head_size=9.5)])
    count = lsp.NUM_TRAIN + 1
    people = np.array([points(14, number) for number in range(count)])
    flags = np.zeros((count, 14, 1))
    small = np.concatenate([people, flags], axis=-1)
    large = np.concatenate([people[:2], flags[:2] + 1], axis=-1)
    large[1, 5, 2] = 0
    for folder, table, order in (
        ("lsp_dataset", small, (2, 1, 0)),
        ("lspet_dataset", large, (1, 2, 0)),
    ):
        random_images(tmp_path / folder, ["im0000.png"])
        for number in range(1, len(table)):
            (tmp_path / folder / f"images/im{number:04d}.png").symlink_to("im0000.png")
        scipy.io.savemat(tmp_path / folder / "joints.mat", {"joints": table.transpose(order)})
    plan = mpii_lsp.plan(tmp_path)
    assert plan.table.names == MPII and plan.tasks == ("pose",)
    lengths = {split: len(samples) for split, samples in plan.splits.items()}
    assert lengths == {"train": 2 + lsp.NUM_TRAIN + 2, "val": 1}
    first = record(plan)
    assert first["image/filename"] == [b"mpii/images/a.png"]
    np.testing.assert_allclose(first["person/center"], [3.0, 2.3])
    val = record(plan, "val")
    assert val["image/filename"] == [b"lsp_dataset/images/im1000.png"]
    assert val["person/center"] == [WIDTH / 2, HEIGHT / 2]
    joints = keypoints(val, 16)
    assert joints[6:8].tolist() == [[0, 0, 0]] * 2  # Pelvis and thorax.
    for number, name in enumerate(LSP):
        place = MPII.index({"neck": "upper_neck", "head_top": "head_top"}.get(name, name))
        np.testing.assert_allclose(joints[place], [*points(14, count - 1)[number], 1], rtol=1e-6)
    assert keypoints(record(plan, "train", -1), 16)[:, 2].sum() == 13
    plan = mpii_lsp.plan(tmp_path, val="mpii")
    assert [person.image_name for person in plan.splits["val"]] == ["mpii/images/a.png"]
    assert set(mpii_lsp.plan(tmp_path, ["val"]).splits) == {"val"}
    (tmp_path / "lspet_dataset/joints.mat").unlink()
    with pytest.raises(LfpError, match="not laid out as mpii_lsp: it lacks lspet_dataset/joints"):
        mpii_lsp.plan(tmp_path)
