"""Cases of class vectors: the authors' files, words that are checked, what is not run."""

import pathlib

import numpy as np
import pytest
from golden_cases import cases, changed

from lfp_tf.cli.main import main
from lfp_tf.parity.maskx import embeddings
from lfp_tf.parity.runner import run_case
from lfp_tf.parity.words import UnknownWord

FOLDER = pathlib.Path(__file__).parents[1] / "golden/maskx"
CASES = {case.id: case for case in cases(FOLDER) if case.kind.startswith("embeddings")}


@pytest.fixture(autouse=True)
def without_files(monkeypatch):
    monkeypatch.delenv(embeddings.VARIABLE, raising=False)


def test_without_the_authors_files_their_cases_are_not_run_and_counted_apart(capsys):
    assert main(["parity", str(FOLDER), "--match=embeddings"]) == 0
    said = capsys.readouterr().out
    assert "not run maskx/embeddings-published-glove" in said
    needs = "needs the authors' file fixed_embedding_mat_coco_glove.npy; set LFP_TF_AUTHORS_EMBED"
    assert needs in said
    assert said.endswith("2 of 2 cases hold, 2 not run\n")


def test_a_table_of_somebody_else_fails(tmp_path, monkeypatch):
    monkeypatch.setenv(embeddings.VARIABLE, str(tmp_path))
    case = CASES["embeddings-published-glove"]
    assert (
        "fixed_embedding_mat_coco_glove.npy does not exist" in run_case("maskx", case).problems[0]
    )
    np.save(tmp_path / "fixed_embedding_mat_coco_glove.npy", np.ones((80, 300), np.float32))
    outcome = run_case("maskx", case)
    assert not outcome.passed and not outcome.needs and len(outcome.problems) == 2


def test_the_file_that_the_fingerprint_is_of_passes(tmp_path, monkeypatch):
    """What is compared is the table with background in front, in float32."""
    table = np.random.RandomState(0).rand(80, 300)
    np.save(tmp_path / "fixed_embedding_mat_coco_randn_0.npy", table)
    monkeypatch.setenv(embeddings.VARIABLE, str(tmp_path))
    results = embeddings.published(CASES["embeddings-published-randn_0"])
    norms = np.linalg.norm(table, axis=1)
    np.testing.assert_allclose(results["row_norms"], [0, *norms], rtol=1e-5)
    assert len(results["sha256_float32_c_order"]) == 64


@pytest.mark.parametrize(
    ("case", "words", "message"),
    [
        ("embeddings-glove-tiny", {"fallback": {}}, 'unknown word "fallback"'),
        ("embeddings-glove-tiny", {"kind": "word2vec"}, "kind has the unknown value"),
        ("embeddings-random-0", {"seed": -1}, "seed has the unknown value"),
        ("embeddings-published-glove", {"name": "v_randn_1"}, "name has the unknown value"),
    ],
)
def test_words_are_checked(case, words, message):
    run = embeddings.published if "published" in case else embeddings.tables
    with pytest.raises(UnknownWord, match=message):
        run(changed(CASES[case], **words))


def test_another_seed_fails():
    case = changed(CASES["embeddings-random-0"], seed=1)
    assert "table: differs by" in run_case("maskx", case).problems[0]
