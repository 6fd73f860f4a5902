"""Feature Pyramid Transformer: the names of dongzhang89/FPT, and of the paper's parts it lacks.

Backbone and pyramid have those of roytseng-tw/Detectron.pytorch, from which it began.

The released rendering transformer crosses two names: `bn_low` belongs to the fine map's means,
`bn_high` to the coarse map.
"""

import re
from collections.abc import Mapping

import numpy as np

from lfp_tf.checkpoints.names.translation import (
    TORCH_LEAVES,
    Pairs,
    Translation,
    renamed,
    without_wrappers,
)
from lfp_tf.options import TRANSFORMER_PYRAMIDS

_TRANSFORMS = {"queries": "conv_qs", "keys": "conv_ks"}
_STEPS = {"conv": "0", "norm": "1", "out": "3"}
_LEAVES = TORCH_LEAVES | {"scale": "weight", "offset": "bias"}
_SELF: Pairs = (
    (r"(queries|keys)", lambda which: _TRANSFORMS[which]),
    (r"(queries|keys)_(conv|norm|out)", lambda which, step: f"{_TRANSFORMS[which]}.{_STEPS[step]}"),
    (r"values", lambda: "conv_vs"),
    (r"attention", lambda: "attention"),
    (r"output", lambda: "conv"),
    (r"output_norm", lambda: "norm_layer"),
)
_GROUNDING: Pairs = (
    (r"queries", lambda: "theta"),
    (r"keys", lambda: "phi"),
    (r"values", lambda: "g"),
    (r"pair", lambda: "W_f.0"),
    (r"attention", lambda: "attention"),
    (r"output_(conv|norm)", lambda step: f"W_z.{_STEPS[step]}"),
    (r"output", lambda: "W_z"),
)
_LOCAL: Pairs = (
    (r"queries", lambda: "query_conv"),
    (r"keys", lambda: "key_conv"),
    (r"values", lambda: "value_conv"),
    (r"values(\d+)", lambda number: f"value_conv.{number}"),
)
_LOCAL_TABLES = {
    "row_offsets": "rel_h",
    "column_offsets": "rel_w",
    "row_entries": "emb_a",
    "column_entries": "emb_b",
    "mixture_entries": "emb_mix",
}
# Variables that the original makes and never uses, and counters.
_UNUSED = re.compile(r"(^|\.)(conv_reduction|conv_upsample|conv_cat|num_batches_tracked)(\.|$)")


def fpt_name(name: str, options: Mapping) -> str | None:
    """Gives the original's name of our variable, or None.

    >>> fpt_name("gt_p3_p5/output_norm/gamma", {})
    'gt_p3_p5.W_z.1.weight'

    Args:
        name: ours, `LAYER/UNIT/LEAF` or `LAYER/LEAF`.
        options: of the network: with `upsample` the rendering transformers' norm behind the
            strided convolution has its other name; `decoder`, `pyramid_norm`, `transformer`,
            `fpt_norm` and `norm` tell the pyramid's form and where norms stand; a segmentation
            network has an `even_pyramid`, and names of ours.
    """
    theirs = _plain_name(name, options)
    if options.get("even_pyramid") and re.match(r"(st|gt|rt|fpt)_", name):
        return theirs and f"fpt.{theirs}"
    return theirs


def _plain_name(name: str, options: Mapping) -> str | None:
    path, leaf = name.rsplit("/", 1)
    layer, _, unit = path.partition("/")
    if not unit:
        block = renamed(layer, _network(options))
        return block and f"{block}.{_LEAVES[leaf]}"
    if layer.startswith("local") and leaf == "table":
        return f"{layer}.{_LOCAL_TABLES[unit]}"
    kinds = {"st": _SELF, "gt": _GROUNDING, "rt": _rendering(options), "local": _LOCAL}
    theirs = renamed(unit, kinds.get(layer.split("_")[0], ()))
    return theirs and f"{layer}.{theirs}.{'weight' if leaf == 'table' else TORCH_LEAVES[leaf]}"


