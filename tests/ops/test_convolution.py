"""Every form of a convolution is one function, in its gradients too."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.layers.convolution import Conv2D
from lfp_tf.ops import convolution as forms
from lfp_tf.ops.convolution import convolution

BFLOAT16 = "auto_mixed_precision_onednn_bfloat16"


def values_and_gradients(x, kernel, **options):
    with tf.GradientTape() as tape:
        tape.watch((x, kernel))
        y = convolution(x, kernel, **options)
        loss = tf.reduce_sum(tf.sin(y))
    return y, *tape.gradient(loss, (x, kernel))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2, 5, (3, 2)])
def test_every_form_is_one_function(dilation, padding, monkeypatch):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 13, 12, 7)), tf.float32)
    kernel = tf.constant(rng.normal(size=(3, 3, 7, 4)), tf.float32)

    def found_with(name, wide=(2048, 128)):
        with monkeypatch.context() as patch:
            patch.setattr(forms, "kernels", lambda: name)
            patch.setattr(forms, "WIDE", wide)
            patch.setattr(forms, "SLICE", 3)
            return values_and_gradients(x, kernel, dilation=dilation, padding=padding)

    apart = found_with("eigen")
    others = [apart]
    if forms.kernels() != "eigen":
        others = [found_with("gpu"), found_with("onednn"), found_with("onednn", wide=(7, 4))]
        before = tf.config.optimizer.get_experimental_options()
        tf.config.optimizer.set_experimental_options({BFLOAT16: True})
        others.append(found_with("onednn", wide=(7, 4)))
        tf.config.optimizer.set_experimental_options({BFLOAT16: before.get(BFLOAT16, False)})
    for found in others:
        for one, other in zip(found, apart, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    layer = Conv2D(4, 3, dilation_rate=dilation, padding=padding, use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    np.testing.assert_allclose(layer(x), apart[0], rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(x.shape) == apart[0].shape
    again = Conv2D.from_config(layer.get_config())
    assert again.dilation_rate == layer.dilation_rate


@pytest.mark.skipif(forms.kernels() != "onednn", reason="slices are for oneDNN")
def test_slices_sum_in_float32_alone(monkeypatch):
    monkeypatch.setattr(forms, "WIDE", (8, 2))
    monkeypatch.setattr(forms, "SLICE", 4)
    x, kernel = tf.ones([1, 4, 4, 8]), tf.ones([3, 3, 8, 2])

    def count(x, kernel):
        graph = tf.function(convolution).get_concrete_function(x, kernel).graph
        return [operation.type for operation in graph.get_operations()].count("Conv2D")

    assert count(x, kernel) == 2
    assert count(tf.cast(x, tf.bfloat16), tf.cast(kernel, tf.bfloat16)) == 1
    assert count(x, kernel[:1, :1]) == 1
    assert count(x, kernel[..., :1]) == 1


@pytest.mark.parametrize("groups", [2, 3, 12])
@pytest.mark.parametrize("options", [{"dilation_rate": 2, "padding": "same"}, {"strides": 2}])
def test_groups_are_convolved_apart(groups, options):
    rng = np.random.default_rng(0)
    x = tf.constant(rng.normal(size=(2, 9, 8, 12)), tf.float32)
    ours = Conv2D(24, 3, groups=groups, **options)
    ours.build(x.shape)
    assert ours.kernel.shape == (3, 3, 12 // groups, 24)
    single = Conv2D(24 // groups, 3, **options)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = ours(x)
        parts = zip(tf.split(x, groups, 3), tf.split(ours.kernel, groups, 3), strict=True)
        expected = tf.concat([single.convolution_op(a, k) for a, k in parts], 3)
        losses = tf.reduce_sum(tf.sin(y)), tf.reduce_sum(tf.sin(expected))
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    for found, wanted in zip(
        *(tape.gradient(loss, (x, ours.kernel)) for loss in losses), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_groups_need_no_compiler():
    layer = Conv2D(8, 3, groups=4)
    graph = tf.function(layer).get_concrete_function(tf.TensorSpec([1, 9, 9, 8])).graph
    assert {op.type for op in graph.get_operations()}.isdisjoint(
        {"PartitionedCall", "StatefulPartitionedCall"}
    )


def test_dilated_convolutions_train_without_onednn():
    text = (
        "import tensorflow as tf; from lfp_tf.ops.convolution import convolution\n"
        "x, k = tf.ones([1, 7, 7, 1]), tf.ones([3, 3, 1, 1])\n"
        "with tf.GradientTape() as tape:\n"
        "    tape.watch(k); y = tf.reduce_sum(convolution(x, k, dilation=2))\n"
        "print(int(tape.gradient(y, k)[1, 1, 0, 0]))"
    )
    environment = os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(
        [sys.executable, "-c", text], env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == "49", done.stderr


@pytest.mark.parametrize("stride", [2, 3, (2, 1)])
@pytest.mark.parametrize(("channels", "filters"), [(8, 16), (12, 16), (16, 8)])
def test_strided_kernels_of_one_pixel_are_sums_over_channels(stride, channels, filters):
    # With 8 or 12 channels oneDNN's own gradient ends the process.
    rng = np.random.default_rng(1)
    x = tf.constant(rng.normal(size=(1, 16, 24, channels)), tf.float32)
    kernel = tf.constant(rng.normal(size=(1, 1, channels, filters)), tf.float32)
    y, of_x, of_kernel = values_and_gradients(x, kernel, stride=stride)
    down, right = np.broadcast_to(stride, 2)
    taken = x.numpy()[:, ::down, ::right]
    expected = taken @ kernel.numpy()[0, 0]
    np.testing.assert_allclose(y, expected, atol=1e-5)
    upstream = np.cos(expected)
    wanted = np.einsum("bhwc,bhwd->cd", taken, upstream)[None, None]
    np.testing.assert_allclose(of_kernel, wanted, atol=1e-4)
    np.testing.assert_allclose(
        of_x.numpy()[:, ::down, ::right], upstream @ kernel.numpy()[0, 0].T, atol=1e-4
    )
