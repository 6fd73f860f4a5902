"""Scores of people: every joint once, against a slow count; chance by hand; what is refused."""

import json

import numpy as np
import pytest
from small_people import NAMES, KnownNetwork, drawn_people, mixed_maps, same_maps

from lfp_tf.data.pose.pipeline import codec_of, evaluation_batches
from lfp_tf.data.records import record_index
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.options import Shares
from lfp_tf.tasks.pose.arguments import table
from lfp_tf.tasks.pose.evaluation import evaluate, report
from lfp_tf.tasks.pose.prediction import Protocol, keypoints, predictor

WORDS = {"protocol": Protocol(flip=False, score="pck")}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return drawn_people(tmp_path_factory.mktemp("people"), val=11)


@pytest.fixture(scope="module")
def known():
    """(a network with the same maps for everybody, its maps)."""
    function, maps = same_maps()
    return KnownNetwork(function), maps


@pytest.fixture(scope="module")
def evaluated(drawn, known):
    return evaluate(known[0], drawn[0], **WORDS)


def place(maps, joint, person):
    """A joint's place by the text of the method: peak, quarter, half, back to the image."""
    heights = maps[..., joint]
    row, column = np.unravel_index(heights.argmax(), heights.shape)
    place = np.array([column, row], float)
    if 0 < column < 15 and 0 < row < 15:
        right, left = heights[row, column + 1], heights[row, column - 1]
        below, above = heights[row + 1, column], heights[row - 1, column]
        place += 0.25 * np.sign([right - left, below - above])
    side = 200 * person.scale
    return np.trunc((place + 0.5) * side / 16 - side / 2 + np.array(person.center))


def test_joints_come_back_to_each_persons_image(drawn, known, evaluated):
    _, maps = known
    assert evaluated.predictions.shape == (11, 14, 3)
    for number, person in enumerate(drawn[1]["val"]):
        expected = [place(maps, joint, person) for joint in range(14)]
        # At whole pixels float32 may fall on either side.
        away = np.abs(evaluated.predictions[number, :, :2] - expected)
        assert (away <= 1).all() and (away == 0).mean() > 0.9
        np.testing.assert_array_equal(evaluated.predictions[number, :, 2], maps.max(axis=(0, 1)))


def test_scores_are_those_of_a_slow_count(drawn, evaluated, known, tmp_path):
    _, facts = report(tmp_path, known[0], evaluated, records="r", split="val", checkpoint="c")
    shoulder, hip = NAMES.index("left_shoulder"), NAMES.index("right_hip")
    right, annotated, people = np.zeros(14), np.zeros(14), 0
    for number, person in enumerate(drawn[1]["val"]):
        joints = np.array(person.joints)
        if not (joints[shoulder, 2] and joints[hip, 2]):
            assert evaluated.right[number] is None
            continue
        torso = np.linalg.norm(joints[shoulder, :2] - joints[hip, :2])
        away = np.linalg.norm(evaluated.predictions[number, :, :2] - joints[:, :2], axis=1)
        is_right = (away <= 0.2 * torso) & (joints[:, 2] > 0)
        right += is_right
        annotated += joints[:, 2]
        people += 1
        assert evaluated.right[number] == pytest.approx(is_right.sum() / joints[:, 2].sum())
    assert facts["scores"]["people"] == people == 8 and facts["scores"]["left_out"] == 3
    assert facts["scores"]["all_joints"] == pytest.approx(right.sum() / annotated.sum())
    for entry, rate, count in zip(facts["joints"], right / annotated, annotated, strict=True):
        assert entry["pck"] == pytest.approx(rate) and entry["annotated"] == count
    assert facts["curve"]["mean"][20] == facts["scores"]["mean"]
    assert facts["curve"]["thresholds"][20] == 0.2
    known_shares = [share for share in evaluated.right if share is not None]
    assert [e.score for e in evaluated.best] == sorted(known_shares, reverse=True)[:4]
    assert [e.score for e in evaluated.worst] == sorted(known_shares)[:4]


def test_chance_is_the_mean_place_in_the_box(drawn, evaluated):
    _, splits = drawn
    shares = np.full((14, 3, 2), np.nan)
    for number, person in enumerate(splits["train"]):
        joints = np.array(person.joints)
        shown = joints[joints[:, 2] > 0, :2]
        low, high = shown.min(axis=0), shown.max(axis=0)
        for joint in range(14):
            if joints[joint, 2]:
                shares[joint, number] = (joints[joint, :2] - low) / (high - low)
    places = np.nanmean(shares, axis=1)
    assert evaluated.chance_from == "train"
    joints = np.array(splits["val"][3].joints)
    shown = joints[joints[:, 2] > 0, :2]
    low, high = shown.min(axis=0), shown.max(axis=0)
    np.testing.assert_allclose(evaluated.chance[3], low + places * (high - low), atol=1e-3)


def test_sources_tell_people_of_one_image_apart(evaluated):
    assert evaluated.people.sources[:3] == ["val0.png", "val1.png#1", "val2.png"]


def test_a_limit_takes_the_first_people(drawn, known, evaluated):
    three = evaluate(known[0], drawn[0], limit=3, **WORDS)
    np.testing.assert_array_equal(three.predictions, evaluated.predictions[:3])
    assert three.right == evaluated.right[:3]
    np.testing.assert_array_equal(three.chance, evaluated.chance[:3])


