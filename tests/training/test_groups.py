import pytest

from lfp_tf.tasks import catalog
from lfp_tf.training.groups import is_decayed, is_trained, multiplier

HEADS = r"^(fpn_|cls_)"
FACTORS = {"bias": 2.0, "head": 10.0, "head_bias": 20.0, "head_norm": 5.0}


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("stage1_block1_conv1/kernel", 1.0),
        ("stage1_block1_conv1/bias", 2.0),
        ("stage1_block1_bn1/gamma", 1.0),
        ("cls_conv/kernel", 10.0),
        ("cls_logits/bias", 20.0),
        ("fpn_lateral2/bias", 20.0),
        ("cls_bn/beta", 5.0),
    ],
)
def test_each_group_has_a_multiplier_of_its_own(name, factor):
    assert multiplier(name, heads=HEADS, **FACTORS) == factor


@pytest.mark.parametrize(
    ("name", "covers", "expected"),
    [
        ("stage1_conv/bias", "all", True),
        ("stage1_conv/kernel", "kernels", True),
        ("stage1_conv/bias", "kernels", False),
        ("stage1_conv/bias", "kernels_and_classifier_bias", False),
        ("cls_logits/bias", "kernels_and_classifier_bias", True),
        ("cls_bn/gamma", "kernels_and_classifier_bias", False),
    ],
)
def test_weight_decay_covers_what_it_says(name, covers, expected):
    assert is_decayed(name, covers=covers, heads=HEADS) is expected


def test_heads_alone_can_be_trained():
    assert is_trained("cls_conv/kernel", trained=HEADS)
    assert not is_trained("stage1_conv/kernel", trained=HEADS)
    assert is_trained("cls_bn/gamma") and not is_trained("cls_bn/gamma", gamma_beta=False)


@pytest.mark.parametrize("network", [name for task in catalog.TASKS for name in task.networks])
def test_a_network_says_which_of_its_variables_are_heads(network):
    import re

    from lfp_tf.checkpoints.variables import variables_by_name
    from lfp_tf.models.catalog import build_network
    from lfp_tf.recipes.config import of_network

    fields = of_network(network).task.model
    fields.classes = 3
    small = {"depth": 18} if network in ("pspnet", "deeplabv2") else {}
    small |= {"width": 0.125} if network != "hourglass" else {"features": 16, "pyramid": False}
    small |= {"blocks": [1, 1, 1, 1]} if network.startswith("lfp") else {}
    model = build_network(network, **fields.replace(**small).arguments())
    heads = [name for name in variables_by_name(model) if re.search(fields.HEADS, name)]
    assert heads and any(name.endswith("/kernel") for name in heads)
    assert not any(name.startswith(("stem", "stage", "conv0")) for name in heads)
