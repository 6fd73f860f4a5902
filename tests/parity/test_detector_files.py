"""Cases of files: unknown words, other files, other numbers."""

import pathlib

import pytest
from golden_cases import cases, changed

from lfp_tf.parity.fpt import files as fpt
from lfp_tf.parity.maskx import files as maskx
from lfp_tf.parity.words import UnknownWord

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
FPT = {case.id: case for case in cases(GOLDEN / "fpt") if case.kind == "checkpoint"}
MASKX = {case.id: case for case in cases(GOLDEN / "maskx") if case.kind == "checkpoint"}


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("ckpt-pkl-flat", {"format": "zip"}),
        ("ckpt-pkl-flat", {"fold_eps": 1e-5}),
        ("ckpt-pth-caffe", {"fold_eps": 1e-3}),
        ("ckpt-pth-caffe", {"norm": "group_norm"}),
        ("ckpt-pth-training", {"preset": "paper"}),
    ],
)
def test_words_that_the_kind_does_not_have_are_refused(case, words):
    with pytest.raises(UnknownWord):
        fpt.checkpoint(changed(FPT[case], **words))


def test_maskx_words_are_checked():
    with pytest.raises(UnknownWord, match="protocol"):
        maskx.checkpoint(changed(MASKX["checkpoint-tiny"], protocol=2))


def test_affine_and_group_norms_are_other_variables():
    problems = FPT["ckpt-pkl-gn"].problems(fpt.checkpoint(changed(FPT["ckpt-pkl-flat"])))
    assert any("names" in problem for problem in problems)


def test_a_file_that_is_read_is_not_refused():
    evil = MASKX["checkpoint-tiny-evil"]
    case = changed(evil, file=MASKX["checkpoint-tiny"].config["file"])
    assert evil.problems(maskx.checkpoint(evil)) == []
    assert evil.problems(maskx.checkpoint(case)) == ["refused: False is not True"]
