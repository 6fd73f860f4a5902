import numpy as np
import pytest

from lfp_tf.checkpoints.names.detectron import TRANSLATIONS, detectron_name

FPN = {"depth": 50, "decoder": "fpn"}
DETECTRON = TRANSLATIONS["detectron"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem_conv1/kernel", "conv1_w"),
        ("stem_bn1/scale", "res_conv1_bn_s"),
        ("stem_bn1/offset", "res_conv1_bn_b"),
        ("stem_bn1/gamma", "conv1_gn_s"),
        ("stage1_block1_conv1/kernel", "res2_0_branch2a_w"),
        ("stage3_block6_bn3/offset", "res4_5_branch2c_bn_b"),
        ("stage2_block2_bn2/beta", "res3_1_branch2b_gn_b"),
        ("stage4_block1_projection/kernel", "res5_0_branch1_w"),
        ("stage4_block1_projection_bn/scale", "res5_0_branch1_bn_s"),
        ("mask_stage4_block1_conv2/kernel", "_[mask]_res5_0_branch2b_w"),
        ("mask_stage4_block1_projection_bn/offset", "_[mask]_res5_0_branch1_bn_b"),
        ("fpn_lateral5/kernel", "fpn_inner_res5_2_sum_w"),
        ("fpn_lateral4/bias", "fpn_inner_res4_5_sum_lateral_b"),
        ("fpn_lateral5_norm/gamma", "fpn_inner_res5_2_sum_gn_s"),
        ("fpn_lateral2_norm/beta", "fpn_inner_res2_2_sum_lateral_gn_b"),
        ("fpn_output3/kernel", "fpn_res3_3_sum_w"),
        ("fpn_output3_norm/gamma", "fpn_res3_3_sum_gn_s"),
        ("rpn_conv/kernel", "conv_rpn_fpn2_w"),
        ("rpn_logits/bias", "rpn_cls_logits_fpn2_b"),
        ("rpn_deltas/kernel", "rpn_bbox_pred_fpn2_w"),
        ("box_fc1/kernel", "fc6_w"),
        ("box_fc2/bias", "fc7_b"),
        ("box_conv4/kernel", "head_conv4_w"),
        ("box_conv4_norm/beta", "head_conv4_gn_b"),
        ("box_classes/kernel", "cls_score_w"),
        ("box_deltas/bias", "bbox_pred_b"),
        ("mask_conv1/kernel", "_[mask]_fcn1_w"),
        ("mask_deconv/kernel", "conv5_mask_w"),
        ("mask_logits/bias", "mask_fcn_logits_b"),
        ("fc/kernel", None),
        ("stem_bn1/moving_mean", None),
    ],
)
def test_names(ours, theirs):
    assert detectron_name(ours, FPN) == theirs


def test_the_last_block_of_a_stage_follows_from_the_depth():
    assert detectron_name("fpn_output4/bias", FPN | {"depth": 101}) == "fpn_res4_22_sum_b"
    deep = detectron_name("fpn_lateral3/kernel", FPN | {"depth": 152})
    assert deep == "fpn_inner_res3_7_sum_lateral_w"
    assert detectron_name("fpn_output4/bias", FPN | {"blocks": (1, 1, 2, 1)}) == "fpn_res4_1_sum_b"


def test_without_a_pyramid_the_rpn_has_plain_names():
    assert detectron_name("rpn_conv/kernel", {"depth": 50}) == "conv_rpn_w"


def test_a_pyramid_without_a_way_down_has_no_names():
    assert detectron_name("fpn_lateral3/kernel", FPN | {"decoder": "bfp"}) is None


def test_a_mask_head_with_group_norm_has_no_brackets():
    options = FPN | {"head_norm": "group_norm"}
    assert detectron_name("mask_conv2/kernel", options) == "_mask_fcn2_w"
    assert detectron_name("mask_conv2_norm/gamma", options) == "_mask_fcn2_gn_s"
    assert detectron_name("mask_deconv/bias", options) == "conv5_mask_b"


def test_the_first_dense_layer_takes_cells_before_channels():
    # Two channels of 49 cells, one unit: its weight of channel c and cell p is 100 c + p.
    theirs = np.concatenate([np.arange(49), 100 + np.arange(49)])[None].astype(np.float32)
    ours = DETECTRON.to_ours(theirs, "box_fc1/kernel")
    assert ours.shape == (98, 1)
    assert ours[:4, 0].tolist() == [0, 100, 1, 101]
    assert np.array_equal(DETECTRON.to_theirs(ours, "box_fc1/kernel"), theirs)


@pytest.mark.parametrize(
    ("name", "shape", "ours"),
    [
        ("box_fc2/kernel", (3, 5), (5, 3)),
        ("stage1_block1_conv2/kernel", (8, 2, 3, 3), (3, 3, 2, 8)),
        ("mask_deconv/kernel", (6, 4, 2, 2), (2, 2, 4, 6)),
        ("stem_bn1/scale", (7,), (7,)),
    ],
)
def test_layouts_there_and_back(name, shape, ours):
    array = np.random.RandomState(0).rand(*shape)
    brought = DETECTRON.to_ours(array, name)
    assert brought.shape == ours
    assert np.array_equal(DETECTRON.to_theirs(brought, name), array)


def test_momentum_is_left_out_with_a_note():
    notes = []
    plain = DETECTRON.plain({"fc7_w": 1, "fc7_w_momentum": 2, "x_jcvbackup": 3}, notes)
    assert dict(plain) == {"fc7_w": 1, "x_jcvbackup": 3}
    assert notes == ["1 momentum blobs were skipped"]


def test_masks_read_the_shared_stage_where_they_have_none_of_their_own():
    plain = DETECTRON.plain({"res5_0_branch2a_w": 1, "res5_1_branch2a_w": 2,
                             "_[mask]_res5_1_branch2a_w": 3}, [])  # fmt: skip
    assert plain["_[mask]_res5_0_branch2a_w"] == 1
    assert plain["_[mask]_res5_1_branch2a_w"] == 3
    assert "_[mask]_res5_0_branch2a_w" in plain
    assert "_[mask]_res5_2_branch2a_w" not in plain
    with pytest.raises(KeyError):
        plain["_[mask]_res5_2_branch2a_w"]
