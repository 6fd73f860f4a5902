"""The functions of `import lfp_tf`: images in any form, one trace, names and colours of the recipe."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny
from PIL import Image
from small_classifier import random_image, small_classifier
from small_detector import KnownDetector
from small_network import random_images, small_checkpoint, small_network
from small_people import KnownNetwork, same_maps

import lfp_tf
from lfp_tf.errors import LfpError
from lfp_tf.images.detections import draw_detections
from lfp_tf.images.overlay import overlay, with_legend
from lfp_tf.images.palette import ClassTable
from lfp_tf.images.skeleton import draw_skeletons
from lfp_tf.recipes import networks
from lfp_tf.tasks.classification import results as of_classes
from lfp_tf.tasks.segmentation.prediction import protocol_of

SHIPPED = "pspnet_mobilenetv2_camvid"


@pytest.fixture(scope="module")
def model():
    return small_network()


@pytest.fixture(scope="module")
def classifier():
    return small_classifier()


@pytest.fixture(scope="module")
def pose():
    return KnownNetwork(same_maps()[0])


# (box x1, y1, x2, y2, label, score) in an image of 50x70.
OBJECTS = [((5.0, 5.0, 45.0, 45.0), 1, 0.9), ((50.0, 10.0, 68.0, 40.0), 3, 0.3)]


@pytest.fixture(scope="module")
def objects():
    """A detector that knows the objects of images of 50x70."""
    return KnownDetector({(50, 70): OBJECTS})


@pytest.fixture
def traces(monkeypatch):
    """The kinds of networks that were traced, one entry a trace."""
    counted, before = [], tf_keras.Model.__call__

    def call(self, *arguments, **more):
        counted.append(self.name)
        return before(self, *arguments, **more)

    monkeypatch.setattr(tf_keras.Model, "__call__", call)
    return counted


def test_only_the_first_call_traces(traces):
    model, images = small_network(), list(random_images((33, 41), (40, 30), (33, 41)))
    traces.clear()
    first = lfp_tf.segment(model, images[0])
    assert len(traces) == 1
    assert len(lfp_tf.segment(model, images)) == 3
    np.testing.assert_array_equal(lfp_tf.segment(model, images[0]), first)
    assert len(traces) == 1
    # Another protocol is another function.
    lfp_tf.segment(
        model, images[0], protocol=protocol_of(model.recipe, flip="softmax", name="whole")
    )
    assert len(traces) == 2


def test_a_classifier_traces_once(classifier, traces):
    for number in range(3):
        lfp_tf.classify(classifier, random_image(number))
    assert len(traces) <= 1


def test_new_weights_and_another_preprocessing_count_at_once():
    model, (image,) = small_network(), random_images((33, 41))
    lfp_tf.segment(model, image)
    model.recipe.preprocess = "caffe"
    other = small_network(seed=1)
    model.set_weights(other.get_weights())
    other.recipe.preprocess = "caffe"
    np.testing.assert_array_equal(lfp_tf.segment(model, image), lfp_tf.segment(other, image))


def test_the_kept_function_goes_into_no_checkpoint_and_no_file(tmp_path):
    model, (image,) = small_network(), random_images((33, 41))
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "before"))
    before = dict(tf.train.list_variables(path))
    lfp_tf.segment(model, image)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "after"))
    assert dict(tf.train.list_variables(path)) == before
    model.save(tmp_path / "model.keras")
    loaded = tf_keras.models.load_model(tmp_path / "model.keras")
    loaded.recipe = model.recipe
    np.testing.assert_array_equal(lfp_tf.segment(loaded, image), lfp_tf.segment(model, image))


def test_labels_are_those_of_the_network(model, tmp_path):
    from lfp_tf.ops.preprocessing import preprocess

    (image,) = random_images((33, 41))
    logits = model(preprocess(image, model.recipe.preprocess)[None])["logits"]
    labels = lfp_tf.segment(model, image)
    assert labels.dtype == np.uint8
    assert np.mean(labels == np.argmax(logits[0], -1)) > 0.999  # but for ties
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    forms = [path, path.read_bytes(), Image.open(path), tf.constant(image)]
    for other in lfp_tf.segment(model, forms):
        np.testing.assert_array_equal(other, labels)
    assert lfp_tf.segment(model, []) == []


def test_an_image_of_a_list_that_is_refused_is_counted(model):
    (image,) = random_images((33, 41))
    with pytest.raises(LfpError, match="Image 1 of the list: The image is an array of float32"):
        lfp_tf.segment(model, [image, image.astype(np.float32)])


def test_classes_and_joints(classifier, pose):
    image = random_image(1)
    probabilities = lfp_tf.classify(classifier, image)
    assert probabilities.shape == (6,) and abs(probabilities.sum() - 1) < 1e-5
    np.testing.assert_array_equal(lfp_tf.classify(classifier, [image])[0], probabilities)
    whole = lfp_tf.keypoints(pose, image)
    assert whole.shape == (1, 14, 3) and whole.dtype == np.float32
    box = [[0, 0, *image.shape[:2]]]
    np.testing.assert_array_equal(lfp_tf.keypoints(pose, image, boxes=box), whole)
    several = lfp_tf.keypoints(pose, [image, image], boxes=[box * 2, []])
    assert [len(people) for people in several] == [2, 0]
    np.testing.assert_array_equal(several[0][1], whole[0])


def test_objects_with_boxes_classes_scores_and_masks(objects):
    (image,) = random_images((50, 70))
    found = lfp_tf.detect(objects, image)
    assert set(found) == {"boxes", "classes", "scores", "masks"}
    np.testing.assert_array_equal(found["boxes"], [[5, 5, 45, 45], [10, 50, 40, 68]])
    assert [objects.recipe.classes[number] for number in found["classes"]] == ["cat", "cow"]
    np.testing.assert_allclose(found["scores"], [0.9, 0.3])
    assert found["masks"].dtype == bool and found["masks"].shape == (2, 50, 70)
    assert found["masks"][0, 10:40, 10:40].all() and not found["masks"][0, :, 47:].any()
    best = lfp_tf.detect(objects, image, least_score=0.5)
    assert len(best["boxes"]) == len(best["masks"]) == 1
    one, none = lfp_tf.detect(objects, [image, image[:20]])
    np.testing.assert_array_equal(one["masks"], found["masks"])
    assert none["boxes"].shape == (0, 4) and none["masks"].shape == (0, 20, 70)
    boxes_alone = lfp_tf.detect(KnownDetector({(50, 70): OBJECTS}, masks=False), image)
    assert set(boxes_alone) == {"boxes", "classes", "scores"}


@pytest.mark.parametrize("boxes", [[[0, 0, 5]], [[0, 0, 0, 5]], [0, 0, 5, 5], "box"])
def test_boxes_of_another_form_are_refused(pose, boxes):
    with pytest.raises(LfpError, match=r"boxes must be \[P, 4\], ymin, xmin, ymax, xmax"):
        lfp_tf.keypoints(pose, random_image(0), boxes=boxes)


def test_a_list_of_images_needs_as_many_lists_of_boxes(pose):
    with pytest.raises(LfpError, match="boxes has 1 entries for 2 images; give one each"):
        lfp_tf.keypoints(pose, [random_image(0)] * 2, boxes=[[]])


def test_the_right_function_is_named(model, classifier, pose, objects):
    image = random_image(0)
    for function, network, text in (
        (lfp_tf.segment, classifier, r"labels no pixels; use lfp_tf.classify\(model, image\)"),
        (lfp_tf.segment, pose, r"is for pose and labels no pixels; use lfp_tf.keypoints\(model"),
        (lfp_tf.classify, model, r"classifies no images; use lfp_tf.segment\(model, image\)"),
        (lfp_tf.keypoints, model, r"finds no joints; use lfp_tf.segment\(model, image\)"),
        (lfp_tf.detect, model, r"detects no objects; use lfp_tf.segment\(model, image\)"),
        (lfp_tf.segment, objects, r"is for detection and labels no .* lfp_tf.detect\(model, im"),
        (lfp_tf.segment, tf_keras.Sequential(), "The model has no recipe"),
    ):
        with pytest.raises(LfpError, match=text):
            function(network, image)


def test_an_image_that_no_network_can_take_is_a_sentence(model, monkeypatch):
    network = small_network("deeplabv2_folder", changes={
        "task": {"model": {"width": 0.0625, "depth": 50, "classes": 3}}
    })  # fmt: skip
    with pytest.raises(LfpError, match="cannot take an image of 1x1; give a larger one"):
        lfp_tf.segment(network, np.zeros((1, 1, 3), np.uint8))


def test_show_takes_names_and_colours_of_the_models_own_recipe(tmp_path):
    model, (image,) = small_network(), random_images((33, 41))
    model.recipe.dataset = "folder"
    model.recipe.classes = [f"kind {n}" for n in range(8)]
    model.recipe.colors = [[n * 30, 9, 200 - n] for n in range(8)]
    labels = np.arange(33 * 41).reshape(33, 41) % 8
    table = ClassTable(tuple(model.recipe.classes), np.array(model.recipe.colors, np.uint8))
    shown = lfp_tf.show(image, labels, model=model)
    np.testing.assert_array_equal(shown, overlay(image, labels, table))
    shown.save(tmp_path / "overlay.png")
    named = lfp_tf.show(image, labels, model=model, legend=True)
    np.testing.assert_array_equal(named, with_legend(overlay(image, labels, table), labels, table))


def test_show_draws_classes_and_joints_as_predict_does(classifier, pose):
    image = random_image(3)
    probabilities = lfp_tf.classify(classifier, image)
    results = of_classes.Results(lambda image: probabilities, classifier.recipe.classes, {})
    shown = lfp_tf.show(image, probabilities, model=classifier)
    np.testing.assert_array_equal(shown, results.explained(image, probabilities))
    people = lfp_tf.keypoints(pose, image)
    expected = draw_skeletons(image, list(people), pose.recipe.classes)
    for joints in (people, people[0]):
        np.testing.assert_array_equal(lfp_tf.show(image, joints, model=pose), expected)


def test_show_draws_objects_with_names_and_scores(objects):
    (image,) = random_images((50, 70))
    found = lfp_tf.detect(objects, image)
    expected = draw_detections(
        image, [row[0] for row in OBJECTS], [0, 2], objects.recipe.classes,
        scores=found["scores"], masks=found["masks"],
    )  # fmt: skip
    np.testing.assert_array_equal(lfp_tf.show(image, found, model=objects), expected)
    none = lfp_tf.detect(objects, image, least_score=1.0)
    np.testing.assert_array_equal(lfp_tf.show(image, none, model=objects), image)


def test_show_refuses_what_is_not_of_the_image(model, classifier, pose, objects):
    image = random_image(0)
    of_another = lfp_tf.detect(objects, np.zeros((50, 70, 3), np.uint8))
    for prediction, more, text in (
        (np.zeros((2, 2), int), {"model": model}, r"labels have the shape \[2, 2\], but the image"),
        (
            np.zeros(3),
            {"model": classifier},
            r"probabilities have the shape \[3\], but the network",
        ),
        (np.zeros((1, 3)), {"model": pose}, r"joints have the shape \[1, 3\], but must be"),
        (of_another, {"model": objects}, "The masks are 50x70, but the image is"),
        (np.zeros(3), {"model": objects}, "must be what lfp_tf.detect gave for this image"),
        (np.zeros((2, 2), int), {}, "give model=, or dataset= for labels"),
    ):
        with pytest.raises(LfpError, match=text):
            lfp_tf.show(image, prediction, **more)


def test_a_network_that_ships_and_an_experiment_with_its_checkpoint_load(tmp_path):
    assert len(lfp_tf.load(SHIPPED).recipe.classes) == 11
    ours = small_checkpoint(tmp_path / "converted")
    (image,) = random_images((33, 41))
    expected = lfp_tf.segment(ours, image)
    for words in (["pspnet18_scenes", tmp_path / "converted"], [str(tmp_path / "converted")]):
        model = lfp_tf.load(*words)
        np.testing.assert_array_equal(lfp_tf.segment(model, image), expected)
        assert model.recipe.classes == ours.recipe.classes


def test_a_run_loads_by_its_folder_alone(tmp_path):
    records, run = tiny.make_records(tmp_path / "records"), tmp_path / "my_run"
    done = tiny.train(records, run, "--mode=train", trainer__train_steps=2)
    assert done.returncode == 0, done.stderr
    model, named = lfp_tf.load(run), networks.load("pspnet18_scenes", run)[0]
    for ours, theirs in zip(model.get_weights(), named.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.recipe.as_dict() == named.recipe.as_dict()
    (run / "run.json").unlink()  # as older runs have none
    assert lfp_tf.load(run).recipe.experiment == "my_run"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["pspnet18_scens"], 'neither an experiment nor .* Did you mean "pspnet18_scenes"'),
        (["pspnet18_scenes"], r"No trained pspnet18_scenes ships .*give weights, as lfp_tf.load\("),
        (["."], "holds no run: it has neither params.yaml nor options.yaml"),
        (["weights.npz"], r"give the experiment too, as lfp_tf.load\(experiment, file\)"),
        (["pspnet18_scenes", "no_such.npz"], "no_such.npz"),
    ],
)
def test_what_cannot_be_loaded_is_told(words, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LfpError, match=text):
        lfp_tf.load(*words)


def test_help_tells_what_goes_in_and_what_comes_out():
    text = lfp_tf.build.__doc__
    for word in ("preprocessed", "dictionary", "`tf_keras`", "not Keras 3"):
        assert word in text
