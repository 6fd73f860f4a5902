"""How a detector's training starts: class vectors, what stage-wise training needs, row slices."""

import numpy as np
import pytest
import small_detector
import tensorflow as tf
import yaml
from object_batches import BOX_ONLY, CAR, SMALL, batch_of, total, trained
from small_fields import fields_of
from small_objects import LYING, source, square

from lfp_tf.checkpoints.names.detectron import TRANSLATIONS
from lfp_tf.checkpoints.parts import Checkpoint
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.data.census import take_census
from lfp_tf.data.detection.records import detection_plan
from lfp_tf.data.prepare import write_plan
from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, networks
from lfp_tf.tasks.detection.task import Task

TABLE = "transfer_embedding/table"
VECTORS = {"transfer_input": "glove", "embedding_dim": 4}


def task_of(start=None, *, classes=3, model=None, **task):
    """A task whose `init_checkpoint` holds the arrays `start`."""
    if start is not None:
        task["init_checkpoint"] = "start.pkl"
    task["model"] = {"classes": classes} | (model or {})
    params = fields_of("rcnn", SMALL, {"task": task})
    config.validate(params)
    return Task(params, read_start=lambda path: start)


def drawn(task):
    """A network of the task with weights as drawn."""
    model = task.build_model()
    rng = np.random.RandomState(0)
    variables = variables_by_name(model)
    assign(variables, {n: rng.normal(0, 0.05, v.shape) for n, v in variables.items()})
    return model


def blobs_of(task, *, without=()):
    """A Detectron file of such a network."""
    options = task.task_config.model.as_dict()
    to = TRANSLATIONS["detectron"]
    return Checkpoint(
        {
            to.their_name(name, options): to.to_theirs(variable.numpy(), name)
            for name, variable in variables_by_name(drawn(task)).items()
            if not name.startswith(without)
        }
    )


@pytest.fixture(scope="module")
def glove(tmp_path_factory):
    path = tmp_path_factory.mktemp("glove") / "words.txt"
    path.write_text("".join(f"{word} {n} 1 2 3\n" for n, word in enumerate(("class", "0", "1"))))
    return str(path)


def test_a_file_fills_the_table_by_the_names_of_the_classes(glove):
    task = task_of(embeddings=glove, classes=2, model=VECTORS)
    model = task.build_model()
    task.initialize(model)
    expected = [[0, 0, 0, 0], [0.5, 1, 2, 3], [1, 1, 2, 3]]
    np.testing.assert_allclose(variables_by_name(model)[TABLE], expected)


def test_a_drawn_table_fills_that_of_random_vectors_and_wins_over_the_start():
    model = VECTORS | {"transfer_input": "random"}
    start = blobs_of(task_of(model=model))
    assert "v_randn_0" in start
    task = task_of(start, embeddings="random:3", model=model)
    built = task.build_model()
    task.initialize(built)
    first = np.random.RandomState(3).standard_normal(4) / 2
    np.testing.assert_allclose(variables_by_name(built)[TABLE][1], first, rtol=1e-6)
    np.testing.assert_array_equal(
        variables_by_name(built)["transfer_out/bias"], start["mask_fcn_logits_w_flat_b"]
    )


def test_the_table_of_a_detectron_file_is_taken_and_stays():
    start = blobs_of(task_of(model=VECTORS))
    task = task_of(start, model=VECTORS)
    model = task.build_model()
    task.initialize(model)
    np.testing.assert_array_equal(variables_by_name(model)[TABLE], start["v_glove"])
    assert TABLE not in task.trained_variables(model)


@pytest.mark.parametrize("rows", [None, 3, 5])
def test_a_missing_table_is_named_before_anything_is_trained(rows):
    start = blobs_of(task_of(model=VECTORS), without=("transfer_embedding",))
    if rows:
        start["v_glove"] = np.zeros((rows, 4), np.float32)
    task = task_of(start, model=VECTORS)
    message = r"v_glove or v_randn_0 .* is missing: .* start.pkl has none of 4 rows; give task.emb"
    with pytest.raises(LfpError, match=message):
        task.initialize(task.build_model())


