"""The hourglass as Torch 7 saves it, in files that the tests write after PyraNet's code."""

import re

import numpy as np
import pytest
from checkpoints.formats.t7_writer import Function, Object, write_t7

from lfp_tf.checkpoints.lineages import recognise
from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.names.lfp import torch_name
from lfp_tf.checkpoints.names.nngraph import plain_names
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network

SMALL = {"features": 18, "classes": 5, "input_shape": (64, 64, 3)}


def network(**options):
    return variables_by_name(build_network("hourglass", **SMALL | options))


def theirs(variables):
    """{their torch name: array} with arrays of numbers that are all different."""
    rng, arrays = np.random.RandomState(0), {}
    for name, variable in variables.items():
        array = rng.rand(*variable.shape).astype("f4")
        arrays[torch_name(name)] = array.transpose(3, 2, 0, 1) if array.ndim == 4 else array
    return arrays


def layer(arrays, name):
    leaves = ("weight", "bias", "running_mean", "running_var")
    fields = {leaf: arrays[f"{name}.{leaf}"] for leaf in leaves if f"{name}.{leaf}" in arrays}
    kind = "SpatialBatchNormalization" if "running_mean" in fields else "SpatialConvolution"
    return Object(f"cudnn.{kind}", fields | {"gradWeight": fields["weight"] * 0})


def sequential(*modules, kind="nn.Sequential"):
    return Object(kind, {"modules": list(modules)})


RELU, ADD, POOL = (Object(f"nn.{kind}", {}) for kind in ("ReLU", "CAddTable", "MaxPooling"))


def unit(arrays, name):
    """A unit as `PRM.lua` and `Residual.lua` nest it; ReLUs and sums hold no arrays."""
    has = lambda part: f"{name}.{part}.weight" in arrays  # noqa: E731
    chain = lambda *parts: [layer(arrays, f"{name}.{part}") for part in parts if has(part)]  # noqa: E731
    skip = sequential(*chain("skip_bn", "skip_conv")) if has("skip_conv") else Object("nn.I", {})
    if has("main_conv1"):
        scales = [sequential(POOL, *chain(f"pyr_scale{n}")) for n in range(1, 9)]
        scales = [scale for scale in scales if len(scale.fields["modules"]) > 1]
        levels = sequential(sequential(*scales, kind="nn.ConcatTable"), ADD)
        main = sequential(*chain("main_bn1", "main_conv1", "main_bn2"), RELU, *chain("main_conv2"))
        pyramid = sequential(
            *chain("pyr_bn1", "pyr_conv1", "pyr_bn2"), RELU, levels, *chain("pyr_bn3", "pyr_conv2")
        )
        both = sequential(sequential(main, pyramid, kind="nn.ConcatTable"), ADD)
        body = sequential(both, *chain("join_bn"), RELU, *chain("join_conv"))
    else:
        body = sequential(*chain("bn1", "conv1", "bn2", "conv2", "bn3"), RELU, *chain("conv3"))
    return sequential(sequential(body, skip, kind="nn.ConcatTable"), ADD)


def hourglass(prefix, depth, residuals, up_first):
    """The names of the units in forward order, poolings as None."""
    of = lambda part: [f"{prefix}.n{depth}.{part}.{n}" for n in range(residuals)]  # noqa: E731
    inner = hourglass(prefix, depth - 1, residuals, up_first) if depth > 1 else of("low2")
    low = [None, *of("low1"), *inner, *of("low3"), None]
    return [*of("up"), *low] if up_first else [*low, *of("up")]


def forward(arrays, stacks, residuals, up_first, is_led_back_first):
    """The modules of the graph in forward order."""
    names = ["stem.conv", "stem.bn", None, "stem.r1", None, "stem.r4", "stem.r5"]
    for stack in range(stacks):
        names += hourglass(f"stacks.{stack}.hg", 4, residuals, up_first)
        ends = ["merge_features", "out"] if is_led_back_first else ["out", "merge_features"]
        ends = [*ends, "merge_heatmaps"] if stack < stacks - 1 else ["out"]
        names += [None, *(f"stacks.{stack}.{end}" for end in ("bn", "lin.conv", "lin.bn", *ends))]
    for name in names:
        is_layer = name and f"{name}.weight" in arrays
        yield POOL if name is None else (layer if is_layer else unit)(arrays, name)


def graph(modules, is_old):
    """An `nn.gModule`; old ones keep their modules in the nodes alone."""
    nodes = [Object("nngraph.Node", {"data": {"module": module}}) for module in modules]
    for node, after in zip(nodes, nodes[1:], strict=False):
        node.fields["children"] = [after]
    fields = {"fg": {"nodes": nodes}, "forwardnodes": nodes, "backwardnodes": nodes[::-1]}
    fields |= {} if is_old else {"modules": list(modules)}
    return Object("nn.gModule", fields | {"f": Function(b"code", {})})


@pytest.mark.parametrize(
    ("stacks", "residuals", "up_first", "is_led_back_first", "is_old"),
    [(2, 1, True, False, False), (3, 1, False, True, True), (1, 2, False, False, False)],
)
def test_every_array_finds_its_place(
    tmp_path, stacks, residuals, up_first, is_led_back_first, is_old
):
    variables = network(stacks=stacks, residuals=residuals)
    arrays = theirs(variables)
    modules = list(forward(arrays, stacks, residuals, up_first, is_led_back_first))
    got = read_checkpoint(write_t7(tmp_path / "model.t7", graph(modules, is_old)))
    assert recognise(got).name == "hourglass-torch7"
    matched, report = match(got, variables, network="hourglass", options={}, file="model.t7")
    assert set(matched) == set(variables) and not report.unused
    assert "no released file has confirmed" in report.notes[0]
    assert re.fullmatch(r"\d+ gradients and buffers were skipped", report.notes[1])
    for name, array in matched.items():
        expected = arrays[torch_name(name)]
        expected = expected.transpose(2, 3, 1, 0) if expected.ndim == 4 else expected
        np.testing.assert_array_equal(array, expected, err_msg=name)


def test_another_width_or_a_plain_hourglass_is_refused(tmp_path):
    arrays = theirs(network(stacks=1))
    modules = list(forward(arrays, 1, 1, True, False))
    got = read_checkpoint(write_t7(tmp_path / "model.t7", graph(modules, False)))
    for options in ({"features": 36}, {"pyramid": False}):
        with pytest.raises(LfpError, match=r"model\.t7 (holds|lacks)"):
            match(
                got,
                network(stacks=1, **options),
                network="hourglass",
                options={},
                file="model.t7",
            )


@pytest.mark.parametrize("change", ["a unit less", "no stem", "another last layer", "turned"])
def test_other_graphs_are_unknown(tmp_path, change):
    arrays = theirs(network(stacks=2))
    modules = list(forward(arrays, 2, 1, True, False))
    if change == "a unit less":
        del modules[7]
    elif change == "no stem":
        del modules[0]
    elif change == "another last layer":
        modules.append(Object("nn.X", {"weight": np.zeros((5, 5, 1, 1), "f4")}))
    else:
        modules.reverse()
    got = read_checkpoint(write_t7(tmp_path / "model.t7", graph(modules, False)))
    assert plain_names(got) is None and recognise(got) is None
