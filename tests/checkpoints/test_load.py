import json
import pathlib

import numpy as np
import pytest

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.names.pspnet import TRANSLATIONS, swap_concat, their_name
from lfp_tf.checkpoints.presets import preset_options
from lfp_tf.errors import LfpError

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "pspnet" / "manifests"


class Shape:
    """All that matching asks of a variable."""

    def __init__(self, *shape):
        self.shape = shape


@pytest.fixture(scope="module")
def variables():
    """Our variables of a narrow PSPNet-50, by name; numpy in place of Keras."""
    import os

    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    from lfp_tf.checkpoints.variables import variables_by_name
    from lfp_tf.models.catalog import build_network

    return {
        name: Shape(*variable.shape)
        for name, variable in variables_by_name(
            build_network("pspnet", classes=3, depth=50, width=0.125)
        ).items()
    }


def options(**more):
    defaults = {
        "depth": 50, "stem": "deep", "stride_in": "3x3", "padding": "symmetric",
        "pooling": "adaptive", "concat": "ascending", "use_ppm": True, "bins": [1, 2, 3, 6],
        "crop": (473, 473),
    }  # fmt: skip
    return defaults | more


def file_of(variables, translation, *, prefix="", aux=True):
    """A file of that lineage with random arrays for these variables."""
    rng = np.random.RandomState(0)
    arrays = {}
    for name, variable in variables.items():
        theirs = their_name(name, translation, [1, 2, 3, 6])
        if theirs and (aux or not name.startswith("aux_")):
            arrays[prefix + theirs] = TRANSLATIONS[translation].to_theirs(
                rng.rand(*variable.shape), name
            )
    return arrays


