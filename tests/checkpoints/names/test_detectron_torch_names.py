import numpy as np
import pytest

from lfp_tf.checkpoints.names.detectron_torch import TRANSLATIONS, detectron_torch_name

FPN = {"decoder": "fpn", "norm": "affine"}
GROUP = {
    "decoder": "fpn",
    "norm": "group",
    "pyramid_norm": "group_norm",
    "head_norm": "group_norm",
    "box_head": "4conv1fc",
}
PLAIN = TRANSLATIONS["detectron_torch"].plain


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem_bn1/scale", "Conv_Body.conv_body.res1.bn1.weight"),
        ("stage4_block3_conv2/kernel", "Conv_Body.conv_body.res5.2.conv2.weight"),
        ("fpn_lateral5/bias", "Conv_Body.conv_top.bias"),
        ("fpn_output2/kernel", "Conv_Body.posthoc_modules.3.weight"),
        ("rpn_conv/kernel", "RPN.FPN_RPN_conv.weight"),
        ("rpn_logits/bias", "RPN.FPN_RPN_cls_score.bias"),
        ("rpn_deltas/kernel", "RPN.FPN_RPN_bbox_pred.weight"),
        ("box_fc1/kernel", "Box_Head.fc1.weight"),
        ("box_classes/kernel", "Box_Outs.cls_score.weight"),
        ("box_deltas/bias", "Box_Outs.bbox_pred.bias"),
        ("mask_conv1/kernel", "Mask_Head.conv_fcn.0.weight"),
        ("mask_conv4/bias", "Mask_Head.conv_fcn.6.bias"),
        ("mask_deconv/kernel", "Mask_Head.upconv.weight"),
        ("mask_logits/kernel", "Mask_Outs.classify.weight"),
        ("fc/kernel", None),
    ],
)
def test_names_with_a_pyramid(ours, theirs):
    assert detectron_torch_name(ours, FPN) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem_bn1/gamma", "Conv_Body.conv_body.res1.gn1.weight"),
        ("fpn_lateral3/kernel", "Conv_Body.topdown_lateral_modules.1.conv_lateral.0.weight"),
        ("fpn_lateral3_norm/beta", "Conv_Body.topdown_lateral_modules.1.conv_lateral.1.bias"),
        ("box_conv2/kernel", "Box_Head.convs.3.weight"),
        ("box_conv2_norm/gamma", "Box_Head.convs.4.weight"),
        ("box_fc1/bias", "Box_Head.fc.bias"),
        ("mask_conv3_norm/beta", "Mask_Head.conv_fcn.7.bias"),
    ],
)
def test_names_with_group_norm(ours, theirs):
    assert detectron_torch_name(ours, GROUP) == theirs


ALL_LEVELS = GROUP | {"box_head": "all_levels_4conv1fc", "mask_head": "all_levels_fc"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("box_conv1_p2/kernel", "Box_Head.conv1_head.0.0.weight"),
        ("box_conv1_p5_norm/beta", "Box_Head.conv1_head.3.1.bias"),
        ("box_conv2/kernel", "Box_Head.convs.0.weight"),
        ("box_conv4_norm/gamma", "Box_Head.convs.7.weight"),
        ("box_fc1/kernel", "Box_Head.fc.weight"),
        ("mask_conv1_p3/kernel", "Mask_Head.mask_conv1.1.0.weight"),
        ("mask_conv3/kernel", "Mask_Head.conv_fcn.3.weight"),
        ("mask_conv4_norm/gamma", "Mask_Head.mask_conv4.1.weight"),
        ("mask_fc_conv1/kernel", "Mask_Head.mask_conv4_fc.0.weight"),
        ("mask_fc_conv2_norm/beta", "Mask_Head.mask_conv5_fc.1.bias"),
        ("mask_fc/bias", "Mask_Head.mask_fc.0.bias"),
    ],
)
def test_names_of_heads_that_see_all_levels(ours, theirs):
    assert detectron_torch_name(ours, ALL_LEVELS) == theirs


def test_dense_layers_with_norms_stand_in_pairs():
    options = GROUP | {"box_head": "all_levels_2fc"}
    name = detectron_torch_name("box_fc1_p4_norm/gamma", options)
    assert name == "Box_Head.fc1.2.1.weight"
    assert detectron_torch_name("box_fc2/kernel", options) == "Box_Head.fc2.0.weight"


def test_norms_behind_joined_parts_are_the_presets_unless_told():
    options = {"decoder": "bfp", "transformer": "paper"}
    name = detectron_torch_name("fpt_p4_norm/gamma", options)
    assert name == "Conv_Body.fpt.fpt_p4.1.weight"
    plain = options | {"fpt_norm": "none"}
    assert detectron_torch_name("fpt_p4/kernel", plain) == "Conv_Body.fpt.fpt_p4.weight"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("stem_conv1/kernel", "Conv_Body.res1.conv1.weight"),
        ("stage3_block6_bn3/offset", "Conv_Body.res4.5.bn3.bias"),
        ("stage4_block1_projection/kernel", "Box_Head.res5.0.downsample.0.weight"),
        ("mask_stage4_block1_projection_bn/scale", "Box_Head.res5.0.downsample.1.weight"),
        ("rpn_conv/bias", "RPN.RPN_conv.bias"),
        ("mask_deconv/kernel", "Mask_Head.upconv5.weight"),
    ],
)
def test_names_on_one_map(ours, theirs):
    assert detectron_torch_name(ours, {"norm": "affine"}) == theirs


def test_fpts_block_stands_in_the_body():
    options = {"decoder": "bfp"}
    name = detectron_torch_name("gt_p3_p5/output_norm/gamma", options)
    assert name == "Conv_Body.fpt.gt_p3_p5.W_z.1.weight"
    assert detectron_torch_name("fpn_lateral4/bias", options) == "Conv_Body.fpt.fpn_p4_1x1.bias"


def test_the_stage_that_boxes_and_masks_share_is_taken_once():
    shared = {"Box_Head.res5.0.conv1.weight": 1, "Mask_Head.res5.0.conv1.weight": 1}
    assert PLAIN({f"module.{n}": a for n, a in shared.items()}, []) == {
        "Box_Head.res5.0.conv1.weight": 1
    }


def test_keys_that_are_the_queries_transform_are_taken_once():
    same = {"Conv_Body.fpt.st_p2.conv_qs.bias": np.ones(2)}
    doubled = same | {"Conv_Body.fpt.st_p2.conv_ks.bias": np.ones(2)}
    notes = []
    assert list(PLAIN(doubled, notes)) == list(same) and len(notes) == 1
    doubled["Conv_Body.fpt.st_p2.conv_ks.bias"] = np.zeros(2)
    assert list(PLAIN(doubled, [])) == list(doubled)
