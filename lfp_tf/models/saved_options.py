"""Groups of options as the plain values that a saved Keras model holds, and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lfp_tf.options import (
    BACKBONES,
    Anchors,
    Conventions,
    FeaturePyramid,
    Inference,
    Norm,
    Options,
    RoIHeads,
    Transformer,
    WeightTransfer,
)

# By the arguments of networks that have them.
_GROUPS: dict[str, type[Options]] = {
    "pyramid": FeaturePyramid,
    "transformer": Transformer,
    "anchors": Anchors,
    "heads": RoIHeads,
    "transfer": WeightTransfer,
    "inference": Inference,
    "conventions": Conventions,
    "norm": Norm,
}


def plain_options(groups: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """{argument: {option: value}} of {argument: `Options`}; a backbone tells its kind, too."""
    kinds = {kind: name for name, kind in BACKBONES.items()}
    plain = {name: dataclasses.asdict(group) for name, group in groups.items()}
    plain["backbone"]["kind"] = kinds[type(groups["backbone"])]
    return plain


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a network of which some are groups in the form of `plain_options`."""
    values = {name: _value(value) for name, value in config.items()}
    backbone = values["backbone"]
    kind = BACKBONES[backbone.pop("kind")]
    groups = {name: _GROUPS[name](**value) for name, value in values.items() if name in _GROUPS}
    return values | groups | {"backbone": kind(**backbone)}


def _value(value: Any) -> Any:
    """A saved value as it was: JSON knows no tuples."""
    if isinstance(value, Mapping):
        return {name: _value(item) for name, item in value.items()}
    return tuple(value) if isinstance(value, list) else value
