"""COCO-Stuff 10k with its 171 annotated classes alone, numbered 0 to 170."""

import functools

from lfp_tf.data.datasets.cocostuff10k import LAYOUT, NEEDS_SOURCE, OPTIONS, SPLITS, plan_of
from lfp_tf.data.datasets.label_maps import cocostuff_171, cocostuff_ids, cocostuff_supervised
from lfp_tf.data.datasets.matlab_labels import read_matlab_labels
from lfp_tf.data.segmentation.records import LabelRule, values_problem

__all__ = ["LAYOUT", "NAME", "NEEDS_SOURCE", "OPTIONS", "SPLITS", "SUMMARY", "plan"]

NAME = "cocostuff10k_171"
SUMMARY = "the same without the eleven classes that no image has: 171 classes"


def plan(source):
    """The `Plan`; as `cocostuff10k.plan`, then the annotated classes are numbered through."""
    allowed = frozenset({0} | {label + 1 for label in cocostuff_supervised()})
    problem = functools.partial(values_problem, allowed=allowed, hint=_hint)
    return plan_of(
        source, NAME, LabelRule(problem, read=read_matlab_labels, to_classes=_to_classes)
    )


def _hint(wrong, present):
    if min(wrong) > 0 and max(wrong) < 183:
        return "Classes that no published image has; cocostuff10k keeps them."
    return ""


def _to_classes(values):
    return cocostuff_171(cocostuff_ids(values))