def test_a_table_is_missing_without_any_start():
    task = task_of(model=VECTORS)
    with pytest.raises(LfpError, match="transfer_input is glove, but none is given; give task.emb"):
        task.initialize(task.build_model())


def test_words_that_no_class_has_are_named(glove):
    task = task_of(embeddings=glove, model=VECTORS)
    with pytest.raises(LfpError, match='words.txt has no vector of 1 words: "2" of the class "cla'):
        task.initialize(task.build_model())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"embeddings": "a.txt"}, 'embeddings is "a.txt", but task.model.transfer_input is "none"'),
        ({"embeddings": "random:x", "model": VECTORS}, "a random table is random:SEED"),
        ({"embeddings": "random:0", "model": VECTORS}, "is random:0, but .* is glove; give a file"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(changes, message):
    with pytest.raises(LfpError, match=message):
        task_of(**changes)


TRANSFER = {"transfer_input": "cls+box"}


def test_masks_of_the_first_classes_train_the_transfer_of_all():
    """Stage 2 without surgery: the detector keeps the rows of all its classes."""
    start = blobs_of(task_of(classes=30, model={"masks": False}))
    assert start["cls_score_w"].shape[0] == 31
    task = task_of(start, classes=30, model=TRANSFER, trainable="mask_head")
    model = task.build_model()
    task.initialize(model)
    variables = variables_by_name(model)
    before = {name: variable.numpy() for name, variable in variables.items()}
    batch = batch_of([CAR, BOX_ONLY], [CAR])
    losses, gradients = trained(task, model, batch)
    assert set(losses) == {"mask", "loss"} and float(losses["mask"]) > 0
    assert {name.split("_")[0] for name in gradients} == {"mask", "transfer"}
    assert total(gradients, "transfer_") > 0
    for name, gradient in gradients.items():
        variables[name].assign_sub(0.1 * tf.convert_to_tensor(gradient))
    np.testing.assert_array_equal(before["box_classes/kernel"], start["cls_score_w"].T)
    np.testing.assert_array_equal(variables["box_classes/kernel"], before["box_classes/kernel"])
    assert model.mask_kernels(tf.range(31)).shape == (31, 8)


def test_the_slice_and_the_surgery_train_the_same():
    """Rows beyond those of the records change neither the loss nor what is learnt."""
    start = blobs_of(task_of(classes=30, model={"masks": False}))
    cut = Checkpoint(start)
    for name, rows in {"cls_score": 4, "bbox_pred": 16}.items():
        cut |= {f"{name}_{leaf}": start[f"{name}_{leaf}"][:rows] for leaf in "wb"}
    results = []
    for arrays, classes in ((start, 30), (Checkpoint(cut), 3)):
        task = task_of(arrays, classes=classes, model=TRANSFER, trainable="mask_head")
        tf.random.set_seed(0)
        model = task.build_model()
        task.initialize(model)
        values = [n for n in variables_by_name(model) if n.startswith(("mask_", "transfer_"))]
        rng = np.random.RandomState(1)
        drawn_values = {n: rng.normal(0, 0.1, variables_by_name(model)[n].shape) for n in values}
        assign(variables_by_name(model), drawn_values)
        results.append(trained(task, model, batch_of([CAR])))
    (whole, whole_gradients), (sliced, sliced_gradients) = results
    np.testing.assert_allclose(float(whole["mask"]), float(sliced["mask"]), rtol=1e-6)
    for name, gradient in sliced_gradients.items():
        np.testing.assert_allclose(whole_gradients[name], gradient, atol=1e-7)


def test_a_start_of_fewer_classes_is_refused_where_masks_alone_are_trained():
    start = blobs_of(task_of(model={"masks": False}))
    task = task_of(start, classes=30, model=TRANSFER, trainable="mask_head")
    message = r"start.pkl does not fill 4 of .* \(box_classes/.* as many classes .* is 30\)"
    with pytest.raises(LfpError, match=message):
        task.initialize(task.build_model())
    # Where all is trained new heads start as drawn.
    task = task_of(start, classes=30, model=TRANSFER)
    task.initialize(task.build_model())


def names(count):
    return [f"thing {number}" for number in range(count)]


def test_records_of_the_first_classes_are_taken_where_masks_alone_are_trained():
    fields = task_of(classes=30, trainable="mask_head").task_config
    assert fields.take_classes(names(3), lambda: names(30))
    assert fields.model.classes == 30 and fields.class_names == names(30)


def test_classes_that_nobody_names_are_numbered():
    fields = task_of(classes=5, trainable="mask_head").task_config
    assert fields.take_classes(names(3), list)
    assert fields.class_names == [*names(3), "class 3", "class 4"]


@pytest.mark.parametrize(
    ("fields", "count"), [({"trainable": "mask_head"}, 31), ({}, 3), ({"trainable": "heads"}, 3)]
)
def test_other_numbers_of_classes_are_not_taken(fields, count):
    assert not task_of(classes=30, **fields).task_config.take_classes(names(count), list)


def test_records_of_another_order_are_refused():
    fields = task_of(classes=30, trainable="mask_head").task_config
    with pytest.raises(LfpError, match='have "thing 0" the records have "thing 2"'):
        fields.take_classes(names(3)[::-1], lambda: names(30))
    fields.class_names = names(3)[::-1] + names(30)[3:]
    assert fields.take_classes(names(3)[::-1], lambda: names(30))


def records(root, count, *, labels):
    """Records of small images, named as those of scenes, with the first classes of `names`."""
    images = {
        split: [
            source(root / "images", f"{split}{n}", LYING, [square(4 + n, 6, 16, label=label)])
            for n, label in enumerate(labels)
        ]
        for split in ("train", "val")
    }
    plan = detection_plan("scenes", names(count), images)
    write_plan(plan, take_census(plan), root / "records", num_shards=1)
    return root / "records"


def test_masks_of_few_classes_are_learnt_for_a_detector_of_more(tmp_path):
    """Both stages by the command: boxes of five classes, then masks of the first three."""
    changes = {"trainer__train_steps": 1, "task__model__norm": "affine"}
    all_five = records(tmp_path / "five", 5, labels=[1, 4, 5, 2])
    stage1, stage2 = tmp_path / "stage1", tmp_path / "stage2"
    done = small_detector.train(
        all_five, stage1, "--mode=train", **changes, task__model__masks="false"
    )
    assert done.returncode == 0, done.stderr
    three = records(tmp_path / "three", 3, labels=[1, 2, 3, 1])
    words = {"task__model__transfer_input": "cls+box", "task__trainable": "mask_head"}
    done = small_detector.train(three, tmp_path / "refused", f"--init={stage1}", **changes, **words)
    assert done.returncode == 2 and "does not fill 4 of" in done.stderr
    words["task__model__classes"] = 5
    done = small_detector.train(three, stage2, f"--init={stage1}", **changes, **words)
    assert done.returncode == 0, done.stderr
    assert (stage2 / "report.html").exists()
    fields = yaml.safe_load((stage2 / "params.yaml").read_text())["task"]
    assert fields["class_names"] == names(5)
    before, _ = networks.load("maskrcnn_small_scenes", stage1)
    model, _ = networks.load("maskrcnn_small_scenes", stage2)
    assert model.recipe.classes == names(5)
    rows = variables_by_name(model)["box_classes/kernel"]
    np.testing.assert_array_equal(rows, variables_by_name(before)["box_classes/kernel"])
    assert rows.shape[1] == 6 and model.mask_kernels(tf.range(6)).shape[0] == 6
