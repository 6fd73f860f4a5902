"""Files of detectors, and of the ImageNet networks that detectors start from."""

import dataclasses

import numpy as np
import pytest

from lfp_tf.checkpoints.load import TRANSLATIONS, match
from lfp_tf.checkpoints.parts import Checkpoint
from lfp_tf.errors import LfpError

HEADS = r"^(fpn|rpn|box|mask)_"
OPTIONS = {
    "depth": 50, "norm": "affine", "stem": "plain", "stride_in": "1x1", "decoder": "fpn",
    "pyramid_norm": "none", "head_norm": "none", "box_head": "2fc", "preprocess": "detectron",
    "box_weights": (10.0, 10.0, 5.0, 5.0), "crop": None,
}  # fmt: skip
FORMS = {
    "affine": {},
    "group": {"norm": "group", "stride_in": "3x3", "pyramid_norm": "group_norm",
              "head_norm": "group_norm", "box_head": "4conv1fc"},
    "resnext": {"stride_in": "3x3", "resnet_groups": 8, "width_per_group": 8},
}  # fmt: skip
BATCH_NORM = {"gamma": 0.5, "beta": 0.25, "moving_mean": 2.0, "moving_variance": 4.0}


@dataclasses.dataclass(frozen=True)
class Shape:
    """All that matching asks of a variable."""

    shape: tuple


@pytest.fixture(scope="module")
def built():
    """A function of (network, options) to {our name: its shape} of a narrow detector."""
    from lfp_tf.checkpoints.variables import variables_by_name
    from lfp_tf.models.catalog import build_network

    sizes = {"width": 0.125, "pyramid_dim": 16, "box_dim": 8, "box_conv_dim": 16, "mask_dim": 16}
    known = {}

    def build(network="rcnn", **form):
        key = (network, *sorted(form.items()))
        if key not in known:
            small = {"width": 0.125, "mask_dim": 16} if network == "rcnn_c4" else sizes
            groups = {"norm_groups": 8} if form.get("norm") == "group" else {}
            flat = {n: v for n, v in form.items() if n not in ("preprocess", "crop")}
            model = build_network(network, classes=3, **flat, **small, **groups)
            variables = variables_by_name(model).items()
            known[key] = {name: Shape(tuple(variable.shape)) for name, variable in variables}
        return known[key]

    return build


def options(**more):
    return OPTIONS | more


def drawn(variables):
    """{our name: random array}."""
    rng = np.random.RandomState(0)
    return {name: rng.rand(*variable.shape).astype("f4") for name, variable in variables.items()}


def file_of(values, translation, of, **more):
    """A lineage's file that holds the values under its own names and layouts."""
    spelling = TRANSLATIONS[translation]
    names = {name: spelling.their_name(name, of) for name in values}
    arrays = {
        theirs: spelling.to_theirs(values[name], name)
        for name, theirs in names.items()
        if theirs is not None
    }
    return Checkpoint(arrays, **more)


def load(arrays, variables, of=None, network="rcnn", **more):
    return match(arrays, variables, network=network, options=of or options(), file="x.pkl", **more)


@pytest.mark.parametrize("translation", ["detectron", "detectron_torch"])
@pytest.mark.parametrize("form", FORMS)
def test_a_whole_detector_comes_back_bit_for_bit(built, form, translation):
    of = options(**FORMS[form])
    if "width_per_group" in of:
        of |= {"width_per_group": 1}  # An eighth of 8, as the network is narrow.
    variables = built(**FORMS[form])
    values = drawn(variables)
    matched, report = load(file_of(values, translation, of), variables, of)
    assert report.lineage == f"rcnn-{translation}" and report.preprocess == "detectron"
    assert not report.missing and not report.unused and not report.mismatched
    assert all(np.array_equal(matched[name], value) for name, value in values.items())


@pytest.mark.parametrize(("kind", "blob"), [("glove", "v_glove"), ("random", "v_randn_0")])
def test_a_table_of_class_vectors_comes_back_and_is_missed(built, kind, blob):
    form = {"transfer_input": kind, "embedding_dim": 5}
    of, variables = options(**form), built(**form)
    values = drawn(variables)
    file = file_of(values, "detectron", of)
    np.testing.assert_array_equal(file[blob], values["transfer_embedding/table"])
    matched, report = load(file, variables, of)
    assert not report.missing and not report.unused
    np.testing.assert_array_equal(matched["transfer_embedding/table"], file[blob])
    del file[blob]
    with pytest.raises(LfpError, match=r"lacks 1 of the .* \(transfer_embedding/table, ...\)"):
        load(file, variables, of)


