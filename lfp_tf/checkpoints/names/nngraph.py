"""The stacked hourglass as Torch 7 saves it: a graph of modules without names, in forward order.

Unverified: written after `bearpaw/PyraNet models/hg-prm.lua` and `torch/nngraph gmodule.lua`, and
tested on files of our own; no released `.t7` was at hand. What does not fit is refused.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

DEPTH = 4
# Old versions of nngraph keep the modules in the nodes of the forward pass alone.
_NODE = re.compile(
    r"(?P<prefix>(?:.*?/)??)(?:modules|forwardnodes)/(?P<node>\d+)(?:/data/module)?"
    r"(?P<inner>(?:/modules/\d+)*)/(?P<leaf>weight|bias|running_mean|running_var)"
)
# The kinds of layers inside a unit in their order, `b` a norm and `c` a convolution.
_PYRAMID = re.compile(r"(?P<preact>b?)cbc(?P=preact)cb(?P<scales>c+)bcbc(?P<skip>(?:bc)?)")
_RESIDUAL = re.compile(r"(?P<preact>b?)cbcbc(?P<skip>(?:bc)?)")
_UNITS_OF_A_STACK = 3 * DEPTH + 1


def plain_names(arrays: Mapping[str, Any]) -> dict[str, str] | None:
    """Finds the torch name of each array of an hourglass' graph, as `stacks.0.out.weight`.

    Which of two branches comes first is seen from the units' skips: of the lower branch, the last
    units alone have a projection (`hg-prm.lua`, `useConv`).

    Args:
        arrays: {path in the file: array, or anything with a shape}.

    Returns:
        {path: name}; None where the graph is no stacked hourglass of this code.
    """
    nodes = _nodes(arrays)
    kinds = [_kinds(node) for node in nodes]
    places = _places(nodes, kinds)
    if places is None:
        return None
    names = {}
    for place, node, kind in zip(places, nodes, kinds, strict=True):
        layers = _unit_layers(kind) or [""]
        for layer, leaves in zip(layers, node, strict=True):
            base = f"{place}.{layer}" if layer else place
            names |= {path: f"{base}.{leaf}" for leaf, (path, _) in leaves.items()}
    return names


def _nodes(arrays):
    """[[{leaf: (path, shape)} of each layer] of each node], both in forward order."""
    nodes = {}
    for path, array in arrays.items():
        match = _NODE.fullmatch(path)
        if match:
            inner = tuple(map(int, re.findall(r"\d+", match["inner"])))
            key = (match["prefix"], int(match["node"]))
            layers = nodes.setdefault(key, {})
            layers.setdefault(inner, {})[match["leaf"]] = (path, np.shape(array))
    return [[layers[inner] for inner in sorted(layers)] for _, layers in sorted(nodes.items())]


def _kinds(node):
    return "".join("b" if "running_mean" in leaves else "c" for leaves in node)


def _unit_layers(kind):
    """The names of a unit's layers; None where it is a single layer or no unit."""
    if match := _PYRAMID.fullmatch(kind):
        is_preact = bool(match["preact"])
        scales = [f"pyr_scale{number}" for number in range(1, len(match["scales"]) + 1)]
        main = [*["main_bn1"] * is_preact, "main_conv1", "main_bn2", "main_conv2"]
        pyramid = [
            *["pyr_bn1"] * is_preact,
            "pyr_conv1",
            "pyr_bn2",
            *scales,
            "pyr_bn3",
            "pyr_conv2",
        ]
        layers = [*main, *pyramid, "join_bn", "join_conv"]
    elif match := _RESIDUAL.fullmatch(kind):
        layers = [*["bn1"] * bool(match["preact"]), "conv1", "bn2", "conv2", "bn3", "conv3"]
    else:
        return None
    return layers + (["skip_bn", "skip_conv"] if match["skip"] else [])


def _places(nodes, kinds):
    """The place of each node, such as `stacks.0.hg.n4.up.0`; None where the graph is another."""
    is_unit = [_unit_layers(kind) is not None for kind in kinds]
    form = "".join("u" if unit else kind for unit, kind in zip(is_unit, kinds, strict=True))
    # Stem, then per stack its units, norm, convolution, norm, heat maps, and the ways back.
    if not re.fullmatch(r"cbuuu(u+bcbccc)*u+bcbc", form) or _shape(nodes[0])[1:] != (3, 7, 7):
        return None
    places = ["stem.conv", "stem.bn", "stem.r1", "stem.r4", "stem.r5"]
    for stack, match in enumerate(re.finditer(r"(u+)bcb(c+)", form[5:])):
        start = 5 + match.start()
        units = _units(kinds[start : start + len(match[1])])
        if units is None:
            return None
        ends = _ends([_shape(node) for node in nodes[5 + match.start(2) : 5 + match.end(2)]])
        if ends is None:
            return None
        places += [f"stacks.{stack}.hg.{unit}" for unit in units]
        places += [f"stacks.{stack}.{end}" for end in ("bn", "lin.conv", "lin.bn", *ends)]
    return places


def _shape(node):
    """The shape of a node's first weight."""
    return node[0]["weight"][1] if "weight" in node[0] else ()


def _units(kinds):
    """The places of a stack's units, in forward order."""
    residuals, rest = divmod(len(kinds), _UNITS_OF_A_STACK)
    if rest:
        return None
    has_skip = [(_unit_layers(kind) or [""])[-1] == "skip_conv" for kind in kinds]
    places = _hourglass(has_skip, DEPTH, residuals)
    expected = [".low3." in place for place in places]
    return places if expected == has_skip else None


def _hourglass(has_skip, depth, residuals):
    """The places of the units of an hourglass, given which of them have a projection."""

    def of(part):
        return [f"n{depth}.{part}.{number}" for number in range(residuals)]

    is_up_first = has_skip[-1]
    start = 2 * residuals if is_up_first else residuals
    inner = has_skip[start : start + len(has_skip) - 3 * residuals]
    middle = _hourglass(inner, depth - 1, residuals) if depth > 1 else of("low2")
    low = [*of("low1"), *middle, *of("low3")]
    return [*of("up"), *low] if is_up_first else [*low, *of("up")]


def _ends(shapes):
    """The places of a stack's last convolutions, told apart by their channels; None if not so."""
    heatmaps = [(index, shape) for index, shape in enumerate(shapes) if shape[0] != shape[1]]
    if len(shapes) == 1:
        return ["out"]
    if len(heatmaps) != 2 or heatmaps[0][1][:2] != heatmaps[1][1][1::-1]:
        return None
    ends = ["merge_features"] * len(shapes)
    # The heat maps are made before they are led back.
    ends[heatmaps[0][0]], ends[heatmaps[1][0]] = "out", "merge_heatmaps"
    return ends
