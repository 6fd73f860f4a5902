"""A classifier's export answers as the Python model does, preprocessing and limits included."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_classifier import NAMES, random_image, small_classifier

from lfp_tf.errors import LfpError, graph_sentence
from lfp_tf.images.decode import encode_png
from lfp_tf.layers.batch_norm import BatchNorm
from lfp_tf.serving.limits import Limits
from lfp_tf.serving.network import convolutions_with_norms, served_network, served_variables
from lfp_tf.tasks.classification import signatures as offered
from lfp_tf.tasks.classification.prediction import predictor, protocol_of

LIMITS = Limits(max_pixels=12000, max_batch=4)


def functions_of(model, *, limits):
    protocol = protocol_of(model.recipe)
    return offered.signature_functions(model, protocol=protocol, limits=limits)


@pytest.fixture(scope="module")
def model():
    return small_classifier()


@pytest.fixture(scope="module")
def expected(model):
    """[(image, probabilities)] of the Python model, of four sizes."""
    classify = predictor(model, protocol_of(model.recipe))
    return [(image, classify(tf.constant(image)).numpy()) for image in map(random_image, range(4))]


@pytest.fixture(scope="module")
def place(model, tmp_path_factory):
    folder, served, module = tmp_path_factory.mktemp("export"), served_network(model), tf.Module()
    functions = functions_of(served, limits=LIMITS)
    module.weights = served_variables(served)
    signatures = {name: f.get_concrete_function() for name, f in functions.items()}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


@pytest.fixture(scope="module")
def signatures(place):
    loaded = tf.saved_model.load(str(place))
    yield loaded.signatures
    del loaded


def check(answer, expected):
    # Folded batch norm rounds otherwise; probabilities lie in 0..1.
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)
    order = np.argsort(-expected, axis=1)[:, :5]
    assert answer["classes"].dtype == tf.int32
    np.testing.assert_array_equal(answer["classes"], order)
    np.testing.assert_allclose(
        answer["scores"], np.take_along_axis(expected, order, axis=1), atol=1e-5
    )


def test_bytes_of_differing_sizes_give_the_python_models_classes(signatures, expected):
    expected_value = np.stack([probabilities for _, probabilities in expected])
    assert len(set(expected_value.argmax(1))) > 1
    data = tf.constant([encode_png(image) for image, _ in expected])
    check(signatures["serving_default"](image_bytes=data), expected_value)


def test_pixels_give_the_python_models_classes(signatures, expected):
    for image, probabilities in expected:
        batch = tf.constant(np.stack([image, image]))
        check(signatures["images"](images=batch), np.stack([probabilities] * 2))


def test_a_grey_jpeg_is_served(model, signatures):
    stream = io.BytesIO()
    Image.fromarray(random_image(5)).convert("L").save(stream, "JPEG", quality=95)
    answer = signatures["serving_default"](image_bytes=tf.constant([stream.getvalue()]))
    image = np.array(Image.open(stream).convert("RGB"))
    expected_value = predictor(model, protocol_of(model.recipe))(tf.constant(image))[None].numpy()
    np.testing.assert_allclose(answer["probabilities"], expected_value, atol=1e-4)


def test_of_few_classes_all_are_given():
    model = small_classifier(names=NAMES[:3])
    functions = functions_of(model, limits=LIMITS)
    answer = functions["images"](tf.constant(random_image(0)[None]))
    assert answer["classes"].shape == answer["scores"].shape == (1, 3)
    assert sorted(answer["classes"][0].numpy().tolist()) == [0, 1, 2]


def test_norms_of_the_pyramid_blocks_are_folded(model, place):
    served = served_network(model)
    norms = [layer for layer in served.submodules if isinstance(layer, BatchNorm)]
    pairs = convolutions_with_norms(served)
    # The stem's and, in four blocks, three of the main branch, six of the pyramid, the shortcut.
    assert len(norms) == len(pairs) == 1 + 4 * 10
    assert all(norm.is_folded for norm in norms)
    assert b"FusedBatchNormV3" not in (place / "saved_model.pb").read_bytes()


@pytest.mark.parametrize("options", [{"optimize": False}, {"dtype": "bfloat16"}])
def test_other_graphs_see_the_same(model, expected, options):
    functions = functions_of(served_network(model, **options), limits=LIMITS)
    image, probabilities = expected[0]
    result = functions["images"](tf.constant(image[None]))["probabilities"][0]
    # bfloat16 has 8 bits of fraction; without folding the graph is the model's own.
    np.testing.assert_allclose(result, probabilities, atol=0.05 if "dtype" in options else 1e-6)


def test_what_passes_the_limits_is_refused_in_a_sentence(signatures):
    def refusals(image, count=1):
        data = tf.constant([encode_png(image)] * count)
        batch = tf.constant(np.stack([image] * count))
        for name, inputs in (
            ("serving_default", {"image_bytes": data}),
            ("images", {"images": batch}),
        ):
            with pytest.raises(tf.errors.InvalidArgumentError) as caught:
                signatures[name](**inputs)
            yield graph_sentence(caught.value)

    for image, count, expected_value in (
        (np.zeros((100, 200, 3)), 1, "The image has 200x100 pixels, but at most 12000 are serv"),
        (np.zeros((4, 4, 3)), 5, "The request has 5 images, at most 4 are served."),
        (np.zeros((2, 101, 3)), 1, "The image has 101x2 pixels, but no side may be more than 50"),
    ):
        for text in refusals(image.astype(np.uint8), count):
            assert text.startswith(expected_value)


def test_an_input_size_is_refused(model):
    with pytest.raises(LfpError, match="--input_size is for segmentation; a classifier sees the m"):
        functions_of(model, limits=Limits(input_size=(65, 65)))


def test_warm_up_requests_run(model, signatures):
    requests = offered.warmup_requests(model.recipe, LIMITS)
    assert [name for name, _ in requests] == ["serving_default", "serving_default", "images"]
    for name, inputs in requests:
        answer = signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
        assert answer["probabilities"].shape == (1, 6)
    small = offered.warmup_requests(model.recipe, Limits(max_pixels=100))
    assert small[-1][1]["images"].shape == (1, 10, 10, 3)