@pytest.mark.parametrize("translation", ["detectron", "detectron_torch"])
def test_a_c4_detector_comes_back(built, translation):
    of = {n: v for n, v in options().items() if n != "decoder"}
    variables = built("rcnn_c4")
    values = drawn(variables)
    arrays = file_of(values, translation, of)
    if translation == "detectron_torch":
        shared = {n.replace("Box_Head", "Mask_Head"): a for n, a in arrays.items() if ".res5." in n}
        arrays.update(shared)
    matched, report = load(arrays, variables, of, "rcnn_c4")
    assert report.lineage == f"rcnn_c4-{translation}" and not report.unused
    assert all(np.array_equal(matched[name], value) for name, value in values.items())


C4_OF_TENSORPACK = {
    "backbone": "pyramid_resnet",
    "norm": "batch",
    "block_padding": "floor",
    "size_precision": "float32",
}


@pytest.mark.parametrize("pyramid", [True, False])
def test_a_detector_of_tensorpack_comes_back_with_background_in_front(built, pyramid):
    form = C4_OF_TENSORPACK | {"pyramid": pyramid}
    of = {n: v for n, v in options(**form).items() if n != "decoder"}
    variables = built("rcnn_c4", **form)
    values = drawn(variables)
    arrays = file_of(values, "tensorpack", of)
    for layer, outputs in (("fastrcnn/box", 4), ("maskrcnn/conv", 1)):
        for leaf in ("W", "b"):
            arrays[f"{layer}/{leaf}"] = arrays[f"{layer}/{leaf}"][..., outputs:]
    matched, report = load(arrays, variables, of, "rcnn_c4")
    ending = "" if pyramid else "-plain"
    assert report.lineage == f"rcnn_c4-tensorpack{ending}" and report.preprocess == "imagenet_bgr"
    assert not report.missing and not report.unused and not report.mismatched
    assert not matched["box_deltas/kernel"][:, :4].any()
    assert not matched["mask_logits/bias"][:1].any()
    np.testing.assert_array_equal(
        matched["box_deltas/kernel"][:, 4:], values["box_deltas/kernel"][:, 4:]
    )
    np.testing.assert_array_equal(matched["mask_logits/bias"][1:], values["mask_logits/bias"][1:])
    with pytest.raises(LfpError, match="block_padding floor .not same"):
        load(arrays, variables, of | {"block_padding": "same"}, "rcnn_c4")


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"norm": "group"}, "norm affine (not group)"),
        ({"norm": "batch"}, "norm affine (not batch)"),
        ({"stride_in": "3x3"}, "stride_in 1x1 (not 3x3)"),
        ({"depth": 101}, "depth 50 (not 101)"),
        ({"box_head": "4conv1fc"}, "box_head 2fc (not 4conv1fc)"),
        ({"decoder": "bfp"}, "decoder fpn (not bfp)"),
    ],
)
def test_another_graph_is_refused_with_the_field_that_makes_it(built, form, told):
    variables = built()
    arrays = file_of(drawn(variables), "detectron", options())
    with pytest.raises(LfpError) as error:
        load(arrays, variables, options(**form))
    assert told in str(error.value) and "--params_override=task.model." in str(error.value)


def test_heads_of_another_form_are_no_hindrance_to_a_start(built):
    variables = built()
    arrays = file_of(drawn(variables), "detectron", options())
    matched, _ = load(arrays, variables, options(box_head="4conv1fc"), heads=HEADS)
    assert "stage4_block3_conv3/kernel" in matched


def imagenet(variables):
    """A Detectron ImageNet file, with what such files have besides."""
    arrays = file_of(drawn(variables), "detectron", options())
    body = {name: a for name, a in arrays.items() if name.startswith(("conv1_", "res"))}
    return Checkpoint(body | {"fc1000_w": np.zeros((10, 4)), "conv1_b": np.zeros(8)})


