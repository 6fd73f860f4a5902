import pytest

from lfp_tf.parity.lfp.rates import coco_rate, imagenet_rate, pose_rate, stage_rate
from lfp_tf.recipes import experiments


def test_imagenet_drops_and_scales():
    assert [imagenet_rate(e) for e in (0, 29, 30, 60, 90, 100)] == pytest.approx(
        [0.1, 0.1, 0.01, 1e-3, 1e-4, 1e-5]
    )
    assert [imagenet_rate(e, batch=512) for e in (0, 1, 5, 30)] == pytest.approx(
        [0.1, 0.12, 0.2, 0.02]
    )


def test_small_batches_scale_from_the_start_unless_original():
    assert [imagenet_rate(e, batch=128) for e in (0, 30)] == pytest.approx([0.05, 0.005])
    assert [imagenet_rate(e, batch=128, original=True) for e in (0, 30)] == pytest.approx(
        [0.1, 0.005]
    )


def test_stages_hold_their_last_rate():
    assert stage_rate(139, stage="voc_joint") == stage_rate(120, stage="voc_joint") == 1.25e-6


def test_fewer_gpus_take_more_steps():
    assert coco_rate(500) == coco_rate(4000, gpus=1) == pytest.approx(0.02 / 3)
    assert coco_rate(240000 * 2 - 1, gpus=4) == 0.01 and coco_rate(240000 * 2, gpus=4) == 1e-3


def test_pose_drops_at_its_epochs():
    assert [pose_rate(e) for e in (149, 150, 170, 200)] == pytest.approx(
        [2.5e-4, 2.5e-5, 2.5e-6, 2.5e-7]
    )


def learning_rate(name):
    trainer = experiments.read(name).config["trainer"]
    found = trainer["optimizer_config"]["learning_rate"]["stepwise"]
    return lambda step: found["values"][sum(step > end for end in found["boundaries"])]


@pytest.mark.parametrize(
    ("name", "stage", "steps"),
    [
        ("lfp_resnet101_coco_plain_head", "coco_plain_head", 761),
        ("lfp_resnet101_coco_plain", "coco_plain_joint", 1522),
        ("lfp_resnet101_coco_head", "coco_aspp_head", 1522),
        ("lfp_resnet101_voc_head", "voc_head", 330),
        ("lfp_resnet101_voc", "voc_joint", 1322),
    ],
)
def test_recipes_of_voc_have_the_published_rates(name, stage, steps):
    rate = learning_rate(name)
    for epoch in range(140):
        assert rate((epoch + 0.5) * steps) == pytest.approx(stage_rate(epoch, stage=stage))


def test_recipes_of_imagenet_and_mpii_have_the_published_rates():
    rate = learning_rate("lfp_resnet50_imagenet")
    for epoch in range(105):
        assert rate((epoch + 0.5) * 5000) == pytest.approx(imagenet_rate(epoch))
    rate = learning_rate("lfp_hourglass_mpii")
    for epoch in range(1, 251):
        assert rate((epoch - 0.5) * 3707) == pytest.approx(pose_rate(epoch))
