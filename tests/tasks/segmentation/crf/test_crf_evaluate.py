"""`lfp-tf evaluate --crf`: the scores after and before the CRF from one pass over the images."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny

from lfp_tf.cli.main import main
from lfp_tf.data.records import record_index
from lfp_tf.data.segmentation.pipeline import evaluation_batches
from lfp_tf.evaluation.confusion import confusion_matrix
from lfp_tf.options import Shares
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, CrfOptions, refine
from lfp_tf.tasks.segmentation.crf.options import Refinement
from lfp_tf.tasks.segmentation.evaluation import evaluate
from lfp_tf.tasks.segmentation.prediction import predictor
from lfp_tf.tasks.segmentation.protocols import Protocol


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return tiny.make_records(tmp_path_factory.mktemp("records") / "scenes", train=1, val=3)


def by_hand(model, records, protocol, options):
    """The confusion matrix after the CRF."""
    predict, confusion = predictor(model, protocol), np.zeros((8, 8), np.int64)
    batches = evaluation_batches(
        record_index(records, "val"), shares=Shares(1), mean=(0, 0, 0), same_size=False
    )
    for batch in batches:
        image = tf.cast(batch["images"][0], tf.uint8)
        prediction = predict(image)
        values = prediction.get("probabilities")
        values = tf.nn.softmax(prediction["scores"]) if values is None else values
        labels = refine(values.numpy(), image.numpy(), options).argmax(axis=2)
        confusion += confusion_matrix(
            batch["labels"][0], labels, num_classes=8, ignore_label=255
        ).numpy()
    return confusion


@pytest.mark.parametrize(
    "protocol", [Protocol("whole"), Protocol("tf1_whole", min_size=(40, 48))], ids=lambda p: p.name
)
def test_probabilities_of_every_protocol_are_refined(network, records, protocol):
    model, _ = network
    options = CrfOptions(iterations=3, bi_xy_std=10, bi_rgb_std=20)
    plain = evaluate(model, records, protocol=protocol)
    evaluated = evaluate(model, records, protocol=protocol, crf=Refinement(options))
    np.testing.assert_array_equal(evaluated.without_crf, plain.confusion)
    np.testing.assert_array_equal(evaluated.confusion, by_hand(model, records, protocol, options))
    assert (evaluated.confusion != evaluated.without_crf).any()
    assert [e["source"] for e in evaluated.images] == [e["source"] for e in plain.images]
    assert plain.crf is plain.without_crf is None


def test_the_command_tells_both(network, records, tmp_path, capsys):
    model, folder = network
    words = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={folder}", "--crf"]
    words += ["--crf_preset=seed", "--crf_processes=2", f"--data_dir={records}"]
    assert main([*words, f"--out={tmp_path}"]) == 0
    said = capsys.readouterr()
    facts = json.loads((tmp_path / "metrics.json").read_text())
    plain = evaluate(model, records, protocol=Protocol("whole"))
    expected = evaluate(model, records, protocol=Protocol("whole"), crf=Refinement(PRESETS["seed"]))
    np.testing.assert_array_equal(facts["confusion"], expected.confusion)
    np.testing.assert_array_equal(facts["without_crf"]["confusion"], plain.confusion)
    assert facts["images"] == expected.images
    options = facts["protocol"]["crf"]
    assert (options["pos_xy_std"], options["bi_rgb_std"], options["guide"]) == (3, 5, "original")
    for scores, start in (
        (facts["scores"]["all"], "mean IoU"),
        (facts["without_crf"]["scores"]["all"], "without CRF: mean IoU"),
    ):
        assert f"\n{start} {100 * scores['mIoU']:.2f}, mean accuracy" in said.out
    assert "then the dense CRF in 2 processes beside it" in said.err


def test_without_the_flag_metrics_say_nothing_of_it(network, records, tmp_path):
    _, folder = network
    words = ["evaluate", "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, f"--data_dir={records}", f"--out={tmp_path}"]) == 0
    facts = json.loads((tmp_path / "metrics.json").read_text())
    assert "without_crf" not in facts and "crf" not in facts["protocol"]
