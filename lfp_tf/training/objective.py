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
    of the outputs, or the outputs of the whole batch are looked at first (`looks_ahead`).
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

        Only the sizes of `outputs` may be used, not their values.
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
            if number == 0:
                counts = [objective.counts(other, outputs) for other in pieces]
                divisors = _divisors(counts, normalization)
            sums = objective.sums(piece, outputs)
            new_losses = mean_losses(sums, divisors[number], weights=objective.loss_weights())
        new_gradients = tape.gradient(new_losses["loss"], variables)
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


def _divisors(counts: list[Tensors], normalization: str) -> list[Tensors]:
    """Gives what the sums of each piece are divided by.

    With them the sums over pieces and replicas are means over the global batch, over a replica or
    over a piece of all replicas (the originals gather a piece's outputs before the loss).
    """
    replica, num_pieces = tf.distribute.get_replica_context(), len(counts)
    shares = float(replica.num_replicas_in_sync)
    if normalization == "piece":
        counts, shares = replica.all_reduce("SUM", counts), float(num_pieces)
    else:
        totals = {name: tf.add_n([count[name] for count in counts]) for name in counts[0]}
        if normalization == "global":
            totals, shares = replica.all_reduce("SUM", totals), 1.0
        counts = [totals] * num_pieces
    return [
        {name: tf.maximum(count, 1.0) * shares for name, count in piece_counts.items()}
        for piece_counts in counts
    ]
