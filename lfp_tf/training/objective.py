"""What a step of training minimizes: a weighted sum of means, each over what it counts."""

import tensorflow as tf


def loss_name(output):
    """How a loss is logged: `main_loss`, `aux_loss`, `loss_0.5` of that scale's logits."""
    if output == "logits":
        return "main_loss"
    return "aux_loss" if output == "aux_logits" else f"loss_{output.removeprefix('logits_')}"


def mean_losses(sums, counts, *, weights):
    """{name: mean over the counted pixels, "loss": their weighted sum}; 0 where none count."""
    means = {name: total / tf.maximum(counts[name], 1.0) for name, total in sums.items()}
    return means | {"loss": tf.add_n([weights[name] * mean for name, mean in means.items()])}
