import json
import pathlib

import numpy as np
import pytest

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.names.lfp import from_tensorpack, tensorpack_name, torch_name
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network

HEADS = r"^(aspp_|fc/)"
GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "lfp"
NETWORKS = {"pyramid": "lfp_classifier", "plain50": "lfp_classifier", "train-train":
            "lfp_classifier", "voc": "lfp_segmentation", "train-voc": "lfp_segmentation",
            "detector": "rcnn_c4", "hg": "hourglass"}  # fmt: skip
SMALL = {"classes": 3, "blocks": (1, 1, 2, 1), "width": 1 / 8, "input_shape": (64, 64, 3)}
CROP = {"crop": (64, 64)}


@pytest.fixture(scope="module")
def variables():
    return variables_by_name(build_network("lfp_classifier", **SMALL))


def file_of(variables, suffix=":0", **options):
    """A tensorpack file with random arrays and what its trainer leaves."""
    rng = np.random.RandomState(0)
    arrays = {
        tensorpack_name(name, options) + suffix: rng.rand(*variable.shape).astype(np.float32)
        for name, variable in variables.items()
    }
    trainers = ("global_step", "learning_rate", "conv0/W/Momentum", "EMA/train-error/biased")
    return arrays | {name + suffix: np.float32(1) for name in trainers}


def load(arrays, variables, *, network="lfp_classifier", heads=None, **options):
    return match(
        arrays,
        variables,
        network=network,
        options=CROP | {"depth": 50} | options,
        file="model.npz",
        heads=heads,
    )


def manifest_names(name):
    manifest = json.loads((GOLDEN / "manifests" / f"{name}.json").read_text())
    return {v["name"]: np.broadcast_to(np.float32(0), v["shape"]) for v in manifest["variables"]}


@pytest.mark.parametrize(
    "name",
    sorted(p.stem for p in (GOLDEN / "manifests").glob("*.json")
           if not p.stem.startswith(("layer", "stub"))),
)  # fmt: skip
def test_every_manifest_is_recognised(name):
    lineage = recognise(manifest_names(name))
    assert lineage.network == next(n for word, n in NETWORKS.items() if name.startswith(word))


@pytest.mark.parametrize("suffix", [":0", ""])
def test_a_files_arrays_are_found(variables, suffix):
    matched, report = load(file_of(variables, suffix), variables)
    assert set(matched) == set(variables) and not report.unused
    assert report.preprocess == "imagenet_bgr"
    assert len(report.skipped) == 2 and "2 averages and rates" in report.notes[0]
    assert report.lineage == "lfp_classifier-tensorpack"


def test_conv3_is_two_things():
    name = "stage2_block1/conv3/kernel"
    assert tensorpack_name(name, {}) == "group1/block0/conv6/W"
    assert tensorpack_name(name, {"pyramid": False}) == "group1/block0/conv3/W"
    assert tensorpack_name("stage2_block1/reduce/kernel", {}) == "group1/block0/conv3/W"


def test_plain_files_are_told_from_pyramids():
    plain = variables_by_name(build_network("lfp_classifier", **SMALL, pyramid=False))
    arrays = file_of(plain, pyramid=False)
    assert recognise(arrays).name == "lfp_classifier-tensorpack-plain"
    matched, _ = load(arrays, plain, pyramid=False)
    assert set(matched) == set(plain)
    with pytest.raises(LfpError, match="whose network has pyramid False .not True"):
        load(arrays, variables_by_name(build_network("lfp_classifier", **SMALL)), pyramid=True)


@pytest.mark.parametrize(("depth", "theirs"), [(50, 101), (101, 50), (152, 101)])
def test_a_file_of_another_depth_is_refused(variables, depth, theirs):
    arrays = manifest_names(f"pyramid{theirs}")
    message = (
        f"model.npz is of the lineage lfp_classifier-tensorpack, whose network has depth {theirs} "
        f".not {depth}.; build it with --params_override=task.model.depth={theirs}.$"
    )
    with pytest.raises(LfpError, match=message):
        load(arrays, variables, depth=depth)


def test_a_classification_file_begins_a_dilated_network(variables):
    dilated = variables_by_name(build_network("lfp_segmentation", **SMALL, scales=()))
    arrays = file_of(variables)
    matched, report = load(arrays, dilated, network="lfp_segmentation", heads=HEADS)
    assert set(report.missing) == {n for n in dilated if n.startswith("aspp_")}
    assert matched["stage3_block2/scale4/bias"].tolist() == [0] * 4
    assert set(report.unused) == {"linear/W", "linear/b"}


