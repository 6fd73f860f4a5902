"""An export of a detector answers as the Python model does, in every signature, through C too."""

import dataclasses
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_detector import EVALUATION, KnownDetector, small_detector
from small_network import random_images

from lfp_tf.errors import LfpError, graph_sentence
from lfp_tf.images.decode import encode_png
from lfp_tf.serving import export as serving
from lfp_tf.serving.export import ServedForm
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.detection import signatures as offered
from lfp_tf.tasks.detection.prediction import Protocol, array_function, masks_in_boxes
from lfp_tf.tasks.detection.signatures import signature_functions, warmup_requests

SIZES = ((60, 41), (33, 80), (1, 1), (130, 9))
PROTOCOL = Protocol(**EVALUATION)
LIMITS = Limits(max_pixels=3000, max_batch=4, max_boxes=3)
NAMES = ("boxes", "classes", "scores", "num_detections", "masks")


@pytest.fixture(scope="module")
def model():
    return small_detector()


def exported(model, folder, **form):
    return serving.export(
        model, folder, signatures=offered, protocol=PROTOCOL, limits=LIMITS, form=ServedForm(**form)
    )


@pytest.fixture(scope="module")
def plain(model, tmp_path_factory):
    """An export whose graph is the model's own."""
    return exported(model, tmp_path_factory.mktemp("plain"), optimize=False)


@pytest.fixture(scope="module")
def folded(model, tmp_path_factory):
    return exported(model, tmp_path_factory.mktemp("folded"))


@pytest.fixture(scope="module")
def signatures(plain):
    loaded = tf.saved_model.load(str(plain))
    yield loaded.signatures
    del loaded


@pytest.fixture(scope="module")
def detect(model):
    """Function of an image to what a signature should answer."""
    found_in = array_function(model, PROTOCOL)

    def answer(image):
        found = found_in(image)
        return {
            "boxes": found["boxes"][:, [1, 0, 3, 2]],
            "classes": np.maximum(found["labels"] - 1, 0),
            "scores": found["scores"],
            "num_detections": found["count"],
            "masks": found["masks"],
        }

    return answer


def test_bytes_of_differing_sizes_give_the_python_models_objects_bit_for_bit(signatures, detect):
    images = list(random_images(*SIZES))
    data = tf.constant([encode_png(image) for image in images])
    answer = signatures["serving_default"](image_bytes=data)
    assert set(answer) == set(NAMES)
    assert answer["boxes"].shape == (4, 10, 4) and answer["masks"].shape == (4, 10, 28, 28)
    assert answer["classes"].dtype == answer["num_detections"].dtype == tf.int32
    for number, image in enumerate(images):
        for name, value in detect(image).items():
            np.testing.assert_array_equal(answer[name][number], value, err_msg=name)
    assert (answer["num_detections"].numpy() > 0).all()


def test_pixels_give_them_too(signatures, detect):
    (image,) = random_images(SIZES[0])
    batch = np.stack([image, image[:, ::-1]])
    answer = signatures["images"](images=tf.constant(batch))
    for number, entry in enumerate(batch):
        for name, value in detect(np.array(entry)).items():
            np.testing.assert_array_equal(answer[name][number], value, err_msg=name)


def test_folded_norms_change_roundings_alone(folded, detect):
    (image,) = random_images(SIZES[0])
    answer = tf.saved_model.load(str(folded)).signatures["images"](images=image[None])
    expected = detect(image)
    assert answer["num_detections"][0] == expected["num_detections"] > 3
    np.testing.assert_array_equal(answer["classes"][0], expected["classes"])
    np.testing.assert_allclose(answer["scores"][0], expected["scores"], atol=1e-5)
    np.testing.assert_allclose(answer["boxes"][0], expected["boxes"], atol=1e-3)  # of 60 pixels
    np.testing.assert_allclose(answer["masks"][0], expected["masks"], atol=1e-4)
    graph = (folded / "saved_model.pb").read_bytes()
    assert b"FusedBatchNormV3" not in graph and b"PyFunc" not in graph