def _rendering(options: Mapping) -> Pairs:
    norm_of_fine = "bn_upsample" if options.get("upsample") else "bn_reduction"
    names = {
        "coarse_conv": "conv3x3",
        "coarse_norm": "bn_high",
        "gate_conv": "conv1x1",
        "gate_norm": "bn_low",
        "fine_conv": "str_conv3x3",
        "fine_norm": norm_of_fine,
        "output_conv": "conv_out",
        "output_norm": "bn_out",
    }
    return ((rf"({'|'.join(names)})", lambda unit: names[unit]),)


def _network(options: Mapping) -> Pairs:
    """Names of the layers that are no transformers: backbone, pyramid, what joins the parts."""
    norm = "gn" if options.get("norm") == "group" else "bn"
    kinds = {"conv": "conv", "bn": norm}
    body = "Conv_Body.conv_body"

    def lateral(level, is_norm):
        name = _LATERALS[level] if options.get("decoder") == "fpn" else f"fpn_p{level}_1x1"
        return name + _place(options.get("pyramid_norm"), is_norm)

    return (
        (r"stem_(conv|bn)1", lambda kind: f"{body}.res1.{kinds[kind]}1"),
        (
            r"stage(\d)_block(\d+)_(conv|bn)(\d)",
            lambda stage, block, kind, n: (
                f"{body}.res{int(stage) + 1}.{int(block) - 1}.{kinds[kind]}{n}"
            ),
        ),
        (
            r"stage(\d)_block1_projection(_bn)?",
            lambda stage, is_norm: f"{body}.res{int(stage) + 1}.0.downsample.{int(bool(is_norm))}",
        ),
        (r"fpn_lateral(\d)(_norm)?", lateral),
        (
            r"fpn_output(\d)(_norm)?",
            lambda level, is_norm: (
                f"Conv_Body.posthoc_modules.{5 - int(level)}"
                + _place(options.get("pyramid_norm"), is_norm)
            ),
        ),
        (
            r"(fpt_p\d+)(_norm)?",
            lambda layer, is_norm: layer + _place(_normalization(options), is_norm),
        ),
        (
            r"pyramid_(u\d)_(conv|bn)",
            lambda level, kind: f"pyramid.{level}.{_HEAD_PLACES[kind]}",
        ),
        (
            r"(cls|aux)_(conv|bn|logits)",
            lambda head, kind: f"{_HEADS[head]}.{_HEAD_PLACES[kind]}",
        ),
    )


_HEADS = {"cls": "head", "aux": "aux"}
# Convolution, norm, ReLU, dropout and classifier follow each other.
_HEAD_PLACES = {"conv": 0, "bn": 1, "logits": 4}


def _normalization(options: Mapping) -> str | None:
    """What stands behind the convolutions that join a level's parts."""
    preset = TRANSFORMER_PYRAMIDS.get(options.get("transformer", ""))
    return options.get("fpt_norm") or (preset and preset.normalization)


# The pyramid with a way down counts from its second coarsest level.
_LATERALS = {"5": "Conv_Body.conv_top"} | {
    str(level): f"Conv_Body.topdown_lateral_modules.{4 - level}.conv_lateral" for level in (4, 3, 2)
}


def _place(normalization: str | None, is_norm: str | None) -> str:
    """A layer's place in a pair of convolution and norm; none where it stands alone."""
    if normalization in (None, "none"):
        return ""
    return ".1" if is_norm else ".0"


def _plain(arrays: dict, notes: list[str]) -> dict:
    """Without wrappers, variables that nothing uses, and keys that are the queries' transform."""
    arrays = without_wrappers(arrays)
    kept = {name: array for name, array in arrays.items() if not _is_double(name, arrays)}
    if len(kept) < len(arrays):
        notes.append(f"{len(arrays) - len(kept)} unused or doubled arrays were skipped")
    return kept


def _is_double(name, arrays):
    if _UNUSED.search(name):
        return True
    other = name.replace("conv_ks", "conv_qs")
    return other != name and other in arrays and np.array_equal(arrays[other], arrays[name])


TRANSLATIONS = {
    "fpt": Translation("fpt", fpt_name, is_transposed=True, plain=_plain, has_affine=True)
}
