"""The vocabulary of MaskX R-CNN's cases of single operators, kind by kind."""

from typing import Any

from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import UnknownWord, check, is_count, is_flag, is_number, is_numbers


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_size(value: Any) -> bool:
    """Whether a value is [height, width] in pixels."""
    return isinstance(value, list) and len(value) == 2 and all(map(is_count, value))


def is_text(value: Any) -> bool:
    """Whether a value is a text."""
    return isinstance(value, str)


def are_texts(value: Any) -> bool:
    """Whether a value is a list of texts."""
    return isinstance(value, list) and all(map(is_text, value))


def is_weights(value: Any) -> bool:
    """Whether a value is the four factors of box deltas."""
    return is_numbers(value) and len(value) == 4


def is_range(value: Any) -> bool:
    """Whether a value is two numbers, the lower first."""
    return is_numbers(value) and len(value) == 2 and value[0] <= value[1]


def is_labels(value: Any) -> bool:
    """Whether a value is null or a list of class labels."""
    return value is None or (isinstance(value, list) and all(map(is_count, value)))


_TRANSFER = {
    "input": ("cls", "box", "cls+box", "glove", "random"),
    "layers": (1, 2, 3),
    "activation": ("leaky", "relu"),
    "stop_gradient": is_flag,
    "embedding_dim": is_count,
}
_MLP = (None, "1_layer", "2_layer", "3_layer")


def is_transfer(value: Any) -> bool:
    """Whether a value is null or the words of a transfer function, all of them known and there."""
    if value is None:
        return True
    check(value, _TRANSFER, where="config.transfer")
    optional = set() if value.get("input") in ("glove", "random") else {"embedding_dim"}
    missing = _TRANSFER.keys() - value.keys() - optional
    if missing:
        raise UnknownWord(f'config.transfer lacks the word "{min(missing)}".')
    return True


# The mask outputs alone.
HEAD = {
    "transfer": is_transfer,
    "mlp_branch": _MLP,
    "class_specific_mask": is_flag,
    "classes": is_count,
    "box_head_dim": is_count,
    "mask_dim": is_count,
    "resolution": (14, 28),
    "set_a": is_labels,
    "relu_on_features": is_flag,
}
# Values out of range are the point.
CONFIG_ERRORS = {
    "transfer": lambda value: value is None or _TRANSFER.keys() >= value.keys(),
    "class_agnostic_boxes": is_flag,
    "mlp_branch": lambda value: value is None or is_text(value),
}
# Of whole networks. Those of `NETWORK_DEFAULTS` may be absent; those of `_OF_SOME_NETWORKS` are
# there where another word has a value.
NETWORK = {
    "depth": (50, 101),
    "variant": ("fpn", "c4"),
    "norm": ("affine", "gn"),
    "gn_groups": is_count,
    "groups": is_count,
    "width_per_group": is_count,
    "stride_on_1x1": is_flag,
    "fpn_dim": is_count,
    "box_head": ("2fc", "4conv1fc_gn"),
    "box_head_dim": is_count,
    "box_conv_dim": is_count,
    "mask_head": ("4conv", "share_res5"),
    "mask_dim": is_count,
    "classes": is_count,
    "class_specific_mask": is_flag,
    "transfer": is_transfer,
    "mlp_branch": _MLP,
}
NETWORK_DEFAULTS = {"groups": 1, "width_per_group": 64, "stride_on_1x1": True}
FORWARD = NETWORK | {
    "test_scale": is_count,
    "test_max_size": is_count,
    "pre_nms_top_n": is_count,
    "post_nms_top_n": is_count,
    "canonical_scale": is_number,
    "score_threshold": is_number,
    "nms": is_number,
    "limit": is_count,
    "rpn_sizes": is_numbers,
    "box_order": ("x1,y1,x2,y2",),
}
_OF_FORWARD_ALONE = ("box_order", "rpn_sizes")
TRAINING = {word: rule for word, rule in FORWARD.items() if word not in _OF_FORWARD_ALONE} | {
    "training": ("end_to_end", "stage_wise"),
    "set_a": is_labels,
    "mask_candidates": ("all", "set_a"),
    "train_scale": is_count,
    "train_max_size": is_count,
    "rpn_batch_size": is_count,
    "roi_batch_size": is_count,
    "images_per_batch": is_count,
    "train_pre_nms_top_n": is_count,
    "train_post_nms_top_n": is_count,
    "anchor_start_size": is_number,
    "freeze_at": (2,),
    "sampling": ("spread",),
    "few_negatives": ("all",),
}
_OF_SOME_NETWORKS = {
    "gn_groups": ("norm", "gn"),
    "box_conv_dim": ("box_head", "4conv1fc_gn"),
    "rpn_sizes": ("variant", "c4"),
}

