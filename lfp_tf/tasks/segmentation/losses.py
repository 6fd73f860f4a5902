"""What a segmentation network minimizes: cross-entropy of its logits at the labels' size."""

from lfp_tf.ops.losses import count_valid, cross_entropy_sum, labels_at_map, labels_at_zoom
from lfp_tf.ops.nearest import resize_opencv_nearest, resize_pil_nearest
from lfp_tf.ops.shapes import height_width


def labels_for_loss(labels, logits, *, label_size, zoom_factor=8):
    """Labels at the size of the logits.

    Args:
        labels: [B, H, W] integer.
        logits: [B, h, w, C].
        label_size: `full` (every 8 / zoom-th label), `map` (the TF1 port's nearest rule),
            `pil_nearest` or `opencv_nearest` (both revisions of DeepLab v2).

    Returns:
        [B, h, w] integer.
    """
    if label_size == "map":
        return labels_at_map(labels, logits)
    if label_size == "pil_nearest":
        return resize_pil_nearest(labels, height_width(logits))
    if label_size == "opencv_nearest":
        return resize_opencv_nearest(labels, size=height_width(logits))
    return labels_at_zoom(labels, zoom_factor)


def loss_weights(outputs, *, aux_weight):
    """{name of logits: weight of its loss}: every output counts 1, the auxiliary head less."""
    return {name: aux_weight if name == "aux_logits" else 1.0 for name in outputs}


def loss_sums(outputs, labels, *, ignore_label=255):
    """Sum of cross-entropy over the valid pixels, by output.

    Args:
        outputs: {name: logits [B, h, w, C]}.
        labels: {name: [B, h, w]} at the size of those logits.

    Returns:
        {name: float32 scalar}.
    """
    return {
        name: cross_entropy_sum(logits, labels[name], ignore_label=ignore_label)
        for name, logits in outputs.items()
    }


def valid_counts(labels, *, ignore_label=255):
    """{name: how many labels count} as float32 scalars."""
    return {name: count_valid(maps, ignore_label=ignore_label) for name, maps in labels.items()}
