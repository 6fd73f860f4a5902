import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.detection.paste import paste_masks

cv2 = pytest.importorskip("cv2")


def pasted_by_opencv(masks, boxes, size, threshold=0.5):
    """Detectron's lines with OpenCV's resize."""
    height, width = size
    side = masks.shape[1]
    results = []
    for mask, box in zip(masks, boxes.astype("f"), strict=True):
        ringed = np.zeros((side + 2, side + 2), "f")
        ringed[1:-1, 1:-1] = mask
        half = (box[2:] - box[:2]) * np.float32(0.5) * np.float32((side + 2) / side)
        centre = (box[2:] + box[:2]) * np.float32(0.5)
        x1, y1 = (centre - half).astype(np.int32)
        x2, y2 = (centre + half).astype(np.int32)
        own = cv2.resize(ringed, (max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)))
        result = np.zeros(size, bool)
        left, top = max(x1, 0), max(y1, 0)
        right, bottom = min(x2 + 1, width), min(y2 + 1, height)
        part = own[top - y1 : bottom - y1, left - x1 : right - x1] > threshold
        result[top:bottom, left:right] = part
        results.append(result)
    return np.array(results)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("threshold", [0.5, 0.3])
def test_masks_stand_where_opencv_puts_them(seed, threshold):
    rng = np.random.RandomState(seed)
    corners = rng.uniform(-10, 50, (12, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.1, 60, (12, 2))], 1)
    boxes = np.maximum(boxes, [-20, -20, 0, 0]).astype("f")
    masks = rng.uniform(0, 1, (12, 28, 28)).astype("f")
    result = paste_masks(masks, boxes, (60, 70), threshold=threshold).numpy()
    expected = pasted_by_opencv(masks, boxes, (60, 70), threshold)
    # OpenCV's vector code rounds in another order: a pixel at the threshold may differ.
    assert np.mean(result != expected) < 2e-4
    assert 0.05 < expected.mean() < 0.9


def test_boxes_outside_of_the_image_and_none_at_all():
    masks = tf.ones([2, 28, 28])
    boxes = tf.constant([[-50.0, -50.0, -40.0, -40.0], [90.0, 5.0, 99.0, 9.0]])
    assert not paste_masks(masks, boxes, (20, 30)).numpy().any()
    assert paste_masks(masks[:0], boxes[:0], (20, 30)).shape == (0, 20, 30)


def test_a_full_mask_fills_its_box_also_at_an_unknown_size():
    masks, boxes = np.ones((1, 28, 28), "f"), np.array([[4.0, 6.0, 31.0, 19.0]], "f")
    paste = tf.function(lambda height, width: paste_masks(masks, boxes, (height, width)))
    result = paste(tf.constant(30), tf.constant(40)).numpy()
    np.testing.assert_array_equal(result, pasted_by_opencv(masks, boxes, (30, 40)))
    rows, columns = np.nonzero(result[0])
    # No pixel is added to the sides, and the grown box is cut towards zero.
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (6, 18, 4, 30)
