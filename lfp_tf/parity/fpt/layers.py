"""Cases of single layers, of the bare attention and of the block over four levels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.variables import assign, layer_variables, variables_by_name
from lfp_tf.decoders.pyramid import lateral_maps
from lfp_tf.decoders.transformer_pyramid import transformer_pyramid
from lfp_tf.errors import LfpError
from lfp_tf.layers.dropblock import drop_cells, kept_cells
from lfp_tf.ops.attention import attention, mean_attention, mixture_shares
from lfp_tf.options import FeaturePyramid
from lfp_tf.parity.fpt import words
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, is_count

_LEVELS = (2, 3, 4, 5)
# Rows of a block: fewer than any case has, so that blocks are what is compared.
_BLOCK_ROWS = 5
_TRANSLATION = TRANSLATIONS["fpt"]


class Trial:
    """A case's layer or model with the case's weights, and the gradients of its result.

    Args:
        case: whose `weights` have the original's names.
        variables: {our name: variable}.
        prefix: what their names have before the case's.
        options: of the names.
    """

    def __init__(
        self, case: Case, variables: Mapping, *, prefix: str = "", options: Mapping | None = None
    ):
        self.variables = variables
        arrays = case.weights()
        self.shapes = {name: array.shape for name, array in arrays.items()}
        names = {ours: _TRANSLATION.their_name(ours, options or {}) or "" for ours in variables}
        self.names = {ours: theirs.removeprefix(prefix) for ours, theirs in names.items()}
        report = Report(_TRANSLATION.name)
        values = translate(
            {prefix + name: array for name, array in arrays.items()},
            variables,
            translation=_TRANSLATION,
            options=options or {},
            report=report,
        )
        if report.missing or report.mismatched or report.unused:
            raise LfpError(f"the weights do not fit: {report}")
        assign(variables, values)

    def gradients(self, function: Any, inputs: dict, upstream: Any) -> tuple[Any, dict]:
        """What a function of {name: tensor} gives, and {`grad/NAME`: array} of all, `updated/NAME`.

        Args:
            function: gives a tensor or a structure of tensors.
            inputs: {name: tensor} whose gradients are asked for.
            upstream: the gradient of what the function gives.
        """
        trained = {ours: v for ours, v in self.variables.items() if v.trainable}
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = function(inputs)
        sources = (inputs, trained)
        if upstream is None:
            return result, self.updated()
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(result, sources, upstream, unconnected_gradients=zero)
        values = {f"grad/{name}": gradient.numpy() for name, gradient in found[0].items()}
        values |= {f"grad/{n}": a for n, a in self.theirs(found[1]).items()}
        return result, values | self.updated()

    def updated(self) -> dict:
        """{`updated/NAME`: running values as they are now}."""
        running = {ours: v for ours, v in self.variables.items() if not v.trainable}
        return {f"updated/{name}": array for name, array in self.theirs(running).items()}

    def theirs(self, tensors: Mapping) -> dict[str, np.ndarray]:
        """{the case's name: array in its layout} of {our name: tensor}."""
        return {
            self.names[ours]: _TRANSLATION.to_theirs(tensor.numpy(), ours).reshape(
                self.shapes[self.names[ours]]
            )
            for ours, tensor in tensors.items()
        }


def layer_self(case: Case) -> dict[str, Any]:
    """`layer_self`: the self transformer."""
    layer = words.self_transformer(case.config)
    sizes = _sizes(case.config, {"sizes": "valid_sizes"})
    return _layer(case, layer, ("x",), sizes)


def layer_grounding(case: Case) -> dict[str, Any]:
    """`layer_grounding`: the grounding transformer in all its forms."""
    layer, names = words.grounding(case.config)
    maps = ("x",) if case.config["variant"].startswith("local") else ("x_low", "x_high")
    return _layer(case, layer, maps, _sizes(case.config, names))


def layer_rendering(case: Case) -> dict[str, Any]:
    """`layer_rendering`: the rendering transformer."""
    layer = words.rendering(case.config)
    names = {"coarse_sizes": "valid_high", "fine_sizes": "valid_low"}
    options = {"upsample": case.config["upsample"]}
    return _layer(case, layer, ("x_high", "x_low"), _sizes(case.config, names), options)


def attention_chunk(case: Case) -> dict[str, Any]:
    """`attention_chunk`: the bare attention, in blocks of a few rows."""
    config, inputs = case.config, case.inputs()
    words.check_all(config, words.ATTENTION)
    tensors = {n: tf.constant(inputs[n]) for n in ("q", "k", "v", "mix_weight") if n in inputs}
    masks = {
        name: _leading(inputs.get(f"valid_{which}"), inputs[name].shape[1])
        for name, which in (("q", "queries"), ("k", "keys"))
    }
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        out = _attended(config, tensors, masks)
        if masks["q"] is not None:
            out *= masks["q"][..., None]
    found = tape.gradient(out, tensors, tf.constant(inputs["dout"]))
    gradients = {f"grad/{name}": np.asarray(gradient) for name, gradient in found.items()}
    return {"out": out.numpy()} | gradients


def dropblock(case: Case) -> dict[str, Any]:
    """`dropblock`: which cells stay, and the map without the others."""
    config, inputs = case.config, case.inputs()
    words.check_all(config, words.DROPBLOCK)
    kept = kept_cells(tf.constant(inputs["u"]), rate=config["drop_prob"], size=config["block_size"])
    x = tf.constant(inputs["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = drop_cells(x, kept)
    gradient = tape.gradient(y, x, tf.constant(inputs["dy"]))
    return {"y": y.numpy(), "grad/x": gradient.numpy(), "keep": kept.numpy()}


def fpt_block(case: Case) -> dict[str, Any]:
    """`fpt_block`: the block over four levels, with or without the laterals before it."""
    config, inputs = case.config, case.inputs()
    options, letter = words.block_options(config), config["inputs"][0]
    names = {n: f"{letter}{n}" for n in _LEVELS}
    widths = config.get("in_channels", [config["feature_dim"]] * 4)
    sizes = config.get("valid_image_sizes")
    model = block_model(options, config["feature_dim"], widths, letter, bool(sizes))
    norms = dict.fromkeys(("pyramid_norm", "fpt_norm"), config["with_norm"])
    trial = Trial(case, variables_by_name(model), options=norms)
    further = {} if sizes is None else {"sizes": tf.constant(sizes, tf.int32)}
    upstream = {f"P{n}": tf.constant(inputs[f"d{n}"]) for n in _LEVELS if f"d{n}" in inputs}
    outputs, values = trial.gradients(
        lambda maps: model(maps | further, training=config["training"]),
        {name: tf.constant(inputs[name]) for name in names.values()},
        upstream or None,
    )
    return {f"out/{name}": output.numpy() for name, output in outputs.items()} | values


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: elements of what is trained, and of what the original declares."""
    config = case.config
    counter = _COUNTS.get(config.get("what", ""))
    if counter is None:
        raise UnknownWord(f"config.what has the unknown value {config.get('what')!r}.")
    return counted(*counter(config))


def counted(variables: Mapping, unused: int) -> dict[str, int]:
    """The counts of a case: trained elements of {name: variable}, and with those never used."""
    in_use = sum(v.shape.num_elements() for v in variables.values() if v.trainable)
    return {"in_use": in_use, "declared": in_use + unused}


def block_model(
    options: Any, channels: int, widths: list, letter: str, has_sizes: bool
) -> tf_keras.Model:
    """The block as a model of {`P2`: map, ...} (or `C2` with laterals), with `sizes` if asked."""
    inputs = {
        f"{letter}{n}": tf_keras.Input([None, None, width], name=f"{letter}{n}")
        for n, width in zip(_LEVELS, widths, strict=True)
    }
    levels = {n: inputs[f"{letter}{n}"] for n in _LEVELS}
    if letter == "C":
        levels = lateral_maps(levels, FeaturePyramid("bfp", channels, options.normalization))
    if has_sizes:
        inputs["sizes"] = tf_keras.Input([2], dtype="int32", name="sizes")
    results = transformer_pyramid(
        levels, channels=channels, options=options, sizes=inputs.get("sizes")
    )
    return tf_keras.Model(inputs, {f"P{n}": x for n, x in results.items()})


def _layer(case, layer, maps, sizes, options=None):
    inputs = case.inputs()
    tensors = {name: tf.constant(inputs[name]) for name in maps}
    training = {"training": case.config["training"]} if "training" in case.config else {}

    def run(tensors):
        given = [tensors[name] for name in maps]
        return layer(given if len(given) > 1 else given[0], **sizes, **training)

    layer.build([tensors[n].shape for n in maps] if len(maps) > 1 else tensors[maps[0]].shape)
    trial = Trial(case, layer_variables(layer), prefix=f"{layer.name}.", options=options)
    y, values = trial.gradients(run, tensors, tf.constant(inputs["dy"]))
    return {"y": y.numpy()} | values


def _sizes(config, names):
    """{our argument: int [B, 2]} of the sizes that a case gives."""
    return {
        ours: tf.constant(config[word], tf.int32) for ours, word in names.items() if word in config
    }


def _leading(counts, length):
    """[I, length], 1 in the leading ones; None where all count."""
    return None if counts is None else tf.sequence_mask(counts, length, tf.float32)


def _attended(config, tensors, masks):
    q, k, v = (tensors[name] for name in "qkv")
    if config["form"] == "mean":
        return mean_attention(q, k, v, masks["k"])
    shares = None
    if config["n_mix"] > 1:
        source = "k" if config["mixture_source"] == "key_mean" else "q"
        shares = mixture_shares(tensors["mix_weight"], tensors[source], masks[source])
    return attention(
        q,
        k,
        v,
        similarity=config["similarity"],
        temperature=config["temperature"],
        mixture=shares,
        key_mask=masks["k"],
        block_entries=_BLOCK_ROWS * q.shape[0] * config["n_mix"] * k.shape[1],
    )


def _count_block(config):
    known = words.BLOCK | {"what": ("fpt_block",), "in_channels": lambda w: len(w) == 4}
    known = {w: known[w] for w in ("what", "preset", "with_norm", "feature_dim", "in_channels")}
    words.check_all(config, known)
    options = words.preset_options(config["preset"], config["with_norm"])
    channels = config["feature_dim"]
    model = block_model(options, channels, config["in_channels"], "C", False)
    # Six rendering transformers.
    unused = 6 * _unused(channels) if config["preset"] == "released_code" else 0
    return variables_by_name(model), unused


def _count_layer(config, layer, shape):
    layer.build(shape)
    return layer_variables(layer)


def _unused(channels):
    """Elements of `conv_reduction` (1x1) and `conv_cat` (1x1 of two maps) of the released code."""
    return 3 * channels**2


def _count_self(config):
    words.check_all(config, _what("layer_self") | {"n_mix": is_count, "d_model": is_count})
    preset = _preset(config).attention
    options = words.dataclasses.replace(preset, mixtures=config["n_mix"])
    layer = words.SelfTransformer(options)
    return _count_layer(config, layer, [None, None, None, config["d_model"]]), 0


def _count_grounding(config):
    further = {"n_mix": is_count} if config.get("variant") == "paper" else {}
    words.check_all(config, _what("layer_grounding") | {"in_channels": is_count} | further)
    options = _preset(config).grounding
    if further:
        options = words.dataclasses.replace(options, mixtures=config["n_mix"])
    shape = [None, None, None, config["in_channels"]]
    return _count_layer(config, words.GroundingTransformer(options), [shape, shape]), 0


def _count_rendering(config):
    words.check_all(config, _what("layer_rendering") | {"channels": is_count})
    shape = [None, None, None, config["channels"]]
    layer = words.RenderingTransformer(config["variant"])
    variables = _count_layer(config, layer, [shape, shape])
    is_released = config["variant"] == "released"
    return variables, _unused(config["channels"]) if is_released else 0


def _what(what):
    return {"what": (what,), "variant": ("released", "paper")}


def _preset(config):
    return words.TRANSFORMER_PYRAMIDS["paper" if config["variant"] == "paper" else "released_code"]


_COUNTS = {
    "fpt_block": _count_block,
    "layer_self": _count_self,
    "layer_grounding": _count_grounding,
    "layer_rendering": _count_rendering,
}
