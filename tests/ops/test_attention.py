import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.ops.attention import (
    Dropout,
    additive_attention,
    attention,
    mean_attention,
    mixture_shares,
)

RNG = np.random.RandomState(0)
# Sums over all rows are added up in another order; 1e-6 is float32's last digits of the values.
VALUES, SUMS = 1e-6, 1e-4


def drawn(*shape, dtype=tf.float32):
    return tf.constant(RNG.standard_normal(shape), dtype)


def relative(one, other):
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return np.abs(one - other).max() / max(other.std(), 1e-6)


def slow(queries, keys, values, *, similarity, temperature, shares, mask):
    """Position by position, in numpy."""
    queries, keys, values = (np.asarray(x, np.float64) for x in (queries, keys, values))
    width = queries.shape[-1] // shares.shape[-1]
    out = np.zeros((*queries.shape[:2], values.shape[-1]))
    for item, row in np.ndindex(*queries.shape[:2]):
        valid = [j for j in range(keys.shape[1]) if mask[item][j]]
        for part, share in enumerate(shares[item]):
            cut = slice(part * width, (part + 1) * width)
            q, k = queries[item, row, cut], keys[item, valid, cut]
            s = k @ q if similarity == "dot" else -np.square(k - q).sum(-1)
            a = np.exp(s / temperature - (s / temperature).max()) if valid else s
            out[item, row] += share * (a / a.sum()) @ values[item, valid] if valid else 0.0
    return out


def gradients(inputs, **options):
    def run(q, k, v, w):
        shares = mixture_shares(w, k, options.get("key_mask"))
        return attention(q, k, v, mixture=shares, **options)

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = run(*inputs)
        total = tf.reduce_sum(out * tf.cast(tf.sin(tf.range(1.0, out.shape[-1] + 1)), out.dtype))
    return out, tape.gradient(total, inputs)


@settings(max_examples=12, deadline=None)
@given(
    similarity=st.sampled_from(["dot", "euclidean"]),
    items=st.integers(1, 3),
    rows=st.integers(1, 21),
    columns=st.integers(1, 19),
    parts=st.integers(1, 3),
    block=st.integers(1, 9),
    data=st.data(),
)
def test_blocks_naive_and_a_slow_loop_agree(similarity, items, rows, columns, parts, block, data):
    valid = data.draw(st.lists(st.integers(0, columns), min_size=items, max_size=items))
    mask = np.arange(columns)[None] < np.array(valid)[:, None]
    q, k, v, w = (
        drawn(*shape, dtype=tf.float64)
        for shape in (
            (items, rows, parts * 2),
            (items, columns, parts * 2),
            (items, columns, 3),
            (parts, parts * 2),
        )
    )
    options = {"similarity": similarity, "temperature": 1.5, "key_mask": tf.constant(mask)}
    naive, exact = gradients((q, k, v, w), block_entries=None, **options)
    entries = block * items * parts * columns
    blocks, recomputed = gradients((q, k, v, w), block_entries=entries, **options)
    shares = mixture_shares(w, k, mask).numpy()
    by_hand = slow(q, k, v, similarity=similarity, temperature=1.5, shares=shares, mask=mask)
    np.testing.assert_allclose(naive, by_hand, atol=1e-12)
    np.testing.assert_allclose(blocks, by_hand, atol=1e-12)
    for one, other in zip(recomputed, exact, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-11)


@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
def test_float32_in_blocks_of_eight_rows_is_the_naive_form(similarity):
    inputs = (drawn(2, 101, 8), drawn(2, 35, 8), drawn(2, 35, 6), drawn(2, 8))
    options = {"similarity": similarity, "temperature": 2.0}
    naive, exact = gradients(inputs, block_entries=None, **options)
    out, (dq, dk, dv, dw) = gradients(inputs, block_entries=8 * 2 * 2 * 35, **options)
    assert relative(out, naive) < VALUES
    assert relative(dq, exact[0]) < 10 * VALUES
    doubles, truth = gradients([tf.cast(x, tf.float64) for x in inputs], **options)
    assert relative(out, doubles) < 10 * VALUES
    for one, true in ((dk, truth[1]), (dv, truth[2]), (dw, truth[3])):
        assert relative(one, true) < SUMS


