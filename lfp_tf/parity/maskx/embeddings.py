"""Cases of tables of class vectors: from GloVe's text, drawn, and the authors' own."""

import hashlib
import os
import pathlib
from typing import Any

import numpy as np

from lfp_tf.checkpoints.embeddings import embedding_table, glove_table, random_table
from lfp_tf.parity.golden import Case
from lfp_tf.parity.maskx.words import are_texts, head_words, is_size, is_text, is_whole
from lfp_tf.parity.words import NotAtHand, is_count

# A folder with the authors' files.
VARIABLE = "LFP_TF_AUTHORS_EMBEDDINGS"
_FILES = {
    "v_glove": "fixed_embedding_mat_coco_glove.npy",
    "v_randn_0": "fixed_embedding_mat_coco_randn_0.npy",
}
_GLOVE = {"kind": ("glove",), "file": is_text, "dim": is_count, "classes": are_texts}
_RANDOM = {"kind": ("random",), "seed": is_whole, "dim": is_count, "classes_count": is_count}
_PUBLISHED = {"kind": ("published",), "name": tuple(_FILES), "shape": is_size}


def tables(case: Case) -> dict[str, Any]:
    """`embeddings`: a table of a text file or of a seed."""
    if case.config.get("kind") == "random":
        words = head_words(case, _RANDOM)
        table = random_table(words["classes_count"], words["dim"], seed=words["seed"])
    else:
        words = head_words(case, _GLOVE)
        path = pathlib.Path(case.folder) / words["file"]
        table = glove_table(path, words["classes"], words["dim"])
    return {"table": table}


def published(case: Case) -> dict[str, Any]:
    """`embeddings_published`: the authors' own table, for who has their files.

    Raises:
        NotAtHand: the environment names no folder of them.
    """
    words = head_words(case, _PUBLISHED)
    folder, name = os.environ.get(VARIABLE), _FILES[words["name"]]
    if not folder:
        raise NotAtHand(f"needs the authors' file {name}; set {VARIABLE} to the folder it is in")
    rows, dim = words["shape"]
    path = str(pathlib.Path(folder) / name)
    table = embedding_table(path, [str(row) for row in range(1, rows)], dim=dim)
    return {
        "row_norms": np.linalg.norm(table, axis=1),
        "sha256_float32_c_order": hashlib.sha256(table.astype("<f4").tobytes()).hexdigest(),
    }