@pytest.mark.parametrize("factors", [(1.0,), (0.8, 1.1)])
def test_a_person_alone_gives_the_same(drawn, factors):
    """The way of `predict`, with the person's crop given as a box."""
    model = KnownNetwork(mixed_maps())
    protocol = Protocol(flip=True, scales=factors, score="pck")
    evaluated = evaluate(model, drawn[0], protocol=protocol, limit=2)
    predict = predictor(model, protocol)
    for number, person in enumerate(drawn[1]["val"][:2]):
        (x, y), half = person.center, 100 * np.float32(person.scale)
        box = np.float32([[y - half, x - half, y + half, x + half]])
        joints = predict(read_image(person.image), box).numpy()[0]
        np.testing.assert_allclose(evaluated.predictions[number, :, 2], joints[:, 2], rtol=1e-5)
        assert (evaluated.predictions[number, :, :2] == joints[:, :2]).mean() > 0.9


def test_pckh_measures_by_the_head(tmp_path, known):
    names = JOINTS["mpii"]
    folder, _ = drawn_people(tmp_path, val=3, head_size=40.0, names=names)
    function, _ = same_maps(joints=16)
    network = KnownNetwork(function, names)
    evaluated = evaluate(network, folder, protocol=Protocol(flip=False, score="pckh"))
    away = np.linalg.norm(evaluated.predictions[..., :2] - evaluated.people.truth, axis=2)
    is_right = (away < 20.0) & evaluated.people.visible
    expected = is_right.sum(axis=1) / evaluated.people.visible.sum(axis=1)
    np.testing.assert_allclose(evaluated.right, expected)
    _, facts = report(
        tmp_path / "out", network, evaluated, records=folder, split="val", checkpoint=""
    )
    assert facts["score"] == {"name": "PCKh@0.5", "unit": "head size", "threshold": 0.5}
    assert facts["scores"]["all_joints"] == pytest.approx(
        is_right.sum() / evaluated.people.visible.sum()
    )
    assert facts["convention"]["name"] == "pixels"


@pytest.mark.parametrize(
    "options",
    [
        {"annotations": ["valid.h5"]},
        {"annotations": ["gt_valid.mat"]},
        {"val": "mpii", "mpii": {"annotations": ["valid.h5"]}},
    ],
)
def test_pckh_of_the_authors_files_is_that_of_their_script(tmp_path, known, options):
    names = JOINTS["mpii"]
    folder, _ = drawn_people(tmp_path, val=3, head_size=40.0, names=names)
    described = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(described | {"options": options}))
    function, _ = same_maps(joints=16)
    network = KnownNetwork(function, names)
    evaluated = evaluate(network, folder, protocol=Protocol(flip=False, score="pckh"))
    people = evaluated.people
    gap = evaluated.predictions[..., :2] + 1 - np.floor(people.truth + 0.5)
    is_right = (np.linalg.norm(gap, axis=2) < 20.0) & people.visible
    np.testing.assert_allclose(evaluated.right, is_right.sum(axis=1) / people.visible.sum(axis=1))
    page, facts = report(
        tmp_path / "out", network, evaluated, records=folder, split="val", checkpoint=""
    )
    assert facts["scores"]["all_joints"] == pytest.approx(is_right.sum() / people.visible.sum())
    assert facts["convention"]["name"] == "matlab"
    assert "predictions counted from 1" in table(facts)
    assert "predictions counted from 1" in page.read_text()


def test_the_page_stands_alone_and_holds_the_numbers(drawn, known, evaluated, tmp_path):
    history = [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25, "map_accuracy": 0.5}]
    path, facts = report(
        tmp_path, known[0], evaluated, records=drawn[0], split="val", checkpoint="runs/x",
        history=history,
    )  # fmt: skip
    text = path.read_text()
    assert text.count('src="data:image/jpeg;base64,') == 3 * 8
    assert "<script" not in text and "<link" not in text
    for expected in ("PCK@0.2 over 8 people, 3 without a torso left out", "right_ankle", "chance"):
        assert expected in text, expected
    assert f"{100 * facts['scores']['mean']:.2f}" in text
    assert "training loss (logarithmic)" in text and "PCK on the heat maps" in text
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["scores"] == facts["scores"] and written["curve"] == facts["curve"]
    assert written["protocol"] == {"name": "person", "flip": False, "scales": [1.0]}
    assert len(written["people"]) == 11 and written["people"][1]["source"] == "val1.png#1"


def test_what_cannot_be_scored_is_refused(drawn, known, tmp_path):
    folder, _ = drawn
    with pytest.raises(LfpError, match='no split "vall"; it has train, val'):
        evaluate(known[0], folder, split="vall", **WORDS)
    with pytest.raises(LfpError, match="Nobody in .* val has a head size, which PCKh@0.5 is"):
        evaluate(known[0], folder, protocol=Protocol(flip=False, score="pckh"))
    function, _ = same_maps(joints=16)
    other = KnownNetwork(function, JOINTS["mpii"])
    with pytest.raises(LfpError, match="has the 14 joints of lsp, but the network has 16"):
        evaluate(other, folder, **WORDS)


def test_perfect_heat_maps_find_every_joint(drawn):
    """The targets that a training aims at, as if a network had given them."""
    folder, splits = drawn
    batches = evaluation_batches(
        record_index(folder, "val"), codec=codec_of(64), num_joints=14, shares=Shares(11)
    )
    (batch,) = batches
    evaluated = keypoints(batch["heatmaps"], batch["centers"], batch["scales"]).numpy()
    for person, joints in zip(splits["val"], evaluated, strict=True):
        for (x, y, is_known), joint in zip(person.joints, joints, strict=True):
            if is_known and joint[2] > 0.5:
                # Half a pixel of the maps, of 16 a side, and a pixel by truncation.
                assert np.abs(joint[:2] - (x, y)).max() <= 200 * person.scale / 16 / 2 + 2
