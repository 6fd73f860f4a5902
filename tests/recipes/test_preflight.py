"""What is checked before a network is built: records, the run's folder, the disk, the batches."""

import shutil
import types

import pytest
import tiny
from small_recipes import records

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, preflight
from lfp_tf.tasks.catalog import SEGMENTATION


@pytest.fixture
def params():
    return config.of_experiment("pspnet50_voc")


@pytest.fixture
def camvid(tmp_path):
    records(tmp_path / "camvid", "camvid", ["train", "val"])
    return tmp_path / "camvid"


def test_folders_and_classes_are_filled_in(params, camvid):
    params.task.dataset = "camvid"
    dataset = preflight.fill_in(params, data_dir=camvid)
    assert dataset["name"] == "camvid" and params.task.model.classes == 11
    folders = {params.task.train_data.folder, params.task.validation_data.folder}
    assert folders == {str(camvid)}


def test_a_folder_of_the_fields_own_is_kept_and_data_dir_wins(params, camvid, tmp_path):
    params.task.dataset = "camvid"
    params.task.train_data.folder = params.task.validation_data.folder = str(camvid)
    preflight.fill_in(params)
    assert params.task.train_data.folder == str(camvid)
    with pytest.raises(LfpError, match="There is no folder .*nowhere"):
        preflight.fill_in(params, data_dir=tmp_path / "nowhere")


def test_records_are_looked_for_under_the_data_sets_name(params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LfpError, match="There is no folder data/voc; `lfp-tf data voc --source"):
        preflight.fill_in(params)


def test_records_of_another_data_set_are_refused(params, camvid):
    with pytest.raises(LfpError, match="records of camvid, but this experiment is for voc"):
        preflight.fill_in(params, data_dir=camvid)
    params.task.dataset, params.task.model.classes = "camvid", 21
    with pytest.raises(LfpError, match="holds records of camvid with 11 classes, but .* is 21"):
        preflight.fill_in(params, data_dir=camvid)


def test_a_split_that_is_not_there_is_named(params, camvid):
    params.task.dataset, params.task.validation_data.split = "camvid", "test"
    with pytest.raises(LfpError, match="camvid has no split 'test'; it has train, val."):
        preflight.fill_in(params, data_dir=camvid)


def test_a_run_on_other_classes_is_not_gone_on_with(params, camvid, tmp_path):
    params.task.dataset = "camvid"
    dataset = preflight.fill_in(params, data_dir=camvid)
    preflight.check_run(tmp_path / "new", dataset, SEGMENTATION, mode="train")
    preflight.check_run(camvid, dataset, SEGMENTATION, mode="train")
    other = dataset | {"name": "other", "classes": ["sky"]}
    with pytest.raises(LfpError, match="is a run on the 11 classes of camvid, not on these 1 of o"):
        preflight.check_run(camvid, other, SEGMENTATION, mode="train")


def test_an_evaluation_needs_a_checkpoint(tmp_path):
    dataset = {"name": "voc", "classes": ["sky"]}
    with pytest.raises(LfpError, match="run holds no checkpoint to evaluate; train first."):
        preflight.check_run(tmp_path / "run", dataset, SEGMENTATION, mode="eval")
    (tmp_path / "ckpt-3.index").write_text("")
    preflight.check_run(tmp_path, dataset, SEGMENTATION, mode="eval")
    # Whoever watches a run may come before its first checkpoint.
    preflight.check_run(tmp_path / "run", dataset, SEGMENTATION, mode="continuous_eval")


def test_an_evaluation_without_a_checkpoint_is_refused_and_leaves_no_folder(tmp_path):
    folder = tiny.make_records(tmp_path / "scenes", train=1, val=1)
    done = tiny.train(folder, tmp_path / "run", "--mode=eval")
    assert done.returncode == 2
    assert (
        done.stderr.strip() == f"{tmp_path / 'run'} holds no checkpoint to evaluate; train first."
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "model", "needed"),
    [
        # Millions of parameters, of 8 bytes each with the optimizer's, in 7 checkpoints.
        ("pspnet50_voc", {}, 49e6 * 8 * 7),
        ("pspnet50_voc", {"width": 0.5}, 49e6 / 4 * 8 * 7),
        ("pspnet_mobilenetv2_camvid", {}, 3e6 * 8 * 7),
        ("lfp_resnet50_imagenet", {}, 49e6 * 8 * 7),
        ("lfp_hourglass_mpii", {"stacks": 8, "features": 128}, 4e6 * 8 / 4 * 8 * 7),
    ],
)
def test_a_disk_without_room_for_the_checkpoints_is_told(
    name, model, needed, tmp_path, monkeypatch
):
    params = config.of_experiment(name, changes={"task": {"model": model}})
    free = types.SimpleNamespace(free=needed)
    monkeypatch.setattr(shutil, "disk_usage", lambda place: free)
    preflight.check_disk(params, tmp_path / "not" / "there")
    free.free = needed - 1
    with pytest.raises(LfpError) as caught:
        preflight.check_disk(params, tmp_path / "not" / "there")
    assert str(caught.value) == (
        f"{tmp_path} has {needed / 1e9:.1f} GB free, but 7 checkpoints need about "
        f"{needed / 1e9:.1f} GB; make room or give another --model_dir."
    )


@pytest.mark.parametrize("replicas", [1, 2, 4, 8])
def test_a_validation_batch_of_0_is_one_image_a_replica(replicas):
    params = config.of_experiment("pspnet101_cityscapes")
    params.task.validation_data.global_batch_size = 0
    preflight.share_out(params, replicas)
    assert params.task.validation_data.global_batch_size == replicas
    # A number of the user's own stays.
    params.task.validation_data.global_batch_size = 2 * replicas
    preflight.share_out(params, replicas)
    assert params.task.validation_data.global_batch_size == 2 * replicas


def test_a_batch_that_replicas_and_pieces_do_not_divide_is_refused(params):
    params.task.train_data.global_batch_size, params.trainer.accumulation_steps = 6, 2
    with pytest.raises(
        LfpError, match="is 6, but 2 replicas x 2 accumulation steps need a multiple of 4"
    ):
        preflight.share_out(params, 2)
    params.task.train_data.global_batch_size = 8
    params.task.validation_data.global_batch_size = 3
    with pytest.raises(
        LfpError, match="is 3, but must be a multiple of the 2 replicas, or 0 for one image each."
    ):
        preflight.share_out(params, 2)
