"""A case's network or layer with its weights, and what it makes of the case's inputs."""

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.layers.pyramid_residual import given_samples
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.parity.lfp.words import build, build_layer, check_words
from lfp_tf.parity.words import UnknownWord

# A single layer stands where it would in a network: its name there, and the prefixes of its
# variables' names, the network's and the cases' own.
_PLACES = {
    "pyramid_bottleneck": ("stage1_block1", "group0/block0/", "block/"),
    "prm": ("stem_r1", "stem.r1.", ""),
    "residual": ("stem_r1", "stem.r1.", ""),
}
_TORCH = ("prm", "residual", "hourglass_prm")
_SAMPLES = "samples/"


class Trial:
    """A case's network or layer, weights filled in.

    Args:
        case: whose `weights` are of the original's names.
        known: {word: rule} of its kind.
        further: words of the kind that go with any network or layer.
        arrays: {name: array} in place of the case's weights.
    """

    def __init__(self, case, known, *, further=(), arrays=None):
        check_words(case.config, known, further=further)
        self.config = case.config
        thing = case.config.get("layer") or case.config["network"]
        self.layer, self.long, self.short = _PLACES.get(thing, ("", "", ""))
        self.model = self._wrapped(case) if self.layer else self._network(case)
        self.variables = variables_by_name(self.model)
        self.translation = TRANSLATIONS["pyranet" if thing in _TORCH else "tensorpack"]
        self.options = {"pyramid": thing != "plain_resnet", "head": case.config.get("head")}
        arrays = case.weights() if arrays is None else arrays
        self.names = list(arrays)
        self.report = Report(self.translation.name)
        values = translate(
            {self.long + name.removeprefix(self.short): array for name, array in arrays.items()},
            self.variables,
            translation=self.translation,
            options=self.options,
            report=self.report,
        )
        if self.report.missing or self.report.mismatched or self.report.unused:
            raise LfpError(f"the weights do not fit: {self.report}")
        assign(self.variables, values)

    def outputs(self, inputs: dict) -> Any:
        """All outputs for a case's inputs, with its statistics and its samples of pooling."""
        images = inputs["x"] if self.layer else self.prepared(inputs["image"])
        self._check_size(images.shape)
        training = self.config.get("batch_norm") == "batch"
        with given_samples(self._samples(inputs)):
            return self.model(tf.convert_to_tensor(images), training=training)

    def prepared(self, images: np.ndarray) -> tf.Tensor:
        """BGR images 0..255 as the network takes them; the hourglass' come prepared."""
        if "preprocess" not in self.config:
            return images
        # The numbers of RGB networks in the other order.
        return preprocess(images[..., ::-1], "torch")[..., ::-1]

    def their_name(self, name: str) -> str:
        """What the case calls a variable of ours."""
        theirs: Any = self.translation.their_name(name, self.options)
        return self.short + theirs.removeprefix(self.long)

    def theirs(self, arrays: dict, prefix: str = "") -> dict:
        """{`prefix` + the case's name: array in its layout} of {our name: array}."""
        return {
            prefix + self.their_name(name): self.translation.to_theirs(array, name)
            for name, array in arrays.items()
        }

    def _network(self, case):
        """The network for images of the case's size: a known size makes a smaller graph."""
        return build(case.config, tuple(case.entry["inputs"]["image"]["shape"][1:]))

    def _wrapped(self, case):
        """A model of the single layer."""
        x = tf_keras.Input((None, None, case.entry["inputs"]["x"]["shape"][-1]), name="x")
        return tf_keras.Model(x, build_layer(case.config, self.layer)(x))

    def _samples(self, inputs):
        """{our layer: its levels' samples} of the inputs `samples/PATH.LEVEL`."""
        layers = {self.layer: self.layer} if self.layer else self._layers_by_path()
        values, names = {}, [name for name in inputs if name.startswith(_SAMPLES)]
        is_given = self.config.get("fractional_pooling") == "given samples"
        # Variant D pools nothing.
        if bool(names) != is_given and self.config.get("variant") != "D":
            raise UnknownWord("config.fractional_pooling does not fit the case's inputs.")
        for name in names:
            path, _, level = name.removeprefix(_SAMPLES).rpartition(".")
            levels = values.setdefault(layers[path or self.layer], {})
            levels[int(level)] = tf.constant(inputs[name])
        return {
            layer: [levels[level] for level in sorted(levels)] for layer, levels in values.items()
        }

    def _check_size(self, shape):
        """Sizes follow from the input here; a case that says another one is not understood."""
        for word in ("resolution", "input_size"):
            if self.config.get(word, shape[1]) != shape[1]:
                raise UnknownWord(f"config.{word} is not the side of the case's input.")

    def _layers_by_path(self):
        """{the case's path of a module: our layer}."""
        values = {}
        for name in self.variables:
            layer, _, rest = name.partition("/")
            if "/" in rest:
                values[self.their_name(name).rsplit(".", 2)[0]] = layer
        return values
