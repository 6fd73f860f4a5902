"""COCO-Stuff 164k with its 171 annotated classes alone, numbered 0 to 170."""

import functools

from lfp_tf.data.datasets.cocostuff164k import (
    LAYOUT,
    NEEDS_SOURCE,
    OPTIONS,
    SPLITS,
    hint,
    plan_of,
)
from lfp_tf.data.datasets.label_maps import cocostuff_171, cocostuff_supervised
from lfp_tf.data.segmentation.records import LabelRule, values_problem

__all__ = ["LAYOUT", "NAME", "NEEDS_SOURCE", "OPTIONS", "SPLITS", "SUMMARY", "plan"]

NAME = "cocostuff164k_171"
SUMMARY = "the same without the eleven classes that no image has: 171 classes"


def plan(source):
    """The `Plan`; as `cocostuff164k.plan`, then the annotated classes are numbered through."""
    allowed = frozenset(cocostuff_supervised()) | {255}
    problem = functools.partial(values_problem, allowed=allowed, hint=_hint)
    return plan_of(source, NAME, LabelRule(problem, to_classes=cocostuff_171))


def _hint(wrong, present):
    if max(wrong) < 182:
        return "Classes that no published image has; cocostuff164k keeps them."
    return hint(wrong, present)
