"""Joints by name, and what is drawn of them."""

import numpy as np
import pytest

from lfp_tf.images.skeleton import (
    JOINTS,
    LEFT,
    MIDDLE,
    RIGHT,
    draw_skeletons,
    flip_order,
    limbs,
)

# bearpaw/PyraNet datasets/posetransforms.lua, shuffleLR, from 1.
PAIRS = {
    "mpii": [(1, 6), (2, 5), (3, 4), (11, 16), (12, 15), (13, 14)],
    "lsp": [(1, 6), (2, 5), (3, 4), (7, 12), (8, 11), (9, 10)],
}
NAMES = ["right_hip", "pelvis", "left_hip"]


@pytest.mark.parametrize("name", PAIRS)
def test_the_mirror_exchanges_the_originals_pairs(name):
    want = list(range(len(JOINTS[name])))
    for a, b in PAIRS[name]:
        want[a - 1], want[b - 1] = b - 1, a - 1
    assert flip_order(JOINTS[name]) == want


@pytest.mark.parametrize(("name", "count"), [("mpii", 15), ("lsp", 14)])
def test_every_joint_hangs_on_a_limb(name, count):
    pairs = limbs(JOINTS[name])
    assert len(pairs) == count
    assert {joint for pair in pairs for joint in pair} == set(range(len(JOINTS[name])))


def test_sides_have_their_colours():
    image = np.zeros((21, 61, 3), np.uint8)
    person = [[10, 10, 1.0], [30, 10, 1.0], [50, 10, 1.0]]
    drawn = draw_skeletons(image, [person], NAMES)
    assert not image.any()
    assert tuple(drawn[10, 20]) == RIGHT and tuple(drawn[10, 40]) == LEFT
    assert tuple(drawn[10, 30]) == MIDDLE


def test_joints_without_score_are_left_out_with_their_limbs():
    image = np.zeros((21, 61, 3), np.uint8)
    person = [[10, 10, 1.0], [30, 10, 0.1], [50, np.nan, 1.0]]
    drawn = draw_skeletons(image, [person], NAMES, least_score=0.2)
    assert drawn[10, 10].any() and not drawn[:, 20:].any()


def test_points_outside_do_not_fail():
    drawn = draw_skeletons(np.zeros((9, 9, 3), np.uint8), [[[-90, 900, 1]] * 3], NAMES)
    assert drawn.shape == (9, 9, 3)
