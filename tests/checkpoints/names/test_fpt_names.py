import numpy as np
import pytest

from lfp_tf.checkpoints.names.fpt import TRANSLATIONS, fpt_name

FPT = TRANSLATIONS["fpt"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("st_p2/queries/kernel", "st_p2.conv_qs.weight"),
        ("st_p2/keys_norm/moving_mean", "st_p2.conv_ks.1.running_mean"),
        ("st_p2/queries_out/bias", "st_p2.conv_qs.3.bias"),
        ("st_p2/attention/table", "st_p2.attention.weight"),
        ("gt_p2_p3/output_conv/bias", "gt_p2_p3.W_z.0.bias"),
        ("gt_p2_p3/output/kernel", "gt_p2_p3.W_z.weight"),
        ("rt_p5_p3/gate_norm/gamma", "rt_p5_p3.bn_low.weight"),
        ("rt_p5_p3/coarse_norm/gamma", "rt_p5_p3.bn_high.weight"),
        ("local/column_offsets/table", "local.rel_w"),
        ("local/values2/kernel", "local.value_conv.2.weight"),
        ("fpn_lateral4/bias", "fpn_p4_1x1.bias"),
        ("fpt_p4/kernel", "fpt_p4.weight"),
        ("stem_conv1/kernel", "Conv_Body.conv_body.res1.conv1.weight"),
        ("stem_bn1/offset", "Conv_Body.conv_body.res1.bn1.bias"),
        ("stage3_block6_bn2/scale", "Conv_Body.conv_body.res4.5.bn2.weight"),
        ("stage1_block1_projection/kernel", "Conv_Body.conv_body.res2.0.downsample.0.weight"),
        ("stage1_block1_projection_bn/scale", "Conv_Body.conv_body.res2.0.downsample.1.weight"),
        ("conv1/kernel", None),
    ],
)
def test_names_are_the_originals(ours, theirs):
    assert fpt_name(ours, {}) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("fpn_lateral4/kernel", "fpn_p4_1x1.0.weight"),
        ("fpn_lateral4_norm/beta", "fpn_p4_1x1.1.bias"),
        ("fpt_p4/kernel", "fpt_p4.0.weight"),
        ("fpt_p4_norm/moving_mean", "fpt_p4.1.running_mean"),
        ("stage2_block1_bn3/gamma", "Conv_Body.conv_body.res3.0.gn3.weight"),
    ],
)
def test_a_norm_makes_pairs(ours, theirs):
    norms = {"pyramid_norm": "group_norm", "fpt_norm": "batch_norm", "norm": "group"}
    assert fpt_name(ours, norms) == theirs


@pytest.mark.parametrize(
    ("ours", "plain", "normalized"),
    [
        ("fpn_lateral5/kernel", "conv_top.weight", "conv_top.0.weight"),
        (
            "fpn_lateral2/kernel",
            "topdown_lateral_modules.2.conv_lateral.weight",
            "topdown_lateral_modules.2.conv_lateral.0.weight",
        ),
        ("fpn_output3/kernel", "posthoc_modules.2.weight", "posthoc_modules.2.0.weight"),
    ],
)
def test_a_pyramid_with_a_way_down_counts_from_the_top(ours, plain, normalized):
    assert fpt_name(ours, {"decoder": "fpn"}) == f"Conv_Body.{plain}"
    options = {"decoder": "fpn", "pyramid_norm": "group_norm"}
    assert fpt_name(ours, options) == f"Conv_Body.{normalized}"


def test_the_norm_of_the_strided_convolution_has_two_names():
    name = "rt_p3_p2/fine_norm/gamma"
    assert fpt_name(name, {}) == "rt_p3_p2.bn_reduction.weight"
    assert fpt_name(name, {"upsample": True}) == "rt_p3_p2.bn_upsample.weight"


def test_doubled_and_unused_arrays_are_left_out():
    notes, one = [], np.ones([2, 2, 1, 1])
    arrays = {
        "module.st_p2.conv_qs.weight": one,
        "module.st_p2.conv_ks.weight": one.copy(),
        "module.st_p3.conv_qs.weight": one,
        "module.st_p3.conv_ks.weight": 2 * one,
        "module.rt_p3_p2.conv_reduction.weight": one,
        "module.rt_p3_p2.conv_cat.weight": one,
        "module.rt_p3_p2.bn_low.num_batches_tracked": one,
    }
    assert list(FPT.plain(arrays, notes)) == [
        "st_p2.conv_qs.weight",
        "st_p3.conv_qs.weight",
        "st_p3.conv_ks.weight",
    ]
    assert notes == ["4 unused or doubled arrays were skipped"]


def test_tables_come_as_rows_and_columns():
    assert FPT.to_ours(np.ones([4, 1, 1, 5, 1]), "local/row_offsets/table").shape == (4, 5)
    assert FPT.to_ours(np.ones([1, 3]), "st_p2/attention/table").shape == (1, 3)
