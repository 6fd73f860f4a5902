"""Class rows that are cut and put back: by hand, there and back again, and what is refused."""

import numpy as np
import pytest

from lfp_tf.checkpoints.surgery import num_classes, with_classes
from lfp_tf.errors import LfpError

FILE = "detector.pkl"


def detector(classes=4, units=3, **more):
    """Blobs whose rows count from 0."""
    rows = np.arange(classes + 1, dtype=np.float32)
    blobs = {
        "fc7_w": np.ones((units, units), np.float32),
        "cls_score_w": np.repeat(rows[:, None], units, axis=1),
        "cls_score_b": rows,
        "bbox_pred_w": np.repeat(np.arange(4 * len(rows), dtype=np.float32)[:, None], units, 1),
        "bbox_pred_b": np.arange(4 * len(rows), dtype=np.float32),
    }
    momentum = {f"{name}_momentum": np.zeros_like(array) for name, array in blobs.items()}
    return blobs | momentum | more


def test_the_first_classes_stay_with_background_and_all_rows_are_kept():
    blobs = detector()
    cut = with_classes(blobs, 2, file=FILE)
    assert cut["cls_score_b"].tolist() == [0, 1, 2]
    assert cut["bbox_pred_b"].tolist() == list(range(12))
    assert cut["cls_score_w"].shape == (3, 3) and cut["bbox_pred_w"].shape == (12, 3)
    assert cut["cls_score_w_jcvbackup"] is blobs["cls_score_w"]
    kept = {name for name in cut if name.endswith("_momentum")}
    assert kept == {"fc7_w_momentum"} and num_classes(cut, file=FILE) == 2
    assert len(blobs["cls_score_b"]) == 5


def test_what_was_cut_comes_back_beside_what_was_learnt_since():
    blobs = detector()
    cut = with_classes(blobs, 2, file=FILE)
    learnt = cut | {"conv5_mask_b": np.ones(2), "cls_score_b_momentum": np.zeros(3)}
    whole = with_classes(learnt, 4, file=FILE)
    for name in ("cls_score_w", "cls_score_b", "bbox_pred_w", "bbox_pred_b"):
        np.testing.assert_array_equal(whole[name], blobs[name])
        assert f"{name}_jcvbackup" in whole and f"{name}_momentum" not in whole
    assert whole["conv5_mask_b"].tolist() == [1, 1] and "fc7_w_momentum" in whole


def test_a_predicted_layer_of_masks_and_one_for_all_classes_may_stand():
    one = np.ones((1, 2, 1, 1), np.float32)
    assert with_classes(detector(mask_fcn_logits_w=one), 1, file=FILE)["mask_fcn_logits_w"] is one


def without(name):
    return {key: array for key, array in detector().items() if key != name}


@pytest.mark.parametrize(
    ("blobs", "classes", "message"),
    [
        (detector(), 4, "rows of 4 classes already; there is nothing to change"),
        (detector(), 9, r"keeps none of others \(.._jcvbackup\); give the file .* one of 9"),
        (detector(), 0, "cannot be cut to 0 classes"),
        (with_classes(detector(), 2, file=FILE), 9, "keeps rows of 4 classes .*, not of 9; give 4"),
        (without("bbox_pred_b"), 2, "lacks bbox_pred_b; give a whole detector"),
        (detector(bbox_pred_b=np.zeros(8)), 2, r"bbox_pred_b of shape \[8\], but 5 rows .* \[20\]"),
        (detector(cls_score_b=np.zeros(4)), 2, r"cls_score_b of shape \[4\], but 5 rows"),
        (detector(bbox_pred_w=np.zeros((20, 2))), 2, r"bbox_pred_w of shape .* need \[20, 3\]"),
        (detector(cls_score_w=np.zeros(5)), 2, r"cls_score_w of shape \[5\]"),
        (detector(mask_fcn_logits_w=np.ones((5, 2, 1, 1))), 2, "a row for each class .*: 5"),
    ],
)
def test_files_that_cannot_be_changed_are_refused(blobs, classes, message):
    with pytest.raises(LfpError, match=f"^detector.pkl .*{message}"):
        with_classes(blobs, classes, file=FILE)


def test_a_backup_that_lost_a_blob_is_refused():
    cut = with_classes(detector(), 2, file=FILE)
    del cut["bbox_pred_w_jcvbackup"]
    with pytest.raises(LfpError, match="lacks bbox_pred_w_jcvbackup"):
        with_classes(cut, 4, file=FILE)