def test_masks_of_the_callers_boxes(signatures, model):
    (image,) = random_images(SIZES[0])
    batch = np.stack([image, image[::-1]])
    boxes = np.float32([[[5, 10, 40, 30], [0, 0, 60, 41]], [[0, 0, 9, 9], [7, 7, 7, 7]]])
    classes = np.int32([[0, 2], [1, 1]])
    masks = signatures["instances"](images=batch, boxes=boxes, classes=classes)["masks"]
    assert masks.shape == (2, 2, 28, 28)
    in_boxes = tf.function(masks_in_boxes(model, PROTOCOL), autograph=False)
    for number in range(2):
        expected = in_boxes(
            tf.constant(batch[number]), boxes[number][:, [1, 0, 3, 2]], classes[number] + 1
        )
        np.testing.assert_array_equal(masks[number], expected)
    assert np.abs(masks[0, 0] - masks[0, 1]).max() > 0.01
    none = signatures["instances"](
        images=batch, boxes=np.zeros((2, 0, 4), np.float32), classes=np.zeros((2, 0), np.int32)
    )
    assert none["masks"].shape == (2, 0, 28, 28)


def test_detections_brought_back_have_their_masks(signatures):
    (image,) = random_images(SIZES[0])
    answer = signatures["images"](images=image[None])
    first = {name: answer[name][:, :3] for name in ("boxes", "classes")}
    masks = signatures["instances"](images=image[None], **first)["masks"]
    np.testing.assert_allclose(masks, answer["masks"][:, :3], atol=1e-5)


def refusal(signatures, name, **inputs):
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
    return graph_sentence(caught.value)


def test_what_passes_the_limits_is_refused_in_a_sentence(signatures):
    large, small = np.zeros((1, 60, 60, 3), np.uint8), np.zeros((5, 2, 2, 3), np.uint8)
    boxes, classes = np.zeros((1, 1, 4), np.float32), np.zeros((1, 1), np.int32)
    expected = "The image has 60x60 pixels, but at most 3000 are served; send a smaller one."
    data = [encode_png(large[0])]
    assert refusal(signatures, "serving_default", image_bytes=data) == expected
    assert refusal(signatures, "images", images=large) == expected
    assert refusal(signatures, "instances", images=large, boxes=boxes, classes=classes) == expected
    many = "The request has 5 images, at most 4 are served."
    assert refusal(signatures, "serving_default", image_bytes=[encode_png(small[0])] * 5) == many
    assert refusal(signatures, "images", images=small) == many
    none = "The request has no images; send at least one."
    assert refusal(signatures, "images", images=small[:0]) == none
    assert "image" in refusal(signatures, "serving_default", image_bytes=[b"no image"])


@pytest.mark.parametrize(
    ("boxes", "classes", "sentence"),
    [
        ([[[0, 0, 5, 5]] * 4], [[0] * 4], "The request has 4 boxes an image, at most 3 are served"),
        ([[[0, 0, 5, 5]]] * 2, [[0]] * 2, "boxes must be [images, boxes, 4] and classes [images,"),
        ([[[0, 0, 5, 5]]], [[0, 1]], "boxes must be [images, boxes, 4] and classes [images, boxes"),
        ([[[0, np.nan, 5, 5]]], [[0]], "Boxes must be ymin, xmin, ymax, xmax, within 1000000 pix"),
        (
            [[[-3e38, 0, 3e38, 5]]],
            [[0]],
            "Boxes must be ymin, xmin, ymax, xmax, within 1000000 pix",
        ),
        ([[[0, 0, np.inf, 5]]], [[0]], "Boxes must be ymin, xmin, ymax, xmax, within 1000000 pix"),
        ([[[0, 0, 5, 5]]], [[3]], "classes must lie in 0..2."),
        ([[[0, 0, 5, 5]]], [[-1]], "classes must lie in 0..2."),
    ],
)
def test_impossible_boxes_are_refused(signatures, boxes, classes, sentence):
    images = np.zeros((1, 30, 30, 3), np.uint8)
    boxes, classes = np.float32(boxes), np.int32(classes)
    said = refusal(signatures, "instances", images=images, boxes=boxes, classes=classes)
    assert said.startswith(sentence)


