"""An export answers as the Python model does, in every signature, in Python and through C."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from small_network import random_images, small_network

from lfp_tf.errors import LfpError, graph_sentence
from lfp_tf.files import sha256
from lfp_tf.images.decode import encode_png, read_labels
from lfp_tf.ops import convolution
from lfp_tf.serving import export as serving
from lfp_tf.serving.export import Origin, ServedForm, checkpoint_digest, next_version
from lfp_tf.serving.limits import Limits
from lfp_tf.tasks.segmentation import signatures as offered
from lfp_tf.tasks.segmentation.prediction import predictor, protocol_of
from lfp_tf.tasks.segmentation.protocols import Protocol

SIZES = ((33, 41), (20, 64), (1, 1), (50, 9))
LIMITS = Limits(max_pixels=3000, max_batch=4)


def export(model, folder, *, protocol=None, **options):
    protocol = protocol or Protocol()
    return serving.export(model, folder, signatures=offered, protocol=protocol, **options)


@pytest.fixture(scope="module")
def model():
    return small_network()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    return export(
        model, tmp_path_factory.mktemp("export"), limits=LIMITS, origin=Origin(scores={"mIoU": 0.5})
    )


@pytest.fixture(scope="module")
def signatures(exported):
    loaded = tf.saved_model.load(str(exported))
    yield loaded.signatures
    del loaded


@pytest.fixture(scope="module")
def expected(model):
    """[(image, labels, probabilities)] of the Python model."""
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    predictions = [(image, predict(tf.constant(image))) for image in random_images(*SIZES)]
    return [(i, f["labels"].numpy(), f["probabilities"].numpy()) for i, f in predictions]


def test_bytes_of_differing_sizes_give_the_python_models_labels(signatures, expected):
    assert len(np.unique(expected[0][1])) > 1
    images = tf.constant([encode_png(image) for image, _, _ in expected])
    answer = signatures["serving_default"](image_bytes=images)
    np.testing.assert_array_equal(answer["sizes"], SIZES)
    for data, (_, labels, _) in zip(answer["labels_png"].numpy(), expected, strict=True):
        np.testing.assert_array_equal(read_labels(data), labels)


def test_pixels_give_the_python_models_labels_and_probabilities(signatures, expected):
    for image, labels, probabilities in expected:
        batch = tf.constant(np.stack([image, image[:, ::-1]]))
        outputs = signatures["probabilities"](images=batch)
        # Folded batch norm rounds otherwise; probabilities lie in 0..1.
        np.testing.assert_allclose(outputs["probabilities"][0], probabilities, atol=1e-5)
        np.testing.assert_array_equal(outputs["labels"][0], labels)
        answer = signatures["images"](images=batch)["labels"]
        assert answer.dtype == tf.uint8
        np.testing.assert_array_equal(answer, outputs["labels"])


def test_it_answers_through_the_c_api_without_keras_and_without_us(exported, expected, tmp_path):
    image, labels, probabilities = expected[0]
    (tmp_path / "image_bytes.png").write_bytes(encode_png(image))
    np.save(tmp_path / "images.npy", image[None])
    client = pathlib.Path(__file__).with_name("c_api_client.py")
    library = pathlib.Path(tf.__file__).parent
    done = subprocess.run(
        [sys.executable, client, library, exported, tmp_path],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "['images', 'probabilities', 'serving_default']" in done.stdout.replace(
        "'__saved_model_init_op', ", ""
    )
    labels_png = tmp_path / "serving_default.labels_png"
    np.testing.assert_array_equal(read_labels(labels_png.read_bytes()), labels)
    np.testing.assert_array_equal(
        np.load(tmp_path / "serving_default.sizes.npy"), [image.shape[:2]]
    )
    for name in ("images.labels", "probabilities.labels"):
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy")[0], labels)
    from_server = np.load(tmp_path / "probabilities.probabilities.npy")[0]
    np.testing.assert_allclose(from_server, probabilities, atol=1e-5)


def test_what_passes_the_limits_is_refused_in_a_sentence(signatures):
    def refusal(name, **inputs):
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures[name](**inputs)
        return graph_sentence(caught.value)

    large = np.zeros((1, 60, 60, 3), np.uint8)
    expected = "The image has 60x60 pixels, but at most 3000 are served; send a smaller one."
    assert refusal("serving_default", image_bytes=tf.constant([encode_png(large[0])])) == expected
    assert refusal("images", images=tf.constant(large)) == expected
    assert refusal("probabilities", images=tf.constant(large)) == expected
    many = "The request has 5 images, at most 4 are served."
    small = encode_png(np.zeros((2, 2, 3), np.uint8))
    assert refusal("serving_default", image_bytes=tf.constant([small] * 5)) == many
    assert refusal("images", images=tf.zeros([5, 2, 2, 3], tf.uint8)) == many


def test_no_images_at_all_are_refused_by_every_signature(signatures):
    none = np.zeros((0, 33, 41, 3), np.uint8)
    for name, inputs in {
        "serving_default": {"image_bytes": tf.zeros([0], tf.string)},
        "images": {"images": tf.constant(none)},
        "probabilities": {"images": tf.constant(none)},
    }.items():
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            signatures[name](**inputs)
        assert graph_sentence(caught.value) == "The request has no images; send at least one."


def test_one_bad_image_fails_its_request_only(signatures, expected):
    good = encode_png(expected[0][0])
    with pytest.raises(tf.errors.InvalidArgumentError):
        signatures["serving_default"](image_bytes=tf.constant([good, b"no image"]))
    answer = signatures["serving_default"](image_bytes=tf.constant([good]))
    np.testing.assert_array_equal(read_labels(answer["labels_png"][0].numpy()), expected[0][1])


def test_the_folder_tells_what_it_is(exported, model):
    facts = json.loads((exported / "export.json").read_text())
    assert facts["experiment"] == "pspnet18_scenes" and facts["preprocess"] == "torch"
    assert facts["limits"] == {
        "max_pixels": 3000,
        "max_batch": 4,
        "input_size": None,
        "max_boxes": 100,
    }
    assert facts["protocol"] == {
        "name": "whole",
        "flip": "none",
        "scales": [1.0],
        "logits_resize": "align_corners",
    }
    assert facts["scores"] == {"mIoU": 0.5} and facts["dtype"] == "float32"
    assert "EXIF orientation is not applied" in facts["notes"][0]
    assert (exported / "assets" / "labels.txt").read_text().split("\n")[:-1] == model.recipe.classes
    assert not (exported / "labels.txt").exists()


def test_warm_up_requests_run(exported, signatures):
    records = list(
        tf.data.TFRecordDataset(
            str(exported / "assets.extra" / "tf_serving_warmup_requests")
        ).as_numpy_iterator()
    )
    asked = []
    for record in records:
        request = prediction_log().FromString(record).predict_log.request
        tensor = type(tf.make_tensor_proto(0))
        inputs = {
            entry.key: tf.constant(tf.make_ndarray(tensor.FromString(entry.value)))
            for entry in request.inputs
        }
        assert request.model_spec.name == "pspnet18_scenes"
        asked.append(request.model_spec.signature_name)
        answer = signatures[request.model_spec.signature_name](**inputs)
        if "sizes" in answer:
            np.testing.assert_array_equal(answer["sizes"], [[33, 41]])
    assert set(asked) == {"serving_default", "images", "probabilities"}


def prediction_log():
    """`PredictionLog` made of its published description, by protobuf's own encoder."""
    file = descriptor_pb2.FileDescriptorProto(name="log.proto", package="t", syntax="proto3")

    def message(title, **fields):
        entry = file.message_type.add(name=title)
        for key, (number, kind) in fields.items():
            field = entry.field.add(name=key, number=number, label=1)
            if kind in (9, 12):
                field.type = kind
            else:
                field.type, field.type_name = 11, f".t.{kind}"

    message("Spec", name=(1, 9), signature_name=(3, 9))
    message("Entry", key=(1, 9), value=(2, 12))
    message("Request", model_spec=(1, "Spec"), inputs=(2, "Entry"))
    file.message_type[2].field[1].label = 3
    message("Predict", request=(1, "Request"))
    message("PredictionLog", predict_log=(6, "Predict"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.PredictionLog"))


@pytest.mark.parametrize("options", [{"optimize": False}, {"dtype": "bfloat16"}])
def test_other_graphs_see_the_same(model, expected, tmp_path, options):
    place = export(model, tmp_path, limits=LIMITS, form=ServedForm(**options))
    loaded = tf.saved_model.load(str(place))
    image, labels, probabilities = expected[0]
    outputs = loaded.signatures["probabilities"](images=tf.constant(image[None]))
    # bfloat16 has 8 bits of fraction; without folding the graph is the model's own.
    tolerance = 0.05 if "dtype" in options else 1e-6
    np.testing.assert_allclose(outputs["probabilities"][0], probabilities, atol=tolerance)
    assert np.mean(outputs["labels"][0].numpy() == labels) > (
        0.95 if "dtype" in options else 0.9999
    )


def test_wide_convolutions_leave_their_gradients_behind(model, tmp_path, monkeypatch):
    sizes = []
    for wide in (convolution.WIDE, (32, 0)):
        monkeypatch.setattr(convolution, "WIDE", wide)
        monkeypatch.setattr(convolution, "SLICE", 16)
        place = export(model, tmp_path, limits=LIMITS, form=ServedForm("bfloat16"))
        sizes.append((place / "saved_model.pb").stat().st_size)
        assert tf.saved_model.load(str(place)).signatures["images"]
    assert sizes[1] < 1.1 * sizes[0]


def test_folding_takes_the_norms_out_of_the_graph(model, exported, tmp_path):
    plain = export(model, tmp_path, limits=LIMITS, form=ServedForm(optimize=False))
    counts = {
        place: (place / "saved_model.pb").read_bytes().count(b"FusedBatchNormV3")
        for place in (exported, plain)
    }
    assert counts[exported] == 0 < counts[plain]


def test_windows_and_scales_are_those_of_the_protocol(model, tmp_path):
    protocol = Protocol("semseg", scales=(1.0, 1.5), base_size=48, crop=(33, 41), window_batch=2)
    place = export(model, tmp_path, protocol=protocol, limits=LIMITS)
    loaded = tf.saved_model.load(str(place))
    (image,) = random_images((30, 50), seed=3)
    expected = predictor(model, protocol)(tf.constant(image))["probabilities"]
    outputs = loaded.signatures["probabilities"](images=tf.constant(image[None]))
    np.testing.assert_allclose(outputs["probabilities"][0], expected, atol=1e-5)


def test_a_fixed_input_size_resizes_there_and_back(model, tmp_path):
    place = export(model, tmp_path, limits=Limits(max_pixels=3000, input_size=(33, 41)))
    loaded = tf.saved_model.load(str(place))
    same, other = random_images((33, 41), (20, 30), seed=4)
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    outputs = loaded.signatures["images"](images=tf.constant(same[None]))
    np.testing.assert_array_equal(outputs["labels"][0], predict(tf.constant(same))["labels"])
    answer = loaded.signatures["serving_default"](image_bytes=tf.constant([encode_png(other)]))
    assert read_labels(answer["labels_png"][0].numpy()).shape == (20, 30)


def test_protocols_for_scores_are_not_exported(model, tmp_path):
    protocol = Protocol("tf1_whole", min_size=(40, 48))
    with pytest.raises(LfpError, match="tf1_whole is for scores and not exported; there are whole"):
        export(model, tmp_path / "x", protocol=protocol)
    assert not (tmp_path / "x").exists()


def test_versions_count_up_and_are_never_replaced(model, tmp_path):
    assert next_version(tmp_path / "none") == 1
    for name in ("2", "11", "notes", "12.part"):
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == 12
    with pytest.raises(LfpError, match="11 exists already"):
        export(model, tmp_path, version=11)


def test_digests_name_every_file_of_a_checkpoint(tmp_path):
    for name in ("ckpt.index", "ckpt.data-00000-of-00001", "other.index"):
        (tmp_path / name).write_text(name)
    digests = checkpoint_digest(tmp_path / "ckpt")["sha256"]
    assert digests == {
        name: sha256(tmp_path / name) for name in ("ckpt.data-00000-of-00001", "ckpt.index")
    }
