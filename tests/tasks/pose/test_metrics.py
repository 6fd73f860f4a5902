"""Scores of poses: numbers by hand, laws, chance."""

import numpy as np
import pytest

from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.tasks.pose import metrics as pose_scores

LSP = JOINTS["lsp"]


def people(count=6, joints=14, seed=0):
    random = np.random.RandomState(seed)
    return random.uniform(20, 200, (count, joints, 2)), np.ones((count, joints), bool)


def test_the_truth_scores_one_and_the_rest_nothing():
    truth, visible = people()
    assert pose_scores.pck(truth, truth, visible, names=LSP)["mean"] == 1.0
    far = pose_scores.pck(truth + 1000, truth, visible, names=LSP)
    assert far["mean"] == 0.0 and far["all_joints"] == 0.0


def test_a_fifth_of_the_torso_is_still_right():
    truth, visible = people(1)
    torso = pose_scores.torso_sizes(truth, visible, names=LSP)[0]
    at = [LSP.index("left_shoulder"), LSP.index("right_hip")]
    assert torso == pytest.approx(np.linalg.norm(truth[0, at[0]] - truth[0, at[1]]))
    for share, expected in ((0.1999, 1.0), (0.2001, 0.0)):
        moved = truth + [share * torso, 0.0]
        assert pose_scores.pck(moved, truth, visible, names=LSP)["mean"] == expected


def test_people_without_a_torso_are_left_out_and_counted():
    truth, visible = people(3)
    visible[1, LSP.index("right_hip")] = False
    scores = pose_scores.pck(truth, truth, visible, names=LSP)
    assert (scores["people"], scores["left_out"]) == (2, 1)
    with pytest.raises(LfpError, match="No person has an annotated joint and a torso"):
        pose_scores.pck(truth, truth, np.zeros_like(visible), names=LSP)
    with pytest.raises(LfpError, match="these joints have no left_shoulder and no right_hip"):
        pose_scores.torso_sizes(truth, visible, names=["a"] * 14)


def test_joints_nobody_has_count_in_no_mean():
    truth, visible = people(2)
    visible[:, LSP.index("neck")] = False
    scores = pose_scores.pck(truth, truth, visible, names=LSP)
    assert scores["per_joint"]["neck"] is None and scores["mean"] == 1.0


def test_half_a_head_is_wrong_already():
    names = JOINTS["mpii"]
    truth, visible = people(1, 16)
    for gap, expected in ((9.99, 1.0), (10.0, 0.0)):
        scores = pose_scores.pckh(truth + [gap, 0], truth, visible, [20.0], names=names)
        assert scores["mean"] == expected
    assert list(scores["groups"]) == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]


def test_matlab_counts_from_one_and_rounds_halves_away_from_zero():
    predicted, truth = pose_scores.in_matlab_form([[4.0, -1.0]], [[2.5, -2.5]])
    assert predicted.tolist() == [[5.0, 0.0]]
    assert truth.tolist() == [[3.0, -3.0]]


def test_people_without_a_head_are_left_out():
    truth, visible = people(2, 16)
    wrong = truth.copy()
    wrong[1] += 900
    scores = pose_scores.pckh(wrong, truth, visible, [20.0, 0.0], names=JOINTS["mpii"])
    assert scores["mean"] == 1.0 and scores["left_out"] == 1
    curve = pose_scores.pckh_curve(wrong, truth, visible, [20.0, 0.0])
    assert curve.shape == (51, 16) and (curve[0] == 0).all() and (curve[1:] == 1).all()


def test_pelvis_and_thorax_are_not_in_the_mean():
    names = JOINTS["mpii"]
    truth, visible = people(1, 16)
    wrong = truth.copy()
    wrong[:, [names.index("pelvis"), names.index("thorax")]] += 900
    scores = pose_scores.pckh(wrong, truth, visible, [20.0], names=names)
    assert scores["mean"] == 1.0 and scores["all_joints"] == 14 / 16


def test_accuracy_on_maps_skips_what_is_not_annotated():
    target = np.array([[[10, 10], [1, 1]], [[20, 20], [1, 9]]])
    accuracy = pose_scores.map_accuracy(target + [0, 3], target, resolution=64)
    assert accuracy == {"accuracy": 1.0, "per_joint": [1.0, None]}
    accuracy = pose_scores.map_accuracy(target + [0, 4], target, resolution=64)
    assert accuracy == {"accuracy": 0.0, "per_joint": [0.0, None]}
    assert pose_scores.map_accuracy(target, np.ones_like(target), resolution=64)["accuracy"] == 0


def test_chance_puts_every_joint_at_its_mean_place_in_the_box():
    truth = np.array([[[0.0, 0], [10, 20], [5, 5]], [[100.0, 100], [200, 200], [150, 150]]])
    visible = np.ones((2, 3), bool)
    places = pose_scores.mean_places(truth, visible)
    np.testing.assert_allclose(places, [[0, 0], [1, 1], [0.5, 0.375]])
    guess = pose_scores.chance(places, truth[:1], visible[:1])
    np.testing.assert_allclose(guess[0], [[0, 0], [10, 20], [5, 7.5]])
    hidden = np.zeros((1, 3), bool)
    assert np.isfinite(pose_scores.chance(places, truth[:1], hidden)).all()


def test_chance_is_the_same_for_moved_and_enlarged_people():
    truth, visible = people(5)
    places = pose_scores.mean_places(truth, visible)
    np.testing.assert_allclose(places, pose_scores.mean_places(3 * truth + 40, visible))
    scores = pose_scores.pck(pose_scores.chance(places, truth, visible), truth, visible, names=LSP)
    other = pose_scores.pck(
        pose_scores.chance(places, 3 * truth + 40, visible), 3 * truth + 40, visible, names=LSP
    )
    assert scores["mean"] == other["mean"]
