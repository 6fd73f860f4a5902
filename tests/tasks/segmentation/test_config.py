"""The fields of a segmentation experiment: a sentence a rule, and warnings."""

import pytest
from small_fields import fields_of

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, overrides


@pytest.mark.parametrize(
    ("network", "changes", "message"),
    [
        ("pspnet", "losses.label_size=map", "task.losses.label_size=map needs task.model.zoom_factor=1."),
        ("pspnet", "losses.class_weights=heavy", 'class_weights is "heavy", but must be a list of numbers or balanced.'),
        ("pspnet", "losses.class_weights=[-1,1]", "class_weights must be numbers of at least 0"),
        ("pspnet", "losses.class_weights=[1,1],task.model.classes=3", "class_weights has 2 numbers for 3 classes"),
        ("pspnet", "losses.label_smoothing=1.0", "label_smoothing must lie in 0..1, not 1.0."),
        ("pspnet", "losses.dice_weight=-1.0", "task.losses.dice_weight must be at least 0."),
        ("pspnet", "losses.focal_gamma=1.0,task.losses.label_smoothing=0.1", "focal_gamma does not go with label_smoothing"),
        ("deeplabv2", "losses.label_size=full", "label_size=full is for networks with a zoom_factor; use pil_nearest."),
        ("deeplabv2", "losses.label_size=pil_nearest", "task.losses.aux_weight needs task.model.aux_head=true, or set it to 0."),
        ("pspnet", "model.aux_head=false", "task.losses.aux_weight needs task.model.aux_head=true, or set it to 0."),
        ("pspnet", "train_data.augmentation.recipe=deeplab", "scale_choices is empty with recipe=deeplab."),
        ("pspnet", "train_data.crop=[33]", "task.train_data.crop must be [height, width] in pixels, not [33]."),
        ("pspnet", "train_data.crop=[33,0]", "task.train_data.crop must be [height, width] in pixels, not [33, 0]."),
        ("pspnet", "train_data.warp=[33]", "task.train_data.warp must be [height, width] in pixels, not [33]."),
        ("pspnet", "evaluation.warp=[0,1]", "task.evaluation.warp must be [height, width] in pixels, not [0, 1]."),
        ("pspnet", "evaluation.protocol=sliding", "is 'sliding', but must be one of whole, deeplab, semseg, matlab, tf1_whole, lfp."),
        ("pspnet", "evaluation.flip=both", "is 'both', but must be one of none, softmax, logit_sum."),
        ("pspnet", "evaluation.mean_iou=some", "is 'some', but must be one of all, present, truth."),
    ],
)  # fmt: skip
def test_every_rule_has_its_sentence(network, changes, message):
    params = fields_of(network, overrides.parse(",".join(f"task.{one}" for one in [changes])))
    with pytest.raises(LfpError) as caught:
        config.validate(params)
    assert message in str(caught.value)


def test_what_will_train_but_not_as_meant_is_said_once():
    task = config.of_network("pspnet").task
    assert task.warnings(replicas=1, pieces=1) == []
    task.train_data.crop = [472, 473]
    task.train_data.global_batch_size = 1
    found = task.warnings(replicas=1, pieces=1)
    assert len(found) == 2 and "[472, 473] is not 8k+1" in found[0] and "bin 1" in found[1]


def test_a_batch_norm_that_sees_one_image_is_told():
    task = config.of_network("pspnet").task
    task.train_data.global_batch_size = 4
    # Statistics over all replicas, or each replica's own.
    for synchronized, replicas, pieces, count in (
        *((True, 4, 1, 0), (True, 1, 4, 1), (True, 4, 4, 1)),
        *((False, 4, 1, 1), (False, 2, 2, 1), (False, 2, 1, 0)),
    ):
        task.model.bn_synchronized = synchronized
        found = task.warnings(replicas=replicas, pieces=pieces)
        assert len(found) == count, (synchronized, replicas, pieces)
    task.model.bn_frozen = True
    assert task.warnings(replicas=1, pieces=4) == []


def test_networks_without_a_zoom_take_any_crop():
    task = config.of_network("deeplabv2").task
    task.train_data.crop = [320, 320]
    assert task.warnings(replicas=1, pieces=1) == []
