"""Tables of vectors that tell classes: of GloVe's words, from `.npy` files, drawn at random.

MaskX R-CNN predicts masks from them in place of box weights (Hu et al. 2018, section 3.2). Letters:
K classes with background as 0, whose vector is zero.
"""

import os
import re
from collections.abc import Mapping, Sequence

import numpy as np

from lfp_tf.checkpoints.formats.mapped_file import MappedFile
from lfp_tf.checkpoints.formats.numpy_files import MAGIC, read_npy
from lfp_tf.errors import LfpError, first_of, printable

# `random:SEED` stands for a table that is drawn.
RANDOM = "random:"
_LARGEST_SEED = 2**32 - 1
# What a synset of WordNet has behind its words, and a class of Visual Genome that is COCO's.
_SYNSET_END = re.compile(r"\.[a-z]\.\d\d(\.coco)?$")
_LONGEST_LINE = 1 << 20  # bytes; a line of 300 numbers has some 3000


def seed_of(source: str) -> int | None:
    """Gives the seed of `random:SEED`; None where the source is a file.

    >>> seed_of("random:7"), seed_of("glove.6B.300d.txt")
    (7, None)

    Raises:
        LfpError: no whole number from 0 to 2^32 - 1.
    """
    if not source.startswith(RANDOM):
        return None
    text = source.removeprefix(RANDOM)
    if not (text.isascii() and text.isdecimal() and int(text) <= _LARGEST_SEED):
        raise LfpError(
            f'task.embeddings is "{printable(source)}", but a random table is {RANDOM}SEED with a '
            f"whole number from 0 to {_LARGEST_SEED}, as {RANDOM}0."
        )
    return int(text)


def embedding_table(source: str, names: Sequence[str], *, dim: int) -> np.ndarray:
    """Makes the table of some classes.

    Args:
        source: a file, GloVe's text or a `.npy` table, or `random:SEED`.
        names: of the classes, K - 1.
        dim: numbers of a vector.

    Returns:
        float32 [K, dim], zeros for background.

    Raises:
        LfpError: no such file, no table in it, of other classes or another `dim`.
    """
    seed = seed_of(source)
    if seed is not None:
        return random_table(len(names), dim, seed=seed)
    file = MappedFile(source)
    if bytes(file.view[: len(MAGIC)]) == MAGIC:
        return _npy_table(file, len(names), dim)
    return glove_table(source, names, dim)


def random_table(count: int, dim: int, *, seed: int) -> np.ndarray:
    """Draws vectors of a mean square norm of 1, the same for a seed on any machine.

    The authors' own table (`v_randn_0` of their files) comes of no seed and must be read.

    Args:
        count: K - 1.
        dim: numbers of a vector.
        seed: whole number, 0..2^32-1.

    Returns:
        float32 [K, dim], zeros for background.
    """
    drawn = np.random.RandomState(seed).standard_normal((count, dim)) / np.sqrt(dim)
    return _with_background(drawn)


def glove_table(path: str | os.PathLike, names: Sequence[str], dim: int) -> np.ndarray:
    """Averages the vectors of each name's words, as `class_words` gives them.

    Args:
        path: a line a word, behind it `dim` numbers with blanks between; UTF-8. A word may hold
            blanks, as some of GloVe's do.
        names: of the classes, K - 1.
        dim: numbers of a vector.

    Returns:
        float32 [K, dim], zeros for background.

    Raises:
        LfpError: a word that the file does not have, lines of another number of numbers.
    """
    words = [class_words(name) for name in names]
    vectors = _glove_vectors(path, {word for some in words for word in some}, dim)
    missing = [
        f'"{printable(word)}" of the class "{printable(name)}"'
        for name, some in zip(names, words, strict=True)
        for word in some
        if word not in vectors
    ]
    if missing:
        raise LfpError(
            f"{printable(path)} has no vector of {len(missing)} words: {first_of(missing)}; add a "
            "line for each, or give a .npy table of the classes."
        )
    means = [np.mean([vectors[word] for word in some], axis=0) for some in words]
    return _with_background(np.reshape(means, (len(names), dim)))


def class_words(name: str) -> list[str]:
    """Lists the words of a class's name, in small letters.

    >>> class_words("Traffic light"), class_words("t-shirt"), class_words("fire_hydrant.n.01.coco")
    (['traffic', 'light'], ['t', 'shirt'], ['fire', 'hydrant'])

    Raises:
        LfpError: a name without words.
    """
    words = [word for word in re.split(r"[\s_-]+", _SYNSET_END.sub("", name.lower())) if word]
    if not words:
        raise LfpError(
            f'The class "{printable(name)}" has no word to look up; give a .npy table instead.'
        )
    return words


def _glove_vectors(path, words, dim) -> Mapping[str, np.ndarray]:
    """{word: float64 [dim]} of the words that the file has; of a repeated word the first."""
    left, vectors = {word.encode(): word for word in words}, {}
    try:
        with open(path, "rb") as stream:
            number = 0
            while left and (line := stream.readline(_LONGEST_LINE)):
                number += 1
                if number == 1:
                    _check_first_line(path, line, dim)
                word = left.get(line.partition(b" ")[0])
                if word is None:
                    continue
                token, *numbers = line.rstrip().rsplit(b" ", dim)
                # A token of several words, such as ". . .", is none of ours.
                if token.decode("utf-8", "replace") == word:
                    vectors[word] = _vector(path, number, word, numbers, dim)
                    del left[token]
    except OSError as error:
        raise LfpError(f"{printable(path)} cannot be read ({error.strerror}).") from None
    return vectors


def _check_first_line(path, line, dim):
    """Tells a file of vectors of another length, and one that holds no vectors."""
    words = line.split()
    count = 0
    while count < len(words) and _is_number(words[-1 - count]):
        count += 1
    # A first word may itself be a number.
    if not words or count not in (dim, dim + 1) or len(words) <= dim:
        has = f"has {min(count, len(words) - 1)} numbers" if count else "has no numbers"
        raise LfpError(
            f"{printable(path)}, line 1 {has} behind its word, but task.model.embedding_dim is "
            f"{dim}; give GloVe's text of that length or a .npy table."
        )


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def _vector(path, number, word, numbers, dim):
    try:
        vector = np.array([float(text) for text in numbers])
    except ValueError:
        vector = np.empty(0)
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise LfpError(
            f'{printable(path)}, line {number}: behind "{printable(word)}" there must be {dim} '
            "finite numbers with blanks between; copy the file again."
        )
    return vector


def _npy_table(file: MappedFile, count: int, dim: int) -> np.ndarray:
    """The table of a `.npy`, with a row of zeros in front or without."""
    table = read_npy(file)
    shapes = ((count, dim), (count + 1, dim))
    if table.shape not in shapes:
        raise file.refusal(
            f"holds an array of shape {list(table.shape)}, but {count} classes of "
            f"task.model.embedding_dim {dim} need {list(shapes[0])}, or {list(shapes[1])} with "
            "background in front."
        )
    if table.dtype.kind not in "fiu" or not np.isfinite(table).all():
        raise file.refusal("holds values that are no finite numbers; make the table again.")
    if len(table) == count:
        return _with_background(table)
    if np.any(table[0]):
        raise file.refusal(
            "has a row for background that is not zero; classes begin in the second row, in the "
            "order of their labels."
        )
    return table.astype(np.float32)


def _with_background(rows):
    return np.concatenate([np.zeros((1, rows.shape[1])), rows]).astype(np.float32)
