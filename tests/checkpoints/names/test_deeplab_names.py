import json
import pathlib

import numpy as np
import pytest

from lfp_tf.checkpoints.lineages import recognise, trained_on
from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.names.deeplab import TRANSLATIONS, from_caffe, from_keras, their_name
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "deeplabv2" / "manifests"
SMALL = {"classes": 3, "blocks": (1, 2, 1, 3), "width": 1 / 16}
OPTIONS = {"depth": 101, "stem": "plain", "stride_in": "1x1", "padding": "symmetric",
           "crop": (321, 321)}  # fmt: skip
NETWORKS = {"deeplabv1": "deeplabv1", "deeplabv2": "deeplabv2", "deeplabv3": "deeplabv3",
            "deeplabv3plus": "deeplabv3plus", "resnet": "resnet"}  # fmt: skip


@pytest.fixture(scope="module")
def variables():
    return variables_by_name(build_network("deeplabv2", scales=(0.5,), **SMALL))


def file_of(variables, prefix=""):
    """A torch file of the newest revision with random arrays."""
    rng = np.random.RandomState(0)
    torch = TRANSLATIONS["deeplab_torch"]
    return {
        prefix + their_name(name): torch.to_theirs(rng.rand(*variable.shape), name)
        for name, variable in variables.items()
    }


def load(arrays, variables, *, network="deeplabv2", heads=None, **options):
    return match(
        arrays,
        variables,
        network=network,
        options=OPTIONS | options,
        file="old.pth",
        heads=heads,
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_every_manifest_is_recognised(name):
    manifest = json.loads((GOLDEN / f"{name}.json").read_text())
    arrays = {v["name"]: np.broadcast_to(np.float32(0), v["shape"]) for v in manifest["variables"]}
    lineage = recognise(arrays)
    assert lineage.network == NETWORKS[name.split("-")[0]]
    assert ("seed" in lineage.name) == ("seed" in name)
    assert lineage.form["stride_in"] == "1x1" and lineage.preprocess == "deeplab"


@pytest.mark.parametrize("prefix", ["", "base.", "scale.", "module.base."])
def test_prefixes_come_off(variables, prefix):
    matched, report = load(file_of(variables, prefix), variables)
    assert set(matched) == set(variables) and not report.unused
    assert report.preprocess == "deeplab"


def test_the_first_revisions_words_are_known(variables):
    arrays = {
        "scale." + name.replace(".shortcut.", ".proj.").replace("aspp.c", "aspp.stages.c"): array
        for name, array in file_of(variables).items()
    }
    matched, report = load(arrays, variables)
    assert set(matched) == set(variables) and report.lineage == "deeplabv2-torch-seed"


def caffe_file(arrays):
    """The same network as Caffe keeps it: norms with a factor, Scale layers behind them."""
    blobs = {}
    words = {"reduce": "2a", "conv3x3": "2b", "increase": "2c", "shortcut": "1"}
    for name in [n for n in arrays if n.endswith("conv.weight")]:
        path = name.removesuffix(".conv.weight")
        if path == "layer1.conv1":
            conv, norm = "conv1", "bn_conv1"
        else:
            layer, block, part = path.split(".")
            number = int(block.removeprefix("block"))
            letters = (
                "abc"[number - 1] if layer != "layer3" else f"b{number - 1}" * (number > 1) or "a"
            )
            conv = f"res{layer[-1]}{letters}_branch{words[part]}"
            norm = conv.replace("res", "bn")
        blobs[f"{conv}:0"] = arrays[name]
        blobs[f"{norm}:0"] = arrays[f"{path}.bn.running_mean"] * 4.0
        blobs[f"{norm}:1"] = arrays[f"{path}.bn.running_var"] * 4.0
        blobs[f"{norm}:2"] = np.array([4.0])
        blobs[f"any_{norm}:0"] = arrays[f"{path}.bn.weight"]
        blobs[f"any_{norm}:1"] = arrays[f"{path}.bn.bias"]
        blobs[f"{conv}_res075:0"] = arrays[name] + 1
    for name in [n for n in arrays if n.startswith("aspp")]:
        _, branch, leaf = name.split(".")
        blobs[f"fc1_voc12_{branch}:{0 if leaf == 'weight' else 1}"] = arrays[name]
    return blobs


def test_a_caffe_file_gives_the_same_arrays(variables):
    arrays = file_of(variables)
    torch, _ = load(arrays, variables)
    caffe, report = load(caffe_file(arrays), variables)
    assert report.lineage == "deeplabv2-caffe" and not report.unused
    assert "multi-scale copies were skipped" in report.notes[0]
    for name, array in torch.items():
        np.testing.assert_allclose(caffe[name], array, rtol=1e-6)


def test_a_norm_factor_of_zero_counts_as_one():
    arrays = {"bn_conv1:0": np.ones(2), "bn_conv1:1": np.ones(2), "bn_conv1:2": np.zeros(1)}
    plain = from_caffe(arrays | {"scale_conv1:0": np.full(2, 3.0)}, [])
    assert plain["layer1.conv1.bn.running_mean"].tolist() == [1, 1]
    assert plain["layer1.conv1.bn.weight"].tolist() == [3, 3]
    assert plain["layer1.conv1.bn.bias"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("conv", "norm"),
    [("res2a_branch2a", "bn2a_branch2a"), ("conv2_block1_1_conv", "conv2_block1_1_bn")],
)
def test_keras_biases_move_the_running_means(conv, norm):
    kernel = np.random.RandomState(0).rand(1, 1, 4, 2)
    notes = []
    plain = from_keras(
        {
            f"{conv}/kernel": kernel,
            f"{conv}/bias": np.array([1.0, 2.0]),
            f"{norm}/moving_mean": np.array([5.0, 5.0]),
            f"{norm}/moving_variance": np.array([1.0, 1.0]),
        },
        notes,
    )
    path = "layer2.block1.reduce"
    np.testing.assert_array_equal(plain[f"{path}.conv.weight"], kernel.transpose(3, 2, 0, 1))
    assert plain[f"{path}.bn.running_mean"].tolist() == [4, 3]
    np.testing.assert_allclose(plain[f"{path}.bn.running_var"], 1 + 1e-8, rtol=1e-12)
    assert "1 biases" in notes[0]


def test_another_networks_file_gives_its_backbone_to_a_start_only(variables):
    other = variables_by_name(build_network("deeplabv3plus", **SMALL))
    arrays = file_of(other)
    with pytest.raises(LfpError, match="is a whole deeplabv3plus .* not a deeplabv2"):
        load(arrays, variables)
    matched, report = load(arrays, variables, heads=r"^aspp_")
    assert "stage4_block3_conv3/kernel" in matched and report.missing[0] == "aspp_c0/kernel"


def test_a_graph_with_its_stride_elsewhere_is_refused(variables):
    with pytest.raises(LfpError, match="stride_in 1x1 .not 3x3.*task.model.stride_in=1x1"):
        load(file_of(variables), variables, stride_in="3x3")


def test_published_files_tell_what_they_have_seen():
    assert trained_on("models/train2_iter_20000.caffemodel") == {
        "dataset": "voc",
        "splits": ["train", "val"],
    }
    assert trained_on("deeplabv2_resnet101_msc-vocaug-20000.pth")["splits"] == ["train"]
    assert trained_on("mine.pth") is None
