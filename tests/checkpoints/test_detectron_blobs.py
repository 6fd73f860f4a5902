import numpy as np
import pytest

from lfp_tf.checkpoints.detectron_blobs import blobs_of, config_of, preserved
from lfp_tf.checkpoints.detectron_config import box_weights
from lfp_tf.errors import LfpError

FPN = {"depth": 50, "decoder": "fpn", "norm": "affine", "box_weights": [10.0, 10.0, 5.0, 5.0]}


def test_arrays_get_blob_names_and_caffe2s_layouts():
    arrays = {
        "fpn_lateral4/kernel": np.zeros((1, 1, 6, 4)),
        "box_fc2/kernel": np.zeros((5, 3)),
        "mask_deconv/kernel": np.zeros((2, 2, 4, 6)),
        "stem_bn1/scale": np.zeros(7),
    }
    shapes = {name: blob.shape for name, blob in blobs_of(arrays, FPN).items()}
    assert shapes == {
        "fpn_inner_res4_5_sum_lateral_w": (4, 6, 1, 1),
        "fc7_w": (3, 5),
        "conv5_mask_w": (6, 4, 2, 2),
        "res_conv1_bn_s": (7,),
    }


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("stem_conv2/kernel", FPN, "no name for stem_conv2/kernel"),
        ("fpn_lateral5/kernel", FPN | {"decoder": "bfp"}, "with FPN or without a pyramid"),
        ("stem_bn1/gamma", FPN | {"norm": "batch"}, "batch norms is none of Detectron's"),
    ],
)
def test_what_detectron_has_no_name_for_is_refused(name, options, told):
    with pytest.raises(LfpError, match=told):
        blobs_of({name: np.zeros((1, 1, 2, 2))}, options)


def test_unknown_blobs_stay_and_momentum_of_what_was_trained_goes():
    file = {"fc7_w": 1, "fc7_w_momentum": 2, "v_glove": 3}
    assert preserved(file, {"fc7_w": 9}, is_trained=False) == {"fc7_w_momentum": 2, "v_glove": 3}
    assert preserved(file, {"fc7_w": 9}, is_trained=True) == {"v_glove": 3}


def test_a_files_own_configuration_stays_while_its_box_weights_are_true():
    before = "{MODEL: {BBOX_REG_WEIGHTS: [10, 10, 5, 5], TYPE: x}}"
    assert config_of(FPN, classes=80, before=before) == before
    ones = FPN | {"box_weights": (1, 1, 1, 1)}
    for text in (
        config_of(ones, classes=80, before=before),
        config_of(ones, classes=80, before=None),
    ):
        assert box_weights(text, file="a") == (1.0, 1.0, 1.0, 1.0)
        assert "NUM_CLASSES: 81" in text and "TYPE" not in text
