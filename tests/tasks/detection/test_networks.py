"""Fields of detectors that do not go together, and what becomes of those that do."""

import pytest

from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.tasks.detection.networks import RCNN


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gt_local": True}, 'task.model.gt_local is given, but transformer is "none"'),
        ({"transformer": "paper", "st_mixtures": 3}, "st_mixtures is 3, which does not divide 256"),
        ({"transformer": "paper", "gt_mixtures": 3}, "gt_mixtures is 3, which does not divide 128"),
        ({"transformer": "paper", "gt_square_size": 4}, "square_size is 4, but must be odd"),
        ({"transformer": "paper", "gt_mode": "cosine"}, 'gt_mode is "cosine", but must be one of'),
        ({"transformer": "paper", "dropblock_rate": 1.0}, "dropblock_rate is 1.0, but must be"),
        ({"transformer": "released_code", "gt_local": True}, 'local needs mode "eud", not "dot"'),
        ({"mask_head": "all_levels_fc", "mask_convolutions": 1}, "needs at least 2"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(fields, message):
    with pytest.raises(LfpError, match=message):
        RCNN(classes=2, **fields).check()


def test_mixtures_of_a_similarity_without_any_do_not_count():
    RCNN(classes=2, transformer="released_code", gt_mixtures=3).check()


def test_a_transformer_is_one_line():
    small = {"depth": 18, "blocks": [1, 1, 1, 1], "width": 0.125, "box_dim": 8, "pyramid_dim": 8}
    fields = RCNN(classes=2, masks=False, norm_groups=4, transformer="paper", **small)
    fields.check()
    model = build_network("rcnn", **fields.arguments())
    options = model.options["transformer"].pyramid()
    assert (options.grounding.mode, options.dropblock_rate) == ("eud", 0.1)
    assert RCNN.of_arguments(fields.arguments())["transformer"] == "paper"
