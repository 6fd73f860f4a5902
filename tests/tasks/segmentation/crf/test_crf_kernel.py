"""The filter as sparse products is the filter point by point, however many classes there are."""

import numpy as np
import pytest
import slow_crf

from lfp_tf.tasks.segmentation.crf import kernel
from lfp_tf.tasks.segmentation.crf.mean_field import mean_field


def drawn(dimensions, points, classes, seed=0):
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 2, (dimensions, points)).astype(np.float32)
    values = rng.random((points, classes), np.float32)
    return features, values / values.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_filter_is_the_slow_one_added_to_what_is_there(dimensions):
    features, values = drawn(dimensions, 70, 3)
    kernel_, out = kernel.gaussian_kernel(features, 2.5), np.ones_like(values)
    kernel_.add(values, out, kernel.workspace([kernel_], 3))
    # float32 sums of some dozen terms.
    np.testing.assert_allclose(out, 1 + 2.5 * slow_crf.normalised(features, values), atol=1e-5)


def test_many_classes_are_filtered_in_panels(monkeypatch):
    features, values = drawn(5, 40, 7)
    kernel_ = kernel.gaussian_kernel(features, 1.0)
    whole, panels = np.zeros_like(values), np.zeros_like(values)
    kernel_.add(values, whole, kernel.workspace([kernel_], 7))
    monkeypatch.setattr(kernel, "PANEL", 3)
    work = kernel.workspace([kernel_], 7)
    assert work[0].size == 3 * kernel_.vertices
    kernel_.add(values, panels, work)
    np.testing.assert_array_equal(whole, panels)


def test_without_scipys_own_kernels_the_public_product_gives_the_same(monkeypatch):
    features, values = drawn(5, 40, 3)
    kernel_, other = kernel.gaussian_kernel(features, 1.0), np.zeros_like(values)
    out = np.zeros_like(values)
    kernel_.add(values, out, kernel.workspace([kernel_], 3))
    monkeypatch.setattr(kernel, "csr_matvecs", None)
    monkeypatch.setattr(kernel, "csc_matvecs", None)
    kernel_.add(values, other, kernel.workspace([kernel_], 3))
    np.testing.assert_allclose(out, other, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 3, 4, 5])
def test_the_mean_field_is_the_slow_one(classes):
    values = drawn(2, 50, classes)[1]
    terms = [(drawn(2, 50, 4)[0], 3.0), (drawn(5, 50, 4, seed=1)[0], 4.0)]
    kernels = [kernel.gaussian_kernel(*term) for term in terms]
    refined = mean_field(np.log(values), kernels, iterations=5)
    np.testing.assert_allclose(refined, slow_crf.mean_field(values, terms, 5), atol=1e-4)


def test_energies_beyond_float32_do_not_overflow():
    features, values = drawn(2, 50, 4)
    refined = mean_field(np.log(values), [kernel.gaussian_kernel(features, 1e4)], iterations=3)
    np.testing.assert_allclose(refined.sum(axis=1), 1, atol=1e-5)
    unlikely = np.log(values) - np.float32(200)
    refined = mean_field(unlikely, [kernel.gaussian_kernel(features, 1.0)], iterations=3)
    expected = mean_field(np.log(values), [kernel.gaussian_kernel(features, 1.0)], iterations=3)
    np.testing.assert_allclose(refined, expected, atol=1e-4)


def test_arrays_of_another_order_are_refused_or_copied():
    features, values = drawn(2, 50, 4)
    kernel_ = kernel.gaussian_kernel(features, 1.0)
    turned = np.asfortranarray(values)
    with pytest.raises(ValueError, match="C-contiguous"):
        kernel_.add(turned, np.zeros_like(values), kernel.workspace([kernel_], 4))
    np.testing.assert_array_equal(
        mean_field(np.log(turned), [kernel_], iterations=2),
        mean_field(np.log(values), [kernel_], iterations=2),
    )
