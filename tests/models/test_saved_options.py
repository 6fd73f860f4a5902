import json

from lfp_tf.models.saved_options import options_of, plain_options
from lfp_tf.options import Anchors, MobileNetV2, Norm, RoIHeads

GROUPS = {
    "backbone": MobileNetV2(output_stride=32, width=0.5),
    "anchors": Anchors(ratios=(0.5, 3.0)),
    "heads": RoIHeads(masks=False),
    "norm": Norm(kind="group", groups=8),
}


def test_groups_survive_json():
    plain = plain_options(GROUPS)
    assert plain["backbone"] == {"kind": "mobilenet_v2", "output_stride": 32, "width": 0.5}
    saved = json.loads(json.dumps(plain | {"classes": 3, "input_shape": (None, None, 3)}))
    arguments = options_of(saved)
    assert arguments == GROUPS | {"classes": 3, "input_shape": (None, None, 3)}


def test_what_was_saved_stays_as_it_is():
    plain = plain_options(GROUPS)
    options_of(plain)
    assert plain["backbone"]["kind"] == "mobilenet_v2"
