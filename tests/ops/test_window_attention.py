import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.ops.window_attention import distance_window_attention, windows

RNG = np.random.RandomState(0)


def slow(queries, keys, values, size, shares):
    """Cell by cell; zeros outside of the map take part."""
    height, width, channels = queries.shape
    own_height, own_width = keys.shape[:2]
    parts = len(shares)
    out = np.zeros((height, width, values.shape[-1]))
    for y, x in np.ndindex(height, width):
        center = y * own_height // height, x * own_width // width
        places = [
            (center[0] + a - size // 2, center[1] + b - size // 2)
            for a, b in np.ndindex(size, size)
        ]
        inside = [0 <= a < own_height and 0 <= b < own_width for a, b in places]
        k, v = (
            np.array([m[p] if i else 0 * m[0, 0] for p, i in zip(places, inside, strict=True)])
            for m in (keys, values)
        )
        for part, share in enumerate(shares):
            cut = slice(part * channels // parts, (part + 1) * channels // parts)
            weights = np.exp(-np.square(queries[y, x, cut] - k[:, cut]).sum(-1))
            out[y, x] += share * (weights / weights.sum()) @ v
    return out


@pytest.mark.parametrize("own", [(6, 7), (3, 4), (9, 5)])
@pytest.mark.parametrize("is_static", [True, False])
def test_windows_are_those_of_a_slow_loop(own, is_static):
    q, k, v = (RNG.standard_normal(s) for s in ((6, 7, 4), (*own, 4), (*own, 3)))
    shares = np.array([0.3, 0.7])
    given = [tf.constant(x[None]) for x in (q, k, v)]

    def run(*maps):
        return distance_window_attention(*maps, size=3, mixture=tf.constant(shares[None]))

    if not is_static:
        spec = [tf.TensorSpec([None, None, None, x.shape[-1]], tf.float64) for x in given]
        run = tf.function(run, input_signature=spec)
    np.testing.assert_allclose(run(*given)[0], slow(q, k, v, 3, shares), atol=1e-12)


def test_a_window_goes_row_by_row():
    x = tf.reshape(tf.range(1.0, 10.0), [1, 3, 3, 1])
    got = windows(x, 3).numpy()[0, :, :, 0]
    assert got[1, 1].tolist() == list(range(1, 10))
    assert got[0, 0].tolist() == [0, 0, 0, 0, 1, 2, 0, 4, 5]