_SPREAD = ("spread",)
WORDS = {
    "detector-anchors": {
        "stride": is_count,
        "sizes": is_numbers,
        "ratios": is_numbers,
        "feature_size": is_size,
    },
    "detector-box_coding": {"weights": is_weights, "image_size": is_size},
    "detector-nms": {"threshold": is_number},
    "detector-roi_align": {
        "resolution": is_count,
        "spatial_scale": is_number,
        "sampling_ratio": is_whole,
    },
    "detector-level_assignment": {
        "canonical_scale": is_number,
        "canonical_level": is_count,
        "min_level": is_count,
        "max_level": is_count,
    },
    "detector-proposals": {
        "training": is_flag,
        "pre_nms_top_n": is_count,
        "post_nms_top_n": is_count,
        "nms": is_number,
        "min_size": is_number,
        "anchor_start_size": is_number,
        "ratios": is_numbers,
        "levels": is_range,
    },
    "detector-rpn_targets": {
        "image_size": is_size,
        "padded_size": is_size,
        "max_size": is_count,
        "anchor_start_size": is_number,
        "batch_size": is_count,
        "fg_fraction": is_number,
        "positive_overlap": is_number,
        "negative_overlap": is_number,
        "few_negatives": ("all",),
        "sampling": _SPREAD,
    },
    "detector-roi_targets": {
        "classes": is_count,
        "batch_size": is_count,
        "fg_fraction": is_number,
        "fg_threshold": is_number,
        "bg_threshold": is_range,
        "weights": is_weights,
        "im_scale": is_number,
        "image_size": is_size,
        "sampling": _SPREAD,
    },
    "detector-mask_targets": {
        "classes": is_count,
        "class_specific": is_flag,
        "set_a": is_labels,
        "mask_candidates": ("all", "set_a"),
        "resolution": is_count,
        "im_scale": is_number,
    },
    "detector-mask_paste": {"image_size": is_size, "threshold": is_number},
    "detector-detections": {
        "classes": is_count,
        "score_threshold": is_number,
        "nms": is_number,
        "limit": is_count,
    },
    "detector-preprocess": {
        "target_size": is_count,
        "max_size": is_count,
        "stride": is_count,
        "means_bgr": lambda value: is_numbers(value) and len(value) == 3,
    },
    "detector-losses": {
        "rpn_batch_size": is_count,
        "images": is_count,
        "rpn_beta": is_number,
        "box_beta": is_number,
    },
    "detector-ground_truth": {"image_size": is_size, "gt_min_area": is_number},
    "detector-schedule": {
        "base_lr": is_number,
        "steps": is_numbers,
        "gamma": is_number,
        "warmup": ("linear",),
        "warmup_iterations": is_whole,
        "warmup_factor": is_number,
        "iterations": is_numbers,
    },
    "detector-optimizer": {
        "momentum": is_number,
        "weight_decay": is_number,
        "learning_rates": is_numbers,
    },
    "vg_surgery": {
        "rows_all": is_count,
        "rows_kept": is_count,
        "width": is_count,
        "extra_blobs": lambda value: value == ["fc7_w"],
        "momentum": ("all five, zeros",),
        "added_before_2": ("conv5_mask_b",),
    },
    "vg_json": {
        "keep_classes": is_count,
        "test_images": is_whole,
        "coco_classes": are_texts,
        "minival_image_ids": is_numbers,
        "annotation_columns": lambda value: True,
    },
    "splits": {"which": ("set", "set_a", "drawn_order"), "split": is_text},
    "ap_subsets": {
        "ground_truth": is_text,
        "results": is_text,
        "metrics": lambda value: value == ["AP", "AP50", "AP75", "APs", "APm", "APl"],
        "absent": (-1,),
    },
}


def words_of(case: Case) -> dict[str, Any]:
    """The config of a case, every word of its kind present and known.

    Raises:
        UnknownWord: a word or value that is not known, or a word that is missing.
    """
    known = WORDS[case.kind]
    check(case.config, known)
    for word in known:
        if word not in case.config:
            raise UnknownWord(f'config lacks the word "{word}".')
    return case.config


def head_words(case: Case, known: dict[str, Any]) -> dict[str, Any]:
    """The config of a case, every word present and known.

    Args:
        case: the case.
        known: {word: rule}, as of `check`.

    Raises:
        UnknownWord: a word or value that is not known, or a word that is missing.
    """
    check(case.config, known)
    for word in known:
        if word not in case.config:
            raise UnknownWord(f'config lacks the word "{word}".')
    return case.config


def network_words(case: Case, known: dict[str, Any]) -> dict[str, Any]:
    """The config of a case of a whole network, words that may be absent filled in.

    Args:
        case: the case.
        known: `NETWORK`, `FORWARD` or `TRAINING`.

    Raises:
        UnknownWord: a word or value that is not known, or a word that is missing.
    """
    check(case.config, known)
    words = NETWORK_DEFAULTS | case.config
    for word in known:
        other, value = _OF_SOME_NETWORKS.get(word, (None, None))
        is_due = other is None or words.get(other) == value
        if is_due and word not in words:
            raise UnknownWord(f'config lacks the word "{word}".')
    return words