def test_it_begins_a_deeplab_on_the_same_backbone(variables):
    on = {"backbone": "pyramid_resnet", "pyramid": True}
    target = variables_by_name(build_network("deeplabv2", **SMALL, **on))
    arrays = file_of(variables)
    matched, report = load(arrays, target, network="deeplabv2", heads=HEADS, **on)
    assert all(name.startswith("aspp_") for name in report.missing)
    assert {name.split("_")[0] for name in matched} == {
        "stem",
        *(f"stage{n}" for n in (1, 2, 3, 4)),
    }
    with pytest.raises(LfpError, match="backbone pyramid_resnet .not resnet"):
        load(arrays, target, network="deeplabv2", heads=HEADS, backbone="resnet")


def test_heads_of_the_voc_network_are_told_apart():
    aspp = variables_by_name(build_network("lfp_segmentation", **SMALL, scales=()))
    arrays = file_of(aspp)
    assert "aspp/aspp24/W:0" in arrays
    with pytest.raises(LfpError, match="dilated_bias True .not False"):
        load(arrays, aspp, network="lfp_segmentation", dilated_bias=False)
    plain = variables_by_name(build_network("lfp_segmentation", **SMALL, scales=(), head="conv102"))
    arrays = file_of(plain, head="conv102")
    matched, _ = load(arrays, plain, network="lfp_segmentation", head="conv102")
    assert set(matched) == set(plain)
    with pytest.raises(LfpError, match="lacks 8 of the network's variables .aspp_c0/kernel"):
        load(arrays, aspp, network="lfp_segmentation", head="aspp")
    matched, _ = load(arrays, aspp, network="lfp_segmentation", head="aspp", heads=HEADS)
    assert set(matched) == {name for name in aspp if not name.startswith("aspp_")}


def test_a_whole_network_needs_its_own_file(variables):
    with pytest.raises(LfpError, match="is a whole lfp_classifier .* not a lfp_segmentation"):
        load(file_of(variables), variables, network="lfp_segmentation")


def test_shipped_forms_hold_the_same_arrays():
    files = GOLDEN / "files"
    both = [read_checkpoint(files / name) for name in
            ("ckpt-npz-classifier.npz", "ckpt-tf1-classifier/model-1234")]  # fmt: skip
    assert [recognise(arrays).network for arrays in both] == ["lfp_classifier"] * 2
    np.testing.assert_array_equal(both[0]["conv0/W:0"], both[1]["conv0/W"])


def test_the_hourglass_torch_names():
    assert torch_name("stack2_n4_low3_1/skip_bn/gamma") == "stacks.1.hg.n4.low3.0.skip_bn.weight"
    assert torch_name("stack1_lin_bn/moving_variance") == "stacks.0.lin.bn.running_var"
    names = variables_by_name(
        build_network("hourglass", features=24, stacks=2, input_shape=(64, 64, 3))
    )
    theirs = {torch_name(name) for name in names}
    assert theirs == set(manifest_names("hg-2x24"))


def test_our_own_files_are_told_apart(variables):
    assert recognise(variables).network == "lfp_classifier"
    dilated = variables_by_name(build_network("lfp_segmentation", **SMALL, scales=()))
    assert recognise(dilated).network == "lfp_segmentation"
    assert (
        recognise(
            variables_by_name(
                build_network("hourglass", features=18, stacks=1, input_shape=(64, 64, 3))
            )
        ).network
        == "hourglass"
    )


def test_the_detectors_heads_have_names_of_ours():
    names = set(manifest_names("detector"))
    layers = ("rpn_conv", "rpn_logits", "rpn_deltas", "box_classes", "box_deltas", "mask_deconv",
              "mask_logits")  # fmt: skip
    theirs = {tensorpack_name(f"{layer}/{leaf}", {}) for layer in layers
              for leaf in ("kernel", "bias")}  # fmt: skip
    heads = {n for n in names if n.split("/")[0] in ("rpn", "fastrcnn", "maskrcnn")}
    assert theirs == heads and len(heads) == 14


def test_the_detectors_boxes_and_masks_get_a_background_of_zeros():
    arrays = {
        "conv0/W:0": np.ones((1, 1, 1, 1)),
        "fastrcnn/class/W:0": np.ones((2, 3)),
        "fastrcnn/box/W:0": np.ones((2, 8)),
        "fastrcnn/box/b:0": np.ones(8),
        "maskrcnn/conv/W:0": np.ones((1, 1, 5, 2)),
    }
    plain = from_tensorpack(arrays, [])
    assert plain["fastrcnn/box/W"].shape == (2, 12) and plain["fastrcnn/class/W"].shape == (2, 3)
    assert plain["fastrcnn/box/b"].tolist() == [0] * 4 + [1] * 8
    assert plain["maskrcnn/conv/W"][0, 0, 0].tolist() == [0, 1, 1]