def test_an_imagenet_file_fills_the_backbone_alone(built):
    variables = built()
    matched, report = load(imagenet(variables), variables, heads=HEADS)
    assert report.lineage == "imagenet-detectron"
    body = [name for name in variables if name.startswith(("stem", "stage"))]
    assert sorted(matched) == sorted(body)
    assert sorted(report.unused) == ["conv1_b", "fc1000_w"]
    with pytest.raises(LfpError, match="an ImageNet file .* without the heads of a rcnn"):
        load(imagenet(variables), variables)


def test_an_imagenet_file_that_lacks_a_blob_is_no_start(built):
    arrays = imagenet(built())
    del arrays["res3_0_branch2b_w"]
    with pytest.raises(LfpError, match=r"lacks 1 of the network's variables"):
        load(arrays, built(), heads=HEADS)


def batch_normed(variables):
    """{our name: array} of the body with batch norms in place of affine layers."""
    values = {}
    for name, array in drawn(variables).items():
        if not name.startswith(("stem", "stage")):
            continue
        layer, leaf = name.rsplit("/", 1)
        if leaf == "scale":
            shape = array.shape
            values |= {f"{layer}/{n}": np.full(shape, v, "f4") for n, v in BATCH_NORM.items()}
        elif leaf != "offset":
            values[name] = array
    return values


def caffe_like(arrays):
    """The file with a stem's variance that only inputs of many grey levels give."""
    squares = np.sum(arrays["conv1.weight"].astype("f8") ** 2, axis=(1, 2, 3))
    arrays["bn1.running_var"] = (500 * squares).astype("f4")
    return arrays


def test_batch_norms_are_folded_into_affine_layers(built):
    variables = built()
    arrays = caffe_like(file_of(batch_normed(variables), "imagenet_torch", {}))
    matched, report = load(arrays, variables, heads=HEADS)
    assert report.lineage == "imagenet-torch-of-caffe"
    # 0.5 / sqrt(4) and 0.25 - 2 * 0.5 / sqrt(4).
    assert np.allclose(matched["stage1_block1_bn1/scale"], 0.25, atol=1e-6)
    assert np.allclose(matched["stage1_block1_bn1/offset"], -0.25, atol=2e-6)
    assert not report.unused
    assert "53 batch norms were folded into fixed scales and offsets" in report.notes


def test_a_file_of_torchvision_needs_its_stride_and_its_preprocessing(built):
    variables = built()
    arrays = file_of(batch_normed(variables), "imagenet_torch", {})
    with pytest.raises(LfpError, match=r"imagenet-torch, .* stride_in 3x3 \(not 1x1\)"):
        load(arrays, variables, heads=HEADS)
    with pytest.raises(LfpError, match=r"expect the preprocessing torch \(not detectron\)"):
        load(arrays, variables, options(stride_in="3x3"), heads=HEADS)
    of = options(stride_in="3x3", preprocess="torch")
    assert load(arrays, variables, of, heads=HEADS)[1].lineage == "imagenet-torch"


def test_a_caffe_style_file_is_no_torchvision_file(built):
    variables = built()
    arrays = caffe_like(file_of(batch_normed(variables), "imagenet_torch", {}))
    with pytest.raises(LfpError, match=r"stride_in 1x1 \(not 3x3\)"):
        load(arrays, variables, options(stride_in="3x3", preprocess="torch"), heads=HEADS)


def test_the_resnet_of_keras_starts_a_detector_with_affine_norms(built):
    variables = built()
    names = {
        f"conv{stage + 1}_block{block}_{n}_conv": f"stage{stage}_block{block}_{ours}"
        for stage, count in ((1, 3), (2, 4), (3, 6), (4, 3))
        for block in range(1, count + 1)
        for n, ours in ((0, "projection"), (1, "conv1"), (2, "conv2"), (3, "conv3"))
        if n or block == 1
    } | {"conv1_conv": "stem_conv1"}
    values, arrays = batch_normed(variables), {}
    for keras, ours in names.items():
        norm = f"{ours}_bn" if ours.endswith("projection") else ours.replace("conv", "bn")
        arrays[f"{keras}/kernel"] = values[f"{ours}/kernel"]
        for leaf in BATCH_NORM:
            arrays[f"{keras.removesuffix('conv')}bn/{leaf}"] = values[f"{norm}/{leaf}"]
    matched, report = load(arrays, variables, heads=HEADS)
    assert report.lineage == "imagenet-keras-resnet"
    assert np.allclose(matched["stem_bn1/scale"], 0.25, atol=1e-6)


