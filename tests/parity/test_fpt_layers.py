"""Words of the Feature Pyramid Transformer that are not known; cases run in `test_golden.py`."""

import copy
import pathlib

import pytest
from golden_cases import Case, cases, changed

from lfp_tf.parity.fpt.kinds import KINDS
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "fpt"
CASES = {case.id: case for case in cases(GOLDEN)}


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("self-paper", {"depth": 3}, 'unknown word "depth"'),
        ("self-paper", {"similarity": "cosine"}, "similarity has the unknown value 'cosine'"),
        ("self-paper", {"attention_dropout": 0.1}, "attention_dropout has the unknown value 0.1"),
        ("self-paper-mask", {"valid_sizes": [3, 4]}, "valid_sizes has the unknown value"),
        ("ground-paper", {"mode": "dot"}, "mode has the unknown value 'dot'"),
        ("ground-paper", {"square_size": 4}, "square_size has the unknown value 4"),
        ("ground-released-dot", {"n_mix": 2}, 'unknown word "n_mix"'),
        ("ground-released-dot", {"variant": "stem"}, "variant has the unknown value 'stem'"),
        ("ground-local-released", {"bias": True}, "bias has the unknown value True"),
        ("ground-local-released", {"padding": 1}, "padding does not keep the size"),
        ("render-paper", {"stride": 3}, "stride has the unknown value 3"),
        ("chunk-dot", {"form": "sum"}, "form has the unknown value 'sum'"),
        ("dropblock-3", {"training": False}, "training has the unknown value False"),
        ("block-paper", {"rt": {"stride": "2"}}, "rt.stride has the unknown value '2'"),
        ("block-released", {"gt": {"mode": "dot", "n_mix": 2}}, "that mode dot does not have"),
        ("block-paper", {"mask_padding": True}, "mask_padding does not fit"),
        ("block-paper-gn", {"in_channels": [8, 8, 8, 8]}, "in_channels does not fit"),
        ("count-self-paper", {"what": "layer_cross"}, "what has the unknown value 'layer_cross'"),
    ],
)
def test_what_is_not_known_is_a_failure_that_names_it(name, words, message):
    case = changed(CASES[name], **words)
    with pytest.raises(UnknownWord) as caught:
        KINDS[case.kind](case)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["self-paper", "chunk-dot", "render-paper", "block-paper"])
def test_a_word_that_is_missing_is_a_failure_that_names_it(name):
    entry = copy.deepcopy(CASES[name].entry)
    word = next(iter(entry["config"]))
    del entry["config"][word]
    with pytest.raises(UnknownWord, match=f'config lacks the word "{word}"'):
        KINDS[CASES[name].kind](Case(entry, CASES[name].folder))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("self-released", {"temperature": "none"}),
        ("self-released", {"mixture_source": "key_mean"}),
        ("ground-released-dot", {"mode": "embedded"}),
        ("ground-paper-local", {"square_size": 3}),
        ("chunk-dot", {"similarity": "euclidean"}),
        ("dropblock-4", {"block_size": 5}),
    ],
)
def test_another_value_does_not_hold(name, words):
    case = changed(CASES[name], **words)
    assert any("differs by" in problem for problem in case.problems(KINDS[case.kind](case)))
