"""Fields of detectors: what builders take of them, the way back, what does not go together."""

import pytest
from small_fields import fields_of

from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.options import CONVENTIONS
from lfp_tf.recipes import config, experiments
from lfp_tf.tasks.detection.networks import RCNN, RCNNC4
from lfp_tf.training.optimization import build_rate


@pytest.mark.parametrize("kind", [RCNN, RCNNC4])
@pytest.mark.parametrize("profile", CONVENTIONS)
def test_a_profile_is_told_in_full_and_known_again(kind, profile):
    values = kind(profile=profile, roi_samples=3, classes=5).arguments()
    assert "profile" not in values and "network" not in values
    assert values["box_pixel"] == CONVENTIONS[profile].pixel
    assert values["roi_samples"] == 3 and values["output_stride"] == 32
    fields = kind.of_arguments(values)
    assert fields["profile"] == profile and fields["roi_samples"] == 3


def test_conventions_of_no_profile_are_refused():
    values = RCNNC4().arguments() | {"nms_inclusive": False}
    with pytest.raises(LfpError, match="No profile .detectron, garden, tensorpack."):
        RCNNC4.of_arguments(values)


def test_tensorpack_has_edges_and_rounded_anchors():
    tensorpack, garden = CONVENTIONS["tensorpack"], CONVENTIONS["garden"]
    assert (tensorpack.pixel, tensorpack.rounded_anchors, tensorpack.ranks_logits) == (
        0,
        True,
        True,
    )
    # A box of 16 pixels grows to 1333.
    assert tensorpack.largest_log == pytest.approx(4.4226, abs=1e-4)
    for one in (tensorpack, garden):
        assert not (one.inclusive or one.later_first or one.clips_to_padding)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backbone": "pyramid_resnet"}, "norm is affine, but backbone=pyramid_resnet"),
        ({"pyramid": False}, "pyramid=false is the plain twin of backbone=pyramid_resnet"),
        ({"backbone": "mobilenet_v2"}, "task.model.backbone is 'mobilenet_v2'"),
        ({"backbone": "pyramid_resnet", "norm": "batch", "depth": 18}, "depth is 18"),
        ({"anchor_sizes": []}, "anchor_sizes must be numbers above 0"),
        ({"mask_dim": 0}, "mask_dim must be at least 1"),
        ({"roi_samples": -1}, "roi_samples must be 0 or more"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(changes, words):
    params = fields_of("rcnn_c4", {"task": {"model": {"classes": 3} | changes}})
    with pytest.raises(LfpError, match=words):
        config.validate(params)


def test_the_recipes_of_the_pyramid_and_its_twin_differ_in_it_alone():
    pyramid, plain = (
        config.of_experiment(name).task
        for name in ("lfp_maskrcnn_resnet50_c4_coco", "maskrcnn_resnet50_c4_coco")
    )
    assert pyramid.model.pyramid and not plain.model.pyramid
    plain.model.pyramid = True
    assert pyramid.as_dict() == plain.as_dict()


def test_the_preset_of_detectron_gives_its_network_and_sampling():
    recipe = experiments.read("maskrcnn_resnet50_c4_coco", preset="detectron_c4", training=True)
    fields = config.of_recipe(recipe.config).task
    assert fields.model.arguments() == RCNNC4().arguments()
    assert fields.model.preprocess == RCNNC4().preprocess
    usual = config.of_network("rcnn_c4").task
    assert fields.sampling == usual.sampling
    assert fields.losses.rpn_divisor == usual.losses.rpn_divisor
    # Twice the rate of kernels, as in all of Detectron's networks.
    assert fields.bias_lr_multiplier == fields.head_bias_lr_multiplier == 2.0


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


@pytest.mark.parametrize("name", ["maskrcnn_resnet50_coco", "fpt_maskrcnn_resnet50_coco"])
def test_the_first_update_after_a_boundary_has_the_lower_rate(name):
    trainer = config.of_experiment(name).trainer
    stepwise = trainer.optimizer_config.learning_rate.stepwise
    rate = build_rate(trainer.optimizer_config, train_steps=trainer.train_steps)
    for boundary, before, after in zip(
        stepwise.boundaries, stepwise.values, stepwise.values[1:], strict=False
    ):
        # The argument is the number of updates that were made.
        assert float(rate(boundary - 1)) == pytest.approx(before)
        assert float(rate(boundary)) == pytest.approx(after)
