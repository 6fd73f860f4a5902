"""The losses of a global batch and their gradients, from one replica's share taken in pieces."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import tensorflow as tf

from lfp_tf.layers.batch_norm import running_values_held

Tensors = dict[str, tf.Tensor]


class Objective(Protocol):
    """What a task says of its losses.

    Each loss is a sum over something (pixels, images) divided by how many of them there are. The
    divisors of the global batch are known before any gradient is taken: counting needs no values
    of the outputs, or the outputs of the whole batch are looked at first (`looks_ahead`). Where a
    mean is over one piece, that piece's own outputs are enough.
    """

    def looks_ahead(self) -> bool:
        """Tells whether what counts depends on the outputs of the whole batch."""
        ...

    def preview(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Takes from the outputs of a piece what `informed` needs; only if `looks_ahead`."""
        ...

    def informed(self, pieces: Sequence[Tensors], previews: Sequence[Tensors]) -> list[Tensors]:
        """Adds to the pieces what the previews of all pieces and replicas decide."""
        ...

    def loss_weights(self) -> dict[str, float]:
        """Gives {name of an output: weight of its loss}, in the order of the outputs."""
        ...

    def trained_outputs(self, piece: Tensors, model: Callable[..., Tensors]) -> Tensors:
        """Gives {name of an output: what the network makes of a piece}, [b, ...]."""
        ...

    def counts(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Gives {name of an output: how many its sum is over}, float32 scalars.

        Values of `outputs` may be used where a mean is over a piece; where it is over more, only
        their sizes, and what `informed` added to the piece.
        """
        ...

    def sums(self, piece: Tensors, outputs: Tensors) -> Tensors:
        """Gives {name of an output: sum of its losses}, float32 scalars."""
        ...


def losses_and_gradients(
    objective: Objective,
    pieces: Sequence[Tensors],
    model: Callable[..., Tensors],
    variables: Sequence[tf.Variable],
    *,
    normalization: str,
) -> tuple[Tensors, list[tf.Tensor]]:
    """Takes the gradients of the pieces one after the other and adds them up.

    Args:
        objective: the task.
        pieces: of one replica's share of the batch, from `split_batch`.
        model: from images to {name of an output: tensor}.
        variables: what the gradients are for.
        normalization: what a mean is over: the `global` batch, a `replica`, or a `piece` over all
            replicas.

    Returns:
        ({name of an output: mean, "loss": their weighted sum}, gradients), equal on all replicas.
    """
    divisors, losses, gradients = [], {}, []
    looks_ahead, is_whole = objective.looks_ahead(), len(pieces) == 1
    if looks_ahead and not is_whole:
        pieces = objective.informed(pieces, _previews(objective, pieces, model))
    for number, piece in enumerate(pieces):
        with tf.GradientTape() as tape:
            outputs = objective.trained_outputs(piece, model)
            if looks_ahead and is_whole:
                pieces = objective.informed([piece], [objective.preview(piece, outputs)])
                (piece,) = pieces
            if normalization == "piece":
                divisors.append(_piece_divisors(objective.counts(piece, outputs), len(pieces)))
            elif number == 0:
                counts = [objective.counts(other, outputs) for other in pieces]
                divisors = [_divisors(counts, normalization)] * len(pieces)
            sums = objective.sums(piece, outputs)
            new_losses = mean_losses(sums, divisors[number], weights=objective.loss_weights())
        # A look-up in a table has gradients of its rows alone, which do not add up.
        new_gradients = [
            tf.convert_to_tensor(gradient)
            for gradient in tape.gradient(new_losses["loss"], variables)
        ]
        if number == 0:
            losses, gradients = new_losses, new_gradients
        else:
            losses = {name: losses[name] + new_losses[name] for name in losses}
            gradients = [
                total + new  # pyright: ignore[reportOperatorIssue]
                for total, new in zip(gradients, new_gradients, strict=True)
            ]
    replica = tf.distribute.get_replica_context()
    return replica.all_reduce("SUM", (losses, gradients))


def split_batch(batch: Tensors, num_pieces: int) -> list[Tensors]:
    """Cuts {name: [b, ...]} into pieces of b / num_pieces, in their order."""
    columns = [tf.split(value, num_pieces) for value in batch.values()]
    return [dict(zip(batch, values, strict=True)) for values in zip(*columns, strict=True)]


def mean_losses(sums: Tensors, counts: Tensors, *, weights: Mapping[str, float]) -> Tensors:
    """Divides sums by counts: {name: mean, "loss": their weighted sum}; 0 where none count.

    Args:
        sums: {name of an output: scalar}.
        counts: {name of an output: scalar}.
        weights: {name of an output: weight in "loss"}.
    """
    means = {name: total / tf.maximum(counts[name], 1.0) for name, total in sums.items()}
    return means | {"loss": tf.add_n([weights[name] * mean for name, mean in means.items()])}


def loss_name(output: str) -> str:
    """Tells how a loss is logged: `main_loss`, `aux_loss`, `loss_0.5` of that scale's logits."""
    if output == "logits":
        return "main_loss"
    return "aux_loss" if output == "aux_logits" else f"loss_{output.removeprefix('logits_')}"


def _previews(objective, pieces, model):
    """Runs the network over all pieces once more than training needs; nothing of it moves."""
    with running_values_held():
        return [
            objective.preview(piece, objective.trained_outputs(piece, model)) for piece in pieces
        ]


def _divisors(counts: list[Tensors], normalization: str) -> Tensors:
    """Gives what the sums of every piece are divided by, from the counts of all pieces.

    With it the sums over pieces and replicas are means over the global batch, or over a replica.
    """
    replica = tf.distribute.get_replica_context()
    shares = float(replica.num_replicas_in_sync)
    totals = {name: tf.add_n([count[name] for count in counts]) for name in counts[0]}
    if normalization == "global":
        totals, shares = replica.all_reduce("SUM", totals), 1.0
    return _shared(totals, shares)


def _piece_divisors(counts: Tensors, num_pieces: int) -> Tensors:
    """Gives what the sums of one piece are divided by: its counts, over all replicas.

    The originals gather a piece's outputs before the loss.
    """
    counts = tf.distribute.get_replica_context().all_reduce("SUM", counts)
    return _shared(counts, float(num_pieces))


def _shared(counts: Tensors, shares: float) -> Tensors:
    return {name: tf.maximum(count, 1.0) * shares for name, count in counts.items()}
