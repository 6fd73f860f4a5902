"""Cases of the dense CRF on given logits."""

from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.ops.resize import resize_opencv
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_count, is_number, is_numbers
from lfp_tf.tasks.segmentation.crf.crf import CrfOptions, refine

WORDS = {
    "iterations": is_count,
    "pos_w": is_number,
    "pos_xy_std": is_number,
    "bi_w": is_number,
    "bi_xy_std": is_number,
    "bi_rgb_std": is_number,
    "guide": ("original", "wrapped_mean_subtracted"),
    "mean_bgr": is_numbers,
}


def crf(case: Case) -> dict[str, Any]:
    """`crf`: probabilities after the mean field, and their labels."""
    check(case.config, WORDS)
    words, inputs = dict(case.config), case.inputs()
    mean_rgb = tuple(words.pop("mean_bgr")[::-1])
    image = np.ascontiguousarray(inputs["image"][..., ::-1].astype(np.uint8))
    logits = resize_opencv(tf.constant(inputs["logits"])[None], size=image.shape[:2])[0]
    probabilities = refine(
        tf.nn.softmax(logits).numpy(), image, CrfOptions(**words, mean_rgb=mean_rgb)
    )
    return {"probabilities": probabilities, "labels": np.argmax(probabilities, -1)}
