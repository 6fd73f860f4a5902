"""Learning-rate schedules as plain functions of the step."""

import tensorflow as tf


def poly_rate(step, *, base, max_steps, power=0.9, every=1):
    """base * (1 - t / max_steps)^power with t = step rounded down to a multiple of `every`.

    Step 0 has the base rate; steps from `max_steps` on have 0.

    Args:
        step: number or integer tensor, from 0.
        base: rate at step 0.
        max_steps: the step at which the rate is 0.
        power: 0.9 in PSPNet and DeepLab.
        every: steps for which the rate stays the same (10 in DeepLab v2).

    Returns:
        float32 tensor of the shape of `step`.
    """
    step = tf.cast(step, tf.int64) // every * every
    share = tf.cast(tf.minimum(step, max_steps), tf.float64) / tf.cast(max_steps, tf.float64)
    return tf.cast(base * (1.0 - share) ** power, tf.float32)
