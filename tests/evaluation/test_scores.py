import pathlib

import numpy as np
import pytest
from golden_cases import cases

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.scores import confusion_matrix, confusion_matrix_numpy, scores

CASES = {
    case.id: case
    for case in cases(pathlib.Path(__file__).parents[1] / "golden" / "pspnet")
    if case.kind == "metrics"
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [confusion_matrix, confusion_matrix_numpy])
def test_golden_case(name, count):
    case = CASES[name]
    words, inputs = case.config, case.inputs()
    offset = words["label_offset"]
    confusion = np.asarray(
        count(
            inputs["labels"],
            inputs["predictions"] + offset,
            num_classes=words["classes"] + offset,
            ignore_label=words["ignore_label"],
        )
    )
    got = scores(confusion, words["definition"])
    assert case.problems(got | {"confusion": confusion}) == []
