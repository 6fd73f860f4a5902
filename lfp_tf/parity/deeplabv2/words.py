"""The vocabulary of DeepLab's networks and what it means for ours."""

import re
from typing import Any

import tensorflow as tf
import tf_keras

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.names.deeplab import WRAPPERS, their_name
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.parity.words import check, is_count, is_number, is_numbers

NETWORK = {
    "model": ("deeplabv2", "deeplabv1", "deeplabv3", "deeplabv3plus", "resnet"),
    "revision": ("newest", "seed"),
    "n_blocks": is_numbers,
    "num_classes": is_count,
    "msc_scales": lambda value: value is None or is_numbers(value),
    "msc_resize": ("ratio", "factor", "align_corners"),
    "atrous_rates": is_numbers,
    "output_stride": (16, 8),
    "multi_grids": is_numbers,
    "width": is_number,
    "input": ("bgr_0_255",),
}
_STEM_CHANNELS = 64
# The first revision's word for a layer that the newest calls otherwise.
_SEED_WORDS = ((".shortcut.", ".proj."), ("aspp.c", "aspp.stages.c"))


def network_options(config: dict) -> tuple[str, dict]:
    """(network, options of its builder) of a case's words."""
    options = {
        "classes": config["num_classes"],
        "blocks": config["n_blocks"],
        "width": config.get("width", _STEM_CHANNELS) / _STEM_CHANNELS,
    }
    if config["model"] == "resnet":
        return "resnet", options | {
            "stem": "plain",
            "stride_in": "1x1",
            "pool_rounding": "ceil",
            "bn_frozen": True,
        }
    for word, option in (
        ("atrous_rates", "rates"),
        ("output_stride", "output_stride"),
        ("multi_grids", "multi_grids"),
    ):
        if word in config:
            options[option] = config[word]
    if config["msc_scales"]:
        options |= {"scales": config["msc_scales"], "scale_resize": config["msc_resize"]}
    return config["model"], options | {"bn_frozen": True}


def build(config: dict) -> tf_keras.Model:
    """The network of a case, weights as drawn."""
    network, options = network_options(config)
    return build_network(network, **options)


class Trial:
    """A case's network with its weights.

    Args:
        case: whose `weights` are of the original's names.
        words: all that its `config` may say.
        arrays: {name: array} in place of the case's weights.
    """

    def __init__(self, case, words=NETWORK, *, arrays=None, translation="deeplab_torch"):
        check(case.config, words)
        self.config = case.config
        self.model = build(case.config)
        self.variables = variables_by_name(self.model)
        arrays = case.weights() if arrays is None else arrays
        self.prefix = next((p for p in WRAPPERS if all(n.startswith(p) for n in arrays)), "")
        report = Report(translation)
        values = translate(
            arrays,
            self.variables,
            translation=TRANSLATIONS[translation],
            options={},
            report=report,
        )
        if report.missing or report.mismatched or report.unused:
            raise LfpError(f"the weights do not fit: {report}")
        assign(self.variables, values)

    @tf.function(reduce_retracing=True, autograph=False)
    @tf.autograph.experimental.do_not_convert
    def outputs(self, images: tf.Tensor) -> dict:
        """All outputs in evaluation mode of BGR images [B, H, W, 3]."""
        return self.model(preprocess(images[..., ::-1], "deeplab"), training=False)

    def their_name(self, name: str) -> str:
        """What the case's revision calls a variable of ours, prefix and all."""
        return self.prefix + revision_name(name, self.config["revision"])


def revision_name(name: str, revision: str) -> str:
    """A variable of ours as one of the two revisions calls it, without a prefix."""
    theirs: Any = their_name(name)
    if revision == "seed":
        for newest, seed in _SEED_WORDS:
            theirs = re.sub(f"^{re.escape(newest)}|{re.escape(newest)}", seed, theirs, count=1)
    return theirs
