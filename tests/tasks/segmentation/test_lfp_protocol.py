"""LFP's test procedure beside its golden cases: by hand, by law, with the CRF."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, refine
from lfp_tf.tasks.segmentation.lfp_protocol import Windows, lfp_scores
from lfp_tf.tasks.segmentation.protocols import Protocol, probabilities

CLASSES = 3


def network(pixels):
    kernel = np.random.RandomState(5).normal(0, 0.8, (1, 1, 3, CLASSES)).astype(np.float32)
    return tf.nn.conv2d(pixels, kernel, 1, "VALID")


def random_image(height=20, width=31):
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / 5.0), np.cos(y / 4.0), np.sin((x + y) / 6.0)]
    return np.round(127 + 100 * np.stack(waves, -1)).astype("f")


def run(image, scales=(1.0,), **words):
    words = {"crop": (15, 15), "flip": "none", "scales": scales} | words
    return probabilities(
        Protocol("lfp", **words), network, image, preprocess_name="torch", classes=CLASSES
    )


def test_a_pixelwise_network_sees_the_same_in_every_window():
    image = random_image()
    whole = probabilities(
        Protocol("whole"), network, image, preprocess_name="torch", classes=CLASSES
    )
    for crop in ((15, 15), (20, 31), (32, 40)):
        np.testing.assert_allclose(
            run(image, crop=crop)["probabilities"], whole["probabilities"], atol=1e-5
        )


def test_a_mirrored_image_gives_the_mirrored_answer():
    image = random_image()
    plain = run(image, (0.75, 1.0), flip="softmax")["probabilities"].numpy()
    mirrored = run(image[:, ::-1], (0.75, 1.0), flip="softmax")["probabilities"].numpy()
    np.testing.assert_allclose(plain, mirrored[:, ::-1], atol=1e-4)
    np.testing.assert_allclose(plain.sum(-1), 1.0, atol=1e-4)


def test_large_images_are_not_enlarged_beyond_one_and_a_half():
    asked = []

    def counted(pixels):
        asked.append(None)
        return network(pixels)

    words = {
        "prepare": lambda x: x / 255.0,
        "mean": (0.0, 0.0, 0.0),
        "windows": Windows((400, 600), (200, 300)),
        "is_flipped": False,
        "classes": CLASSES,
    }
    small, large = tf.zeros([383, 600, 3]), tf.zeros([384, 600, 3])
    lfp_scores(counted, small, scales=(1.75,), **words)
    number = len(asked)
    assert number > 0
    lfp_scores(counted, large, scales=(1.0, 1.75), **words)
    assert len(asked) - number < number


def test_the_second_softmax_keeps_a_windows_best_class_and_flattens():
    image = random_image(15, 15)
    plain, flat = (run(image, second_softmax=value) for value in (False, True))
    np.testing.assert_array_equal(plain["labels"], flat["labels"])
    assert flat["probabilities"].numpy().max() < np.e / (np.e + 2) + 1e-6
    np.testing.assert_allclose(
        flat["probabilities"], tf.nn.softmax(plain["probabilities"]), atol=1e-6
    )


def test_the_crf_works_inside_each_window_on_the_grey_levels():
    image = random_image(15, 15)
    plain = run(image)["probabilities"].numpy()
    refined = run(image, window_crf=PRESETS["lfp"])["probabilities"].numpy()
    expected = refine(np.clip(plain, 0, 1), image.astype(np.uint8), PRESETS["lfp"])
    np.testing.assert_allclose(refined, expected, atol=1e-4)
    assert np.abs(refined - plain).max() > 0.01


def test_the_crf_runs_in_a_graph_over_images_smaller_than_a_window():
    protocol = Protocol("lfp", crop=(18, 18), scales=(1.0,), window_crf=PRESETS["lfp"])
    graph = tf.function(
        lambda x: probabilities(protocol, network, x, preprocess_name="torch", classes=CLASSES)[
            "probabilities"
        ],
        input_signature=[tf.TensorSpec([None, None, 3])],
    )
    result = graph(random_image(9, 25)).numpy()
    assert result.shape == (9, 25, CLASSES)
    np.testing.assert_allclose(result.sum(-1), 1.0, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "lfp"}, "Protocol lfp needs crop"),
        ({"name": "lfp", "crop": (9, 9), "flip": "logit_sum"}, 'lfp has no flip "logit_sum"'),
        ({"name": "whole", "second_softmax": True}, "Protocol whole has no second_softmax"),
        ({"name": "whole", "window_crf": PRESETS["lfp"]}, "Protocol whole has no window_crf"),
    ],
)
def test_what_does_not_go_together_is_refused(words, message):
    with pytest.raises(LfpError, match=message):
        Protocol(**words)
