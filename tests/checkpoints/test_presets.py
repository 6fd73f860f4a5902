"""Presets: what a lineage of files changes, as YAML beside the experiments."""

import pytest
import yaml

from lfp_tf.checkpoints.presets import preset_changes, preset_names, preset_options
from lfp_tf.cli.main import main
from lfp_tf.errors import LfpError

CITYSCAPES = {
    "model": {"depth": 101},
    "train_data": {"crop": [713, 713]},
    "evaluation": {"protocol": "semseg", "flip": "softmax"},
}


def changes(name, network="pspnet", crop=(473, 473), **model):
    task = {"model": model, "train_data": {"crop": crop}}
    return preset_changes(name, network=network, task=task)["task"]


def recipe(name):
    return preset_changes(name, network="pspnet", task=CITYSCAPES, training=True)


def test_presets_are_named_in_their_alphabet():
    assert preset_names() == (
        *("caffe", "detectron_c4", "kitti", "newest", "paper", "released_code"),
        *("seed", "tf1", "torch"),
    )


def test_an_unknown_preset_names_the_nearest():
    with pytest.raises(LfpError, match='No preset "cafe". Did you mean "caffe"'):
        changes("cafe")


def test_a_preset_of_another_network_is_refused():
    with pytest.raises(LfpError, match="Preset seed is not for pspnet, which has caffe, kitti, tf"):
        changes("seed")
    with pytest.raises(LfpError, match="Preset caffe is not for hourglass, which has no presets."):
        changes("caffe", network="hourglass")
    assert changes("newest", network="deeplabv2", crop=(321, 321)) == {}


@pytest.mark.parametrize(("crop", "windows"), [(473, [60, 30, 20, 10]), (713, [90, 45, 30, 15])])
def test_pool_windows_follow_the_crop(crop, windows):
    options_ = preset_options("caffe", depth=101, crop=(crop, crop))
    assert options_["pool_windows"] == windows and options_["stride_in"] == "3x3"
    assert preset_options("tf1", depth=101, crop=(crop, crop))["stride_in"] == "1x1"


def test_pool_windows_follow_the_experiments_own_bins():
    assert changes("caffe", bins=[1, 4])["model"]["pool_windows"] == [60, 15]


def test_a_longer_side_gives_the_windows():
    assert changes("caffe", crop=(33, 41))["model"]["pool_windows"] == [6, 3, 2, 1]


def test_a_preset_stands_over_its_base():
    caffe, tf1, kitti = (changes(name, depth=101)["model"] for name in ("caffe", "tf1", "kitti"))
    assert tf1 == caffe | {"stride_in": "1x1", "padding": "same", "dropout": 0.0}
    assert kitti == tf1 | {"preprocess": "kitti"}
    assert changes("torch") == {"model": {"preprocess": "torch"}}


def test_changing_what_a_preset_gives_changes_no_preset():
    def change(value):
        for inner in list(value.values()):
            if isinstance(inner, dict):
                change(inner)
            elif isinstance(inner, list):
                inner.append("changed")
        value["changed"] = True

    for name, network in (("kitti", "pspnet"), ("seed", "deeplabv2"), ("newest", "deeplabv2")):
        before = changes(name, network=network)
        assert before is not changes(name, network=network)
        change(changes(name, network=network))
        change(preset_options(name, depth=50, crop=(473, 473)))
        assert changes(name, network=network) == before


def test_caffes_50_layers_have_their_strides_elsewhere():
    assert changes("caffe", depth=50)["model"]["stride_in"] == "1x1"
    assert changes("caffe")["model"]["stride_in"] == "1x1"
    assert changes("caffe", depth=152)["model"]["stride_in"] == "3x3"


def test_networks_without_an_auxiliary_head_have_no_loss_of_it():
    for name in ("caffe", "tf1", "kitti"):
        preset = changes(name)
        assert preset["model"]["aux_head"] is False and preset["losses"] == {"aux_weight": 0.0}


def test_the_caffe_recipe_decays_and_labels_as_the_original():
    task = recipe("caffe")["task"]
    assert task["model"]["zoom_factor"] == 1 and task["losses"]["label_size"] == "map"
    assert task["losses"]["weight_decay_covers"] == "kernels_and_classifier_bias"
    assert task["head_bias_lr_multiplier"] == 20.0
    assert task["evaluation"] == {"protocol": "matlab", "flip": "logit_sum"}
    assert "trainer" not in recipe("caffe")


def test_the_tf1_recipe_is_its_trainers():
    task, trainer = recipe("tf1")["task"], recipe("tf1")["trainer"]
    assert trainer["train_steps"] == 60001 and task["train_data"]["global_batch_size"] == 2
    rate = trainer["optimizer_config"]["learning_rate"]["polynomial"]
    assert rate["initial_learning_rate"] == 0.001 and rate["power"] == 0.9
    assert task["losses"]["weight_decay_covers"] == "kernels"
    assert (task["head_lr_multiplier"], task["head_bias_lr_multiplier"]) == (10.0, 20.0)
    assert task["head_norm_lr_multiplier"] == 1.0 and task["train_gamma_beta"] is False
    augmentation = task["train_data"]["augmentation"]
    assert augmentation["scale_min"] == augmentation["scale_max"] == 1.0
    assert augmentation["flip_probability"] == 0.0
    evaluation = task["evaluation"]
    assert evaluation == {"protocol": "tf1_whole", "flip": "none", "mean_iou": "present"}


def test_the_kitti_recipe_has_another_optimizer():
    optimizer = recipe("kitti")["trainer"]["optimizer_config"]
    assert optimizer["optimizer"]["type"] == "adam"
    assert optimizer["learning_rate"]["polynomial"]["initial_learning_rate"] == 0.00005
    assert recipe("kitti")["trainer"]["train_steps"] == 60001
    assert recipe("kitti")["task"]["evaluation"]["ignore_truth"] == [0]


def test_networks_alone_take_nothing_of_the_training():
    assert "zoom_factor" not in changes("caffe")["model"]
    assert "head_bias_lr_multiplier" not in changes("tf1")
    # An experiment that is scored in another way than semseg's keeps it.
    assert "evaluation" not in changes("tf1")


def test_the_first_revision_of_deeplab_did_otherwise():
    assert changes("seed", network="deeplabv2") == {
        "model": {"scale_resize": "align_corners"},
        "train_data": {
            "augmentation": {"recipe": "deeplab_seed", "scale_min": 0.5, "scale_max": 1.5}
        },
        "losses": {"label_size": "opencv_nearest"},
        "evaluation": {
            "logits_resize": "align_corners",
            "mean_iou": "present",
            "warp_labels": "opencv_nearest",
        },
    }


@pytest.mark.parametrize(
    ("preset", "experiment"),
    [("caffe", "pspnet50_ade20k"), ("tf1", "pspnet101_cityscapes"), ("kitti", "pspnet101_kitti")],
)
def test_train_takes_a_presets_recipe(preset, experiment, capsys):
    words = [f"--experiment={experiment}", f"--preset={preset}", "--print_config"]
    assert main(["train", *words]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    for group, fields in preset_changes_of_training(preset, printed).items():
        assert_within(fields, printed[group])


def preset_changes_of_training(preset, printed):
    task = dict(printed["task"])
    return preset_changes(preset, network=task["model"]["network"], task=task, training=True)


def assert_within(part, whole):
    if "type" in part:  # what the base preset chose of the others is not printed
        part = {"type": part["type"], part["type"]: part[part["type"]]}
    for name, value in part.items():
        if isinstance(value, dict):
            assert_within(value, whole[name])
        else:
            assert whole[name] == value, name