def load(arrays, variables, *, tolerate=(), heads=None, **more):
    return match(
        arrays,
        variables,
        network="pspnet",
        options=options(**more),
        file="old.pth",
        tolerate=tolerate,
        heads=heads,
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_every_name_of_the_originals_is_known(name):
    manifest = json.loads((GOLDEN / f"{name}.json").read_text())
    if name.startswith("stub"):
        return
    lineage = recognise({v["name"]: None for v in manifest["variables"]})
    assert lineage.name.startswith("pspnet-")
    assert {"torch": "torch", "caffe": "caffe", "tf": "tf"}[manifest["format"]] == lineage.names


def test_a_torch_file_with_module_prefix_fits(variables):
    arrays = file_of(variables, "torch", prefix="module.")
    arrays["module.layer0.1.num_batches_tracked"] = np.array(7)
    matched, report = load(arrays, variables)
    assert set(matched) == set(variables) and report.preprocess == "torch"
    assert report.skipped == ["layer0.1.num_batches_tracked"] and not report.unused
    kernel = arrays["module.layer0.0.weight"]
    np.testing.assert_allclose(
        matched["stem_conv1/kernel"][1, 2, 0, 3], kernel[3, 0, 1, 2], rtol=1e-6
    )


def test_caffes_pyramid_is_put_into_the_networks_order(variables):
    arrays = file_of(variables, "caffe", aux=False)
    preset = preset_options("caffe", depth=50, crop=(473, 473))
    straight, _ = load(arrays, variables, tolerate=["^aux_"], **preset)
    turned, report = load(arrays, variables, tolerate=["^aux_"], **preset | {"concat": "ascending"})
    np.testing.assert_array_equal(
        turned["cls_conv/kernel"], swap_concat(straight["cls_conv/kernel"], branches=4)
    )
    assert "order" in report.notes[0] and report.preprocess == "caffe"


def test_swapping_twice_gives_the_first_back():
    kernel = np.random.RandomState(0).rand(3, 3, 16, 2)
    once = swap_concat(kernel, branches=4)
    np.testing.assert_array_equal(once[:, :, :8], kernel[:, :, :8])
    np.testing.assert_array_equal(once[:, :, 8:10], kernel[:, :, 14:16])
    np.testing.assert_array_equal(swap_concat(once, branches=4), kernel)


def test_a_graph_that_cannot_run_the_file_is_refused_with_the_preset_that_can(variables):
    arrays = file_of(variables, "caffe", aux=False)
    with pytest.raises(LfpError, match=r'stride_in 1x1 \(not 3x3\).*preset="caffe"'):
        load(arrays, variables, tolerate=["^aux_"])


def test_a_tf1_file_of_101_layers_may_run_as_caffe_trained_it():
    assert recognise({"conv1_1_3x3_s2/weights": 0}).presets == ("tf1", "caffe", "kitti")


def test_slots_of_an_optimizer_prove_no_lineage_and_overrule_no_preset(variables):
    arrays = file_of(variables, "tf", aux=False)
    slots = ("Adam", "Adam_1", "RMSProp", "RMSProp_1", "Adadelta", "Ftrl_1", "Momentum")
    arrays |= {f"conv6/weights/{slot}": np.zeros(3) for slot in slots}
    assert recognise(arrays).name == "pspnet-tf1"
    for name in ("tf1", "kitti"):
        preset = preset_options(name, depth=50, crop=(473, 473))
        _, report = load(arrays, variables, tolerate=["^aux_"], **preset)
        assert report.preprocess == preset["preprocess"]
        assert len(report.skipped) == len(slots) and not report.unused


WRAPPERS = [
    "module.",
    "model.module.",
    "module.model.",
    "_orig_mod.module.module.",
    "model._orig_mod.",
]


@pytest.mark.parametrize("prefix", WRAPPERS)
def test_wrappers_are_taken_off_in_any_order(variables, prefix):
    arrays = file_of(variables, "torch", prefix=prefix) | {"n_averaged": np.array(3)}
    matched, report = load(arrays, variables)
    assert set(matched) == set(variables)
    assert report.skipped == ["n_averaged"] and not report.unused
    arrays["other.weight"] = np.zeros(3)  # Not all names have the prefix.
    assert recognise(arrays) is None


def deeplab_of_isht7(variables, prefix):
    arrays = file_of(variables, "imagenet_torch", prefix=prefix)
    return arrays | {f"{prefix}layer5.conv2d_list.{n}.weight": np.zeros(3) for n in range(4)}


@pytest.mark.parametrize("heads", [None, "^(pyramid|cls_|aux_)"])
def test_networks_of_others_are_named_and_never_loaded(variables, heads):
    resnet = file_of(variables, "imagenet_torch")
    others = {
        "names of isht7/pytorch-deeplab-resnet": deeplab_of_isht7(variables, ""),
        "DeepLab v2 with the names of": deeplab_of_isht7(variables, "Scale."),
        "is a PSANet of hszhao/semseg, not a PSPNet": file_of(variables, "torch")
        | {"psa.conv_p.0.weight": np.zeros(3)},
        "is a segmentation network of torchvision": {
            f"backbone.{name}": array for name, array in resnet.items()
        }
        | {"classifier.4.weight": np.zeros(3)},
    }
    for sentence, arrays in others.items():
        with pytest.raises(LfpError, match=f"old.pth .*{sentence}"):
            load(arrays, variables, heads=heads)


def test_a_resnet_with_heads_of_others_is_no_imagenet_file(variables):
    arrays = file_of(variables, "imagenet_torch")
    assert recognise(arrays | {"fc.weight": np.zeros([3, 3])}).name == "imagenet-torch"
    for name in ("layer5.0.weight", "aspp.conv.weight", "layer1.0.se.fc1.weight", "head.bias"):
        assert recognise(arrays | {name: np.zeros(3)}) is None


def test_missing_unused_and_misshapen_variables_are_named(variables):
    arrays = file_of(variables, "torch")
    arrays["decoder.weight"] = np.zeros(3)
    _, report = load(arrays, variables)
    assert report.unused == ["decoder.weight"] and "decoder.weight" in str(report)
    missing = {name: array for name, array in arrays.items() if name != "cls.4.bias"}
    with pytest.raises(
        LfpError, match="old.pth lacks 1 of the network's variables .cls_logits/bias"
    ):
        load(missing, variables)
    arrays["cls.4.bias"] = np.zeros(19)
    with pytest.raises(
        LfpError, match=r"holds cls_logits/bias as \[19\] where the network has \[3\]"
    ):
        load(arrays, variables)


def test_an_imagenet_file_is_a_start_but_no_network(variables):
    arrays = file_of(variables, "imagenet_torch")
    arrays["fc.weight"] = np.zeros([10, 10])
    heads = "^(pyramid|cls_|aux_)"
    matched, report = load(arrays, variables, heads=heads)
    assert "stage4_block3_conv3/kernel" in matched and "cls_conv/kernel" not in matched
    assert report.lineage == "imagenet-torch" and report.unused == ["fc.weight"]
    with pytest.raises(LfpError, match="ImageNet file .* without the heads of a pspnet"):
        load(arrays, variables)


def test_a_partly_filled_backbone_is_no_start(variables):
    arrays = file_of(variables, "imagenet_torch")
    del arrays["layer3.0.conv2.weight"]
    with pytest.raises(LfpError, match="lacks 1 of the network's variables"):
        load(arrays, variables, heads="^(pyramid|cls_|aux_)")


def test_unknown_names_are_refused(variables):
    with pytest.raises(LfpError, match=r"no network of ours .*\(encoder.weight"):
        load({"encoder.weight": np.zeros(3)}, variables)


def pspnet_keras(variables, form="{layer}/{leaf}:0"):
    """A file of PSPNet-Keras: the TensorFlow port's layers with Keras' names of variables."""
    arrays = {}
    for name, array in file_of(variables, "pspnet_keras", aux=False).items():
        layer, leaf = name.split("/")
        arrays[form.format(layer=layer, leaf=leaf)] = array
    return arrays


@pytest.mark.parametrize("form", ["{layer}/{leaf}:0", "{layer}/{leaf}", "{layer}/{layer}/{leaf}:0"])
@pytest.mark.parametrize("preset", ["tf1", "caffe"])
def test_files_of_pspnet_keras_fit_as_the_npy_files_do(variables, form, preset):
    arrays = pspnet_keras(variables, form)
    assert recognise(arrays).name == "pspnet-keras"
    chosen = preset_options(preset, depth=50, crop=(473, 473))
    matched, report = load(arrays, variables, tolerate=["^aux_"], **chosen)
    assert report.preprocess == chosen["preprocess"] and not report.unused
    npy = file_of(variables, "npy", aux=False)
    expected, _ = load(npy, variables, tolerate=["^aux_"], **chosen)
    for name, array in expected.items():
        np.testing.assert_array_equal(matched[name], array, err_msg=name)


def test_files_of_pspnet_keras_are_refused_by_a_graph_of_torch(variables):
    with pytest.raises(LfpError, match=r'pspnet-keras file.*preset="tf1"'):
        load(pspnet_keras(variables), variables, tolerate=["^aux_"])


def test_weights_of_keras_without_names_say_what_to_save(variables):
    arrays = {"layers/conv2d/vars/0": np.zeros(3), "layers/batch_normalization/vars/0": np.zeros(3)}
    with pytest.raises(LfpError, match="without the names of their layers; save the whole model"):
        load(arrays, variables)
    assert recognise(arrays | {"conv1_1_3x3_s2/kernel": 0}).name == "pspnet-keras"


def test_keras_3_calls_the_kernels_of_a_mobilenet_otherwise():
    names = ["Conv1/kernel", "expanded_conv_depthwise/kernel", "expanded_conv_depthwise_BN/gamma"]
    arrays = {name: number for number, name in enumerate(names)}
    assert recognise(arrays).name == "imagenet-keras-mobilenet_v2"
    assert TRANSLATIONS["keras"].plain(arrays, []) == {
        "Conv1/kernel": 0,
        "expanded_conv_depthwise/depthwise_kernel": 1,
        "expanded_conv_depthwise_BN/gamma": 2,
    }
