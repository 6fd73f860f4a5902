"""Tables of class vectors: means of words by hand, both forms of `.npy`, and what is refused."""

import numpy as np
import pytest

from lfp_tf.checkpoints.embeddings import (
    class_words,
    embedding_table,
    glove_table,
    random_table,
    seed_of,
)
from lfp_tf.errors import LfpError

GLOVE = "red 1 2 3\n. . . 9 9 9\nlight 3 4 7\nlight 0 0 0\ncar -1 0.5 2e-1\n2 5 5 5\n"


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(GLOVE)
    return path


def test_a_row_is_the_mean_of_its_words_and_background_is_zero(glove):
    table = glove_table(glove, ["Red light", "car", "light_car-2"], 3)
    np.testing.assert_allclose(
        table, [[0, 0, 0], [2, 3, 5], [-1, 0.5, 0.2], [7 / 3, 9.5 / 3, 12.2 / 3]], rtol=1e-6
    )
    assert table.dtype == np.float32


def test_of_a_repeated_word_the_first_line_counts(glove):
    assert glove_table(glove, ["light"], 3)[1].tolist() == [3, 4, 7]


def test_a_token_of_several_words_is_no_word_of_a_name(tmp_path):
    (tmp_path / "a.txt").write_text("red 1 2 3\ncar at 7 7 7\ncar 4 5 6\n")
    assert glove_table(tmp_path / "a.txt", ["car"], 3)[1].tolist() == [4, 5, 6]


def test_synsets_are_read_without_their_ends():
    assert class_words("hand_blower.n.01") == class_words("hand_blower.n.01.coco")
    assert class_words("St. Bernard") == ["st.", "bernard"]


def test_words_that_are_not_there_are_named_with_their_classes(glove):
    with pytest.raises(LfpError) as caught:
        embedding_table(str(glove), ["red", "traffic light", "hot dog"], dim=3)
    text = str(caught.value)
    assert "glove.txt has no vector of 3 words" in text
    assert '"traffic" of the class "traffic light", "hot" of the class "hot dog"' in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2 3\nred 1 x 3\n", 'line 2: behind "red" there must be 3 finite numbers'),
        ("a 1 2 3\nred 1 2\n", 'line 2: behind "red" there must be 3 finite numbers'),
        ("a 1 2 3\nb 1 2 3\nred 1 nan 3\n", 'line 3: behind "red"'),
        ("red 1 2\n", "line 1 has 2 numbers behind its word, but task.model.embedding_dim is 3"),
        ("red 1 2 3 4 5\n", "line 1 has 5 numbers behind its word"),
        ("some page\n", "line 1 has no numbers behind its word"),
    ],
)
def test_lines_that_are_none_are_named(tmp_path, text, message):
    (tmp_path / "words.txt").write_text(text)
    with pytest.raises(LfpError, match=message):
        embedding_table(str(tmp_path / "words.txt"), ["red"], dim=3)


def test_a_name_without_words_is_refused(glove):
    with pytest.raises(LfpError, match='The class "- _" has no word to look up'):
        embedding_table(str(glove), ["- _"], dim=3)


@pytest.mark.parametrize("with_background", [False, True])
def test_a_npy_table_may_have_background_or_not(tmp_path, with_background):
    rows = np.arange(6, dtype=np.float64).reshape(2, 3) + 1
    table = np.concatenate([np.zeros((1, 3)), rows])
    np.save(tmp_path / "a.npy", table if with_background else np.asfortranarray(rows))
    given = embedding_table(str(tmp_path / "a.npy"), ["a", "b"], dim=3)
    assert given.tolist() == table.tolist() and given.dtype == np.float32


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.ones((4, 3)), r"shape \[4, 3\], but 2 classes of task.model.embedding_dim 3 need"),
        (np.ones((2, 4)), r"\[2, 3\], or \[3, 3\] with background in front"),
        (np.ones((3, 3)), "a row for background that is not zero"),
        (np.full((2, 3), np.nan), "values that are no finite numbers"),
        (np.array(["a", "b"]), 'an array of type "U1", not of numbers'),
    ],
)
def test_other_npy_tables_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(LfpError, match=f"a.npy (holds|has) .*{message}|a.npy has {message}"):
        embedding_table(str(tmp_path / "a.npy"), ["a", "b"], dim=3)


def test_random_tables_follow_their_seed_alone():
    table = random_table(80, 300, seed=0)
    assert table.shape == (81, 300) and not table[0].any()
    np.testing.assert_allclose(table[1, :2] * np.sqrt(300), [1.7640524, 0.4001572], rtol=1e-6)
    assert np.array_equal(table, embedding_table("random:0", ["a"] * 80, dim=300))
    assert not np.array_equal(table, random_table(80, 300, seed=1))


@pytest.mark.parametrize("source", ["random:", "random:-1", "random:1.5", "random:4294967296"])
def test_seeds_that_are_none_are_refused(source):
    with pytest.raises(LfpError, match="a random table is random:SEED with a whole number from 0"):
        seed_of(source)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(LfpError, match=r"nowhere\.txt does not exist"):
        embedding_table(str(tmp_path / "nowhere.txt"), ["a"], dim=3)
