"""The mean IoU of a training's validation, beside the scores of an evaluation."""

import numpy as np
import pytest

from lfp_tf.tasks.segmentation.metrics import scores
from lfp_tf.tasks.segmentation.training_metrics import MeanIoU

LABELS = np.array([[[0, 1, 2, 2], [255, 1, 1, 0]]])
PREDICTIONS = np.array([[[1, 1, 2, 0], [0, 1, 2, 0]]])
# Truth by row: 0 is found as 0 and 1; 1 twice as 1, once as 2; 2 as 2 and 0.
CONFUSION = np.array([[1, 1, 0, 0], [0, 2, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("definition", ["all", "present", "truth"])
@pytest.mark.parametrize("ignored", [[], [0], [2]])
def test_the_metric_is_the_score(definition, ignored):
    metric = MeanIoU(num_classes=4, definition=definition, ignore_truth=ignored)
    metric.update_state(LABELS, PREDICTIONS)
    confusion = CONFUSION.copy()
    confusion[ignored] = 0
    np.testing.assert_allclose(metric.result(), scores(confusion, definition)["mIoU"], rtol=1e-6)
