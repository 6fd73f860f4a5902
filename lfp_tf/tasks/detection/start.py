"""What a detector's training starts with beyond a checkpoint: class vectors, a whole trunk."""

import re
from collections.abc import Callable
from typing import Any

from lfp_tf.checkpoints.embeddings import embedding_table
from lfp_tf.checkpoints.load import Report
from lfp_tf.checkpoints.variables import variables_by_name
from lfp_tf.errors import LfpError, first_of
from lfp_tf.tasks.detection.config import Config

# The class vectors of `transfer_input` glove and random.
_TABLE = "transfer_embedding/table"


def refuse_gaps(config: Config, report: Report) -> None:
    """Refuses a start that leaves as drawn what masks stand on, where masks alone are trained.

    Args:
        config: of the training.
        report: of its start.

    Raises:
        LfpError: as it says.
    """
    free = (config.model.trained(config.trainable), *config.init_exclude)
    unfilled = (*report.missing, *report.mismatched)
    gaps = [name for name in unfilled if not any(re.search(part, name) for part in free)]
    if gaps:
        raise LfpError(
            f"task.trainable is {config.trainable}, so all but the masks stays as it starts, but "
            f"{config.init_checkpoint} does not fill {len(gaps)} of the network's variables "
            f"({first_of(gaps)}); is it a whole detector of as many classes "
            f"(task.model.classes is {config.model.classes})?"
        )


def fill_table(
    model: Any, config: Config, report: Report | None, names: Callable[[], list[str]]
) -> None:
    """Fills the table of class vectors as `task.embeddings` says.

    Args:
        model: with a table.
        config: of the training.
        report: of its start; None where it starts from nothing.
        names: gives those of all classes of the network.

    Raises:
        LfpError: no table, neither in the start nor elsewhere; or as `embedding_table`.
    """
    fields: Any = config.model
    if config.embeddings:
        table = embedding_table(config.embeddings, names(), dim=fields.embedding_dim)
        variables_by_name(model)[_TABLE].assign(table)
    elif report is None or _TABLE not in report.loaded:
        start = config.init_checkpoint
        where = f"{start} has none of {model.num_labels} rows" if start else "none is given"
        raise LfpError(
            f"The network's table of class vectors ({_TABLE}; v_glove or v_randn_0 in Detectron's "
            f"files) is missing: task.model.transfer_input is {fields.transfer_input}, but "
            f"{where}; give task.embeddings=FILE (GloVe's text or a .npy table)."
        )
