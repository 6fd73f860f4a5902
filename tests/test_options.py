import pytest

from lfp_tf.options import (
    CONVENTIONS,
    Anchors,
    Conventions,
    FeaturePyramid,
    Inference,
    Norm,
    ResNet,
    RoIHeads,
    from_flat,
)

DETECTION = (Norm, ResNet, FeaturePyramid, Anchors, RoIHeads, Inference, Conventions)


def test_the_groups_of_a_detector_share_no_flat_name():
    names = [name for kind in DETECTION for name in kind.flat_names().values()]
    assert len(set(names)) == len(names)


def test_groups_are_read_from_flat_names():
    flat = {"norm": "affine", "norm_groups": 8, "decoder": "bfp", "head_norm": "group_norm",
            "detections": 7, "anchor_ratios": [1.0]}  # fmt: skip
    assert from_flat(Norm(), flat) == Norm(kind="affine", groups=8)
    assert from_flat(FeaturePyramid(), flat) == FeaturePyramid("bfp")
    assert from_flat(RoIHeads(), flat).normalization == "group_norm"
    assert from_flat(Inference(), flat).limit == 7
    assert from_flat(Anchors(), flat).ratios == (1.0,)
    assert flat == {}


def test_anchors_double_from_level_to_level_or_stand_on_one():
    assert [Anchors().of_level(place) for place in (0, 1, 4)] == [(32,), (64,), (512,)]
    assert Anchors(sizes=(8.0, 16.0)).of_level(0) == (8.0, 16.0)


def test_detectrons_boxes_include_their_last_pixel():
    detectron = CONVENTIONS["detectron"]
    assert (detectron.pixel, detectron.samples, detectron.canonical_scale) == (1.0, 2, 224.0)
    assert abs(detectron.largest_log - 4.135) < 1e-3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Norm(kind="layer"), 'norm is "layer", but must be one of batch, affine, group'),
        (lambda: FeaturePyramid("ufp"), 'decoder is "ufp", but must be one of fpn, bfp'),
        (
            lambda: RoIHeads(box_head="3fc"),
            'box_head is "3fc", but must be one of 2fc, 2fc_norm, 4conv1fc',
        ),
        (lambda: RoIHeads(normalization="batch_norm"), 'head_norm is "batch_norm"'),
        (lambda: Conventions(pixel=0.5), "box_pixel is 0.5, but must be one of 1.0, 0.0"),
    ],
)
def test_values_outside_their_choices_are_named_as_experiments_call_them(make, message):
    with pytest.raises(ValueError, match=message):
        make()
