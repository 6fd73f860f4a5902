import time

import numpy as np
import pytest

from lfp_tf.checkpoints.detectron_config import OLDEST_NOTE, box_weights, weights_note
from lfp_tf.checkpoints.formats.detectron import write_detectron
from lfp_tf.checkpoints.parts import Checkpoint
from lfp_tf.checkpoints.read import read_checkpoint
from lfp_tf.errors import LfpError

USUAL = (10.0, 10.0, 5.0, 5.0)
TAGGED = """\
!!python/object/new:detectron.utils.collections.AttrDict
dictitems:
  BBOX_REG_WEIGHTS: [7.0, 7.0, 7.0, 7.0]
  FAST_RCNN: !!python/object/new:detectron.utils.collections.AttrDict
    dictitems: {BBOX_REG_WEIGHTS: [8.0, 8.0, 8.0, 8.0], MLP_HEAD_DIM: 1024}
    state: &id001 {__immutable__: false}
  MODEL: !!python/object/new:detectron.utils.collections.AttrDict
    dictitems:
      ANCHORS: [{BBOX_REG_WEIGHTS: [9.0, 9.0, 9.0, 9.0]}]
      BBOX_REG_WEIGHTS: !!python/tuple
      - 10.0
      - 10.0
      - 5.0
      - 5.0
      TYPE: generalized_rcnn
    state: *id001
  PIXEL_MEANS: !!python/object/apply:numpy.core.multiarray._reconstruct
    args:
    - !!python/name:numpy.ndarray ''
    - !!python/tuple [0]
    - b
"""


@pytest.mark.parametrize(
    "config",
    [
        TAGGED,
        "MODEL: {BBOX_REG_WEIGHTS: !!python/tuple [10.0, 10.0, 5.0, 5.0], NUM_CLASSES: 5}",
        "MODEL:\n  BBOX_REG_WEIGHTS: [10., 10., 5., 5.]  # x, y, width, height\n",
        "{TEST: {A: &w [10, 10, 5, 5]}, MODEL: {BBOX_REG_WEIGHTS: *w}}",
        '"MODEL":\n  "BBOX_REG_WEIGHTS":\n    - 10\n    - 10\n    - 5\n    - 5\n',
    ],
)
def test_weights_are_found_whatever_the_tags(config):
    assert box_weights(config, file="a.pkl") == USUAL


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "MODEL: {NUM_CLASSES: 81}",
        "BBOX_REG_WEIGHTS: [1, 2, 3, 4]",
        "OTHER: {BBOX_REG_WEIGHTS: [1, 2, 3, 4]}",
        "MODEL: {SUB: {BBOX_REG_WEIGHTS: [1, 2, 3, 4]}}",
        "# MODEL: {BBOX_REG_WEIGHTS: [1, 2, 3, 4]}",
        "MODEL: {TEXT: 'BBOX_REG_WEIGHTS: [1, 2, 3, 4]'}",
    ],
)
def test_other_places_tell_no_weights(config):
    assert box_weights(config, file="a.pkl") is None


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("MODEL: {BBOX_REG_WEIGHTS: [1, 2, 3]}", "BBOX_REG_WEIGHTS: 1, 2, 3, but four numbers"),
        ("MODEL: {BBOX_REG_WEIGHTS: [1, 2, 3, 0]}", "four numbers above 0"),
        ("MODEL: {BBOX_REG_WEIGHTS: [1, 2, 3, .nan]}", "four numbers above 0"),
        ("MODEL: {BBOX_REG_WEIGHTS: [1, 2, 3, inf]}", "four numbers above 0"),
        ("MODEL: {BBOX_REG_WEIGHTS: none}", "BBOX_REG_WEIGHTS: none, but"),
        ("MODEL: [", "cannot be read as YAML"),
        ("a: b: c", r"cannot be read as YAML \(mapping values are not allowed here\)"),
        ("[" * 1000, "nested deeper than 60 levels"),
        ("x" * 70_000, "70000 letters, more than 65536"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_sentence(config, told):
    with pytest.raises(LfpError, match=told) as error:
        box_weights(config, file="a.pkl")
    assert str(error.value).startswith("a.pkl ") and "\n" not in str(error.value)


@pytest.mark.parametrize("piece", ["[", "{a: ", "- ", "a,", "? ", "*a ", "a: {}\n", "'", "--- a\n"])
def test_hostile_texts_cost_little(piece, peak_of):
    config = (piece * (1 << 16))[: 1 << 16]
    start = time.process_time()

    def attempt():
        try:
            box_weights(config, file="a.pkl")
        except LfpError:
            pass

    assert peak_of(attempt) < (4 << 20)
    assert time.process_time() - start < 10


def test_a_file_without_the_key_is_told_to_be_old(tmp_path):
    blobs = {"bbox_pred_w": np.ones((8, 4), "f4")}
    write_detectron(tmp_path / "old.pkl", blobs, "MODEL: {NUM_CLASSES: 2}")
    assert read_checkpoint(tmp_path / "old.pkl").notes == [OLDEST_NOTE]
    assert "task.model.box_weights=[1.0,1.0,1.0,1.0]" in OLDEST_NOTE
    write_detectron(tmp_path / "new.pkl", blobs, TAGGED)
    assert read_checkpoint(tmp_path / "new.pkl").notes == []
    write_detectron(tmp_path / "backbone.pkl", {"conv1_w": blobs["bbox_pred_w"]})
    assert read_checkpoint(tmp_path / "backbone.pkl").notes == []


def test_a_network_that_decodes_otherwise_is_told():
    arrays = Checkpoint({"bbox_pred_w": np.ones((8, 4))}, config=TAGGED)
    assert weights_note(arrays, {"box_weights": [10.0, 10.0, 5.0, 5.0]}) is None
    assert "not the network's 1,1,1,1" in weights_note(arrays, {"box_weights": [1, 1, 1, 1]})
    assert weights_note(arrays, {"depth": 50}) is None