def test_sizes_may_be_unknown():
    @tf.function(input_signature=[tf.TensorSpec([None, None, 4])] * 2)
    def run(q, k):
        with tf.GradientTape() as tape:
            tape.watch((q, k))
            out = attention(q, k, k, block_entries=70)
        return [out, *tape.gradient(out, (q, k))]

    q, k = drawn(2, 23, 4), drawn(2, 5, 4)
    with tf.GradientTape() as tape:
        tape.watch((q, k))
        out = attention(q, k, k, block_entries=None)
    for one, other in zip(run(q, k), [out, *tape.gradient(out, (q, k))], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_it_compiles_with_xla():
    q, k = drawn(1, 21, 4), drawn(1, 9, 4)

    @tf.function(jit_compile=True)
    def run(q, k):
        with tf.GradientTape() as tape:
            tape.watch((q, k))
            out = attention(q, k, k, block_entries=36)
        return [out, *tape.gradient(out, (q, k))]

    with tf.GradientTape() as tape:
        tape.watch((q, k))
        out = attention(q, k, k, block_entries=None)
    for one, other in zip(run(q, k), [out, *tape.gradient(out, (q, k))], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)


@pytest.mark.parametrize("similarity", ["dot", "euclidean"])
def test_masked_keys_change_nothing_whatever_they_hold(similarity):
    q, k, v, w = drawn(2, 9, 4), drawn(2, 7, 4), drawn(2, 7, 3), drawn(2, 4)
    mask = tf.constant([[1, 1, 1, 1, 0, 0, 0]] * 2)

    def run(k, v):
        return gradients((q, k, v, w), similarity=similarity, key_mask=mask, block_entries=20)

    one, (dq, dk, dv, _) = run(k, v)
    other, (again, _, _, _) = run(
        tf.concat([k[:, :4], 900.0 * k[:, 4:]], 1), tf.concat([v[:, :4], -v[:, 4:]], 1)
    )
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(dq, again)
    assert not dk[:, 4:].numpy().any() and not dv[:, 4:].numpy().any()


def test_half_precision_is_computed_in_float32():
    q, k, v = (tf.cast(x, tf.float16) for x in (drawn(1, 6, 4), drawn(1, 5, 4), drawn(1, 5, 2)))
    got = attention(40 * q, 40 * k, v)
    assert got.dtype == tf.float16
    wide = attention(*(tf.cast(x, tf.float32) for x in (40 * q, 40 * k, v)))
    np.testing.assert_allclose(got, wide, rtol=2e-3, atol=1e-3)


def test_dropout_is_the_same_in_blocks_of_any_size_and_in_gradients():
    inputs = (drawn(2, 20, 4), drawn(2, 7, 4), drawn(2, 7, 3), drawn(2, 4))
    dropout = Dropout(0.3, tf.constant([[1, 2], [1, 3]]))
    naive, exact = gradients(inputs, dropout=dropout, block_entries=None)
    undropped, _ = gradients(inputs, block_entries=None)
    assert relative(naive, undropped) > 0.1
    for block in (1, 6, 20):
        out, found = gradients(inputs, dropout=dropout, block_entries=block * 28)
        np.testing.assert_allclose(out, naive, atol=1e-6)
        for one, other in zip(found, exact, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_dropout_drops_its_share_and_scales_the_rest():
    dropout = Dropout(0.25, tf.constant([[5, 6]]))
    factors = dropout.factors(dropout.keys, tf.constant(0), [1, 2, 100, 50]).numpy()
    assert set(np.unique(factors)) == {0.0, np.float32(1 / 0.75)}
    assert abs((factors == 0).mean() - 0.25) < 0.02


def test_the_mean_form_is_the_matrix_divided_by_the_keys_that_count():
    q, k, v = drawn(2, 6, 4), drawn(2, 5, 4), drawn(2, 5, 3)
    mask = np.array([[1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], np.float32)
    matrix = np.einsum("ind,imd->inm", q, k) * mask[:, None] / [[[3.0]], [[1.0]]]
    np.testing.assert_allclose(mean_attention(q, k, v, mask), matrix @ v.numpy(), atol=1e-5)


def test_the_additive_form_is_that_of_a_linear_map_of_both():
    a, b, v = drawn(2, 11, 1), drawn(2, 5, 1), drawn(2, 5, 3)
    matrix = np.maximum(a.numpy() + b.numpy().transpose(0, 2, 1), 0) / 5
    for entries in (None, 30):
        got = additive_attention(a, b, v, block_entries=entries)
        np.testing.assert_allclose(got, matrix @ v.numpy(), atol=1e-6)


def test_shares_follow_from_the_mean_of_the_positions_that_count():
    weight = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    positions = tf.constant([[[1.0, 0.0], [3.0, 2.0], [99.0, 0.0]]])
    shares = mixture_shares(weight, positions, tf.constant([[1, 1, 0]]))
    np.testing.assert_allclose(shares, [[1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"similarity": "cosine"}, "similarity is 'cosine', but must be one of"),
        ({"mixture": tf.ones([1, 3])}, "3 parts do not divide 4 channels"),
    ],
)
def test_what_does_not_fit_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        attention(tf.ones([1, 2, 4]), tf.ones([1, 3, 4]), tf.ones([1, 3, 2]), **options)
