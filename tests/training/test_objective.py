"""Losses and gradients of a batch by hand, whole and in pieces."""

import numpy as np
import pytest
import tensorflow as tf

from lfp_tf.training.objective import loss_name, losses_and_gradients, mean_losses, split_batch

# Rows of 2 numbers; the fourth row has no label that counts.
BATCH = {
    "images": tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]]),
    "counted": tf.constant([1.0, 1.0, 1.0, 0.0]),
}


class SumsOfProducts:
    """The loss of an image is its product with the weights."""

    def __init__(self):
        self.weights = tf.Variable([1.0, 10.0])

    def loss_weights(self):
        return {"logits": 1.0, "aux_logits": 0.5}

    def looks_ahead(self):
        return False

    def trained_outputs(self, piece, model):
        outputs = model(piece["images"])
        return {"logits": outputs, "aux_logits": 2.0 * outputs}

    def counts(self, piece, outputs):
        return {name: tf.reduce_sum(piece["counted"]) for name in outputs}

    def sums(self, piece, outputs):
        return {name: tf.reduce_sum(piece["counted"] * x) for name, x in outputs.items()}


class LargestProducts(SumsOfProducts):
    """Only the two largest products of the whole batch count."""

    def looks_ahead(self):
        return True

    def preview(self, piece, outputs):
        return {"products": outputs["logits"]}

    def informed(self, pieces, previews):
        products = tf.concat([preview["products"] for preview in previews], axis=0)
        limit = tf.math.top_k(products, 2).values[-1]
        return [
            piece | {"counted": tf.cast(preview["products"] >= limit, tf.float32)}
            for piece, preview in zip(pieces, previews, strict=True)
        ]


def losses_of(num_pieces, normalization, kind=SumsOfProducts):
    objective = kind()
    losses, (gradient,) = losses_and_gradients(
        objective,
        split_batch(BATCH, num_pieces),
        lambda images: tf.linalg.matvec(images, objective.weights),
        [objective.weights],
        normalization=normalization,
    )
    return {name: float(loss) for name, loss in losses.items()}, gradient.numpy()


@pytest.mark.parametrize("normalization", ["global", "replica"])
@pytest.mark.parametrize("num_pieces", [1, 2, 4])
def test_pieces_are_the_whole_batch(num_pieces, normalization):
    losses, gradient = losses_of(num_pieces, normalization)
    # Products 21, 43 and 65 count; "loss" has the second output at 0.5 x 2.
    assert losses == pytest.approx({"logits": 43.0, "aux_logits": 86.0, "loss": 86.0})
    np.testing.assert_allclose(gradient, [2 * 3.0, 2 * 4.0], rtol=1e-6)


def test_a_mean_over_each_piece_is_another():
    losses, _ = losses_of(2, "piece")
    # (21 + 43) / 2 and 65 / 1, each for half.
    assert losses["logits"] == pytest.approx((32.0 + 65.0) / 2)


@pytest.mark.parametrize("num_pieces", [1, 2, 4])
def test_what_counts_is_decided_by_the_whole_batch(num_pieces):
    losses, gradient = losses_of(num_pieces, "global", LargestProducts)
    # Products 65 and 87.
    assert losses == pytest.approx({"logits": 76.0, "aux_logits": 152.0, "loss": 152.0})
    np.testing.assert_allclose(gradient, [2 * 6.0, 2 * 7.0], rtol=1e-6)


def test_nothing_that_counts_gives_zero():
    means = mean_losses({"logits": tf.constant(0.0)}, {"logits": tf.constant(0.0)},
                        weights={"logits": 1.0})  # fmt: skip
    assert float(means["logits"]) == float(means["loss"]) == 0.0


def test_losses_are_logged_by_their_output():
    names = ["logits", "aux_logits", "logits_0.5"]
    assert [loss_name(name) for name in names] == ["main_loss", "aux_loss", "loss_0.5"]
