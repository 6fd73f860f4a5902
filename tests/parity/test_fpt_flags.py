"""FPT's schedules, flags, heads and segmentation: words that are not known."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.fpt.flags import scaled
from lfp_tf.parity.fpt.kinds import KINDS
from lfp_tf.parity.words import UnknownWord
from lfp_tf.recipes.config import of_experiment

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "fpt"
CASES = {case.id: case for case in cases(GOLDEN)}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("schedule-det", {"recipe": "det_2fc"}, "recipe has the unknown value 'det_2fc'"),
        ("schedule-det", {"warm_up_method": "exp"}, "warm_up_method has the unknown value"),
        ("schedule-det", {"flags": {"nw": 4}}, 'unknown word "nw"'),
        ("schedule-det", {"flags": {"bs": 12, "gpus": 8}}, "8 GPUs do not divide a batch of 12"),
        ("flags-det", {"argv": ["--nw", "4"]}, 'argv has the unknown word "--nw"'),
        ("flags-det", {"argv": ["--bs"]}, "ends without the value of --bs"),
        ("head-2mlp-gn", {"head": "roi_2mlp_head"}, "head has the unknown value"),
        ("head-mask-adp", {"with_outputs": True, "num_classes": 3}, "does not fit config.head"),
        ("seg-ufp", {"gt": {"mode": "dot"}}, "gt.mode has the unknown value 'dot'"),
        ("count-seg-ufp", {"depth": 50}, 'unknown word "depth"'),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


def test_half_the_batch_halves_the_rate_and_doubles_the_steps():
    params = of_experiment("fpt_fasterrcnn_resnet50_coco")
    one = scaled(params, batch=8, gpus=8, accumulated=1)
    assert (one.rate, one.steps, one.last) == (0.025, [0, 160000, 200000], 240000)
    assert one.collect_scale == 0.5
