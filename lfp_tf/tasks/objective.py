"""What a step of training minimizes: the cross-entropy of both heads at the labels' size."""

import tensorflow as tf

from lfp_tf.ops.losses import count_valid, cross_entropy_sum, labels_at_map, labels_at_zoom


def labels_for_loss(labels, logits, *, label_size, zoom_factor):
    """Labels at the size of the logits (PSPNet spec D15).

    Args:
        labels: [B, H, W] integer.
        logits: [B, h, w, C].
        label_size: `full` (every 8 / zoom-th label) or `map` (the TF1 port's nearest rule).

    Returns:
        [B, h, w] integer.
    """
    if label_size == "map":
        return labels_at_map(labels, logits)
    return labels_at_zoom(labels, zoom_factor)


def loss_sums(outputs, labels, *, ignore_label=255):
    """Sums of cross-entropy by head and the number of valid pixels.

    Args:
        outputs: {"logits", perhaps "aux_logits"} [B, h, w, C].
        labels: [B, h, w] at the size of the logits.

    Returns:
        {"main", "aux": float32 scalars; "valid": float32 scalar}; aux is 0 without that head.
    """
    main = cross_entropy_sum(outputs["logits"], labels, ignore_label=ignore_label)
    aux = tf.constant(0.0)
    if "aux_logits" in outputs:
        aux = cross_entropy_sum(outputs["aux_logits"], labels, ignore_label=ignore_label)
    return {
        "main": main,
        "aux": aux,
        "valid": count_valid(labels, ignore_label=ignore_label),
    }


def mean_losses(sums, *, valid, aux_weight):
    """{"main", "aux", "loss"} from sums, divided by `valid` pixels; 0 where there are none."""
    valid = tf.maximum(valid, 1.0)
    main, aux = sums["main"] / valid, sums["aux"] / valid
    return {"main": main, "aux": aux, "loss": main + aux_weight * aux}