@pytest.mark.parametrize(
    "box", [[-500, -300, 90, 40], [-1e6, -1e6, 1e6, 1e6], [9e5, 9e5, 1e6, 1e6], [20, 20, 5, 5]]
)
def test_boxes_that_reach_far_out_are_served(signatures, box):
    masks = signatures["instances"](
        images=tf.zeros([1, 30, 30, 3], tf.uint8),
        boxes=tf.constant([[box]], tf.float32),
        classes=tf.constant([[0]]),
    )["masks"]
    assert np.isfinite(masks).all()


def test_one_bad_image_fails_its_request_only(signatures, detect):
    (image,) = random_images(SIZES[0])
    good = encode_png(image)
    assert refusal(signatures, "serving_default", image_bytes=[good, good[:50]])
    answer = signatures["serving_default"](image_bytes=tf.constant([good]))
    np.testing.assert_array_equal(answer["scores"][0], detect(image)["scores"])


def test_warm_up_requests_run(signatures, model):
    asked = warmup_requests(model.recipe, LIMITS)
    assert [name for name, _ in asked] == [
        *("serving_default", "serving_default", "images", "instances"),
    ]
    for name, inputs in asked:
        answer = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        assert answer["masks"].shape[0] == 1
    assert warmup_requests(model.recipe, Limits())[2][1]["images"].shape == (1, 64, 64, 3)


def test_a_detector_without_masks_answers_without_them():
    answers = {(20, 30): [((2.0, 3.0, 12.0, 9.0), 2, 0.9)]}
    network = KnownDetector(answers, masks=False)
    functions = signature_functions(network, protocol=PROTOCOL, limits=LIMITS)
    assert set(functions) == {"serving_default", "images"}
    answer = functions["images"](np.zeros((2, 20, 30, 3), np.uint8))
    assert set(answer) == set(NAMES) - {"masks"}
    np.testing.assert_array_equal(answer["boxes"][:, 0], [[3, 2, 9, 12]] * 2)
    assert answer["classes"].numpy()[:, :2].tolist() == [[1, 0]] * 2
    assert answer["num_detections"].numpy().tolist() == [1, 1]
    requests = warmup_requests(network.recipe, LIMITS)
    assert [name for name, _ in requests] == ["serving_default", "serving_default", "images"]


def test_images_pass_the_network_one_after_the_other(model):
    """Memory is that of one image: a loop of one iteration at a time."""
    functions = signature_functions(KnownDetector({}), protocol=PROTOCOL, limits=LIMITS)
    of_masks = signature_functions(model, protocol=PROTOCOL, limits=LIMITS)["instances"]
    for function in (functions["serving_default"], functions["images"], of_masks):
        operations = function.get_concrete_function().graph.get_operations()
        loops = [o for o in operations if o.type in ("While", "StatelessWhile")]
        assert [loop.get_attr("parallel_iterations") for loop in loops] == [1]


def test_a_fixed_size_of_images_is_refused():
    protocol = dataclasses.replace(PROTOCOL, short_side=48)
    with pytest.raises(LfpError, match="--input_size is for segmentation; .* at 48 pixels"):
        signature_functions(
            KnownDetector({}), protocol=protocol, limits=Limits(input_size=(64, 64))
        )


def test_it_answers_through_the_c_api_without_keras_and_without_us(plain, detect, tmp_path):
    (image,) = random_images(SIZES[0])
    boxes, classes = np.float32([[[5, 10, 40, 30]]]), np.int32([[2]])
    for name, value in (("images", image[None]), ("boxes", boxes), ("classes", classes)):
        np.save(tmp_path / f"{name}.npy", value)
    (tmp_path / "image_bytes.png").write_bytes(encode_png(image))
    client = pathlib.Path(__file__).parents[2] / "serving" / "c_api_client.py"
    library = pathlib.Path(tf.__file__).parent
    done = subprocess.run(
        [sys.executable, client, library, plain, tmp_path],
        capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    expected = detect(image)
    for signature in ("serving_default", "images"):
        for name, value in expected.items():
            answer = np.load(tmp_path / f"{signature}.{name}.npy")[0]
            np.testing.assert_allclose(answer, value, atol=1e-5, err_msg=name)
    assert np.load(tmp_path / "instances.masks.npy").shape == (1, 1, 28, 28)