def test_batch_norms_do_not_become_group_norms(built):
    variables = built(**FORMS["group"])
    with pytest.raises(LfpError, match="which has batch norms; a network with group norms cannot"):
        load(
            caffe_like(file_of(batch_normed(built()), "imagenet_torch", {})),
            variables,
            options(norm="group"),
            heads=HEADS,
        )


CONFIG = "MODEL: {BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0]}"


def test_other_box_weights_than_the_networks_are_told(built):
    variables = built()
    arrays = file_of(drawn(variables), "detectron", options(), config=CONFIG)
    assert load(arrays, variables)[1].notes == []
    (note,) = load(arrays, variables, options(box_weights=(1.0, 1.0, 1.0, 1.0)))[1].notes
    assert "task.model.box_weights=[10.0,10.0,5.0,5.0]" in note


def test_momentum_is_left_out_and_backups_are_unused(built):
    variables = built()
    arrays = file_of(drawn(variables), "detectron", options())
    arrays |= {"fc7_w_momentum": arrays["fc7_w"], "cls_score_w_jcvbackup": np.zeros((9, 8))}
    _, report = load(Checkpoint(arrays), variables)
    assert report.unused == ["cls_score_w_jcvbackup"]
    assert "1 momentum blobs were skipped" in report.notes


def test_keys_apart_from_the_queries_are_refused_where_they_are_one_transform(built):
    variables = built()
    arrays = file_of(drawn(variables), "detectron_torch", options())
    arrays["Conv_Body.fpt.st_p2.conv_ks.weight"] = np.ones((4, 4, 1, 1))
    arrays["Conv_Body.fpt.st_p2.conv_qs.weight"] = np.zeros((4, 4, 1, 1))
    with pytest.raises(LfpError, match=r"holds Conv_Body\.fpt\.st_p2\.conv_ks\.weight, which"):
        load(arrays, variables)
    arrays["Conv_Body.fpt.st_p2.conv_qs.weight"] = np.ones((4, 4, 1, 1))
    _, report = load(arrays, variables)
    assert report.lineage == "rcnn-fpt"
    assert "1 unused or doubled arrays were skipped" in report.notes


def test_the_form_of_fpts_block_and_heads_is_told(built):
    variables = built()
    arrays = file_of(drawn(variables), "detectron_torch", options())
    arrays["Conv_Body.fpt.rt_p5_p4.conv1x1.weight"] = np.ones((4, 4, 1, 1))
    arrays["Box_Head.conv1_head.0.0.weight"] = np.ones((4, 4, 3, 3))
    with pytest.raises(LfpError) as caught:
        load(arrays, variables, options(transformer="none"))
    assert "task.model.transformer=released_code" in str(caught.value)
    assert "task.model.box_head=all_levels_4conv1fc" in str(caught.value)


def test_another_retinanet_is_a_start_of_its_backbone_only(built):
    variables = built()
    arrays = imagenet(variables)
    arrays["retnet_cls_pred_fpn3_w"] = np.zeros((4, 4, 3, 3))
    assert load(arrays, variables, heads=HEADS)[1].lineage == "retinanet-detectron"


def test_a_detector_of_ours_comes_back_under_its_own_names(built):
    variables = built()
    values = drawn(variables)
    matched, report = load(Checkpoint(values), variables)
    assert report.lineage == "rcnn-lfp_tf" and not report.notes and not report.unused
    assert all(np.array_equal(matched[name], value) for name, value in values.items())


def test_batch_norms_of_our_own_are_folded_too(built):
    values = {n: a for n, a in drawn(built()).items() if not n.endswith(("/scale", "/offset"))}
    matched, report = load(Checkpoint(values | batch_normed(built())), built())
    assert np.allclose(matched["stem_bn1/scale"], 0.25, atol=1e-6)
    assert not report.unused and "53 batch norms were folded" in report.notes[0]
