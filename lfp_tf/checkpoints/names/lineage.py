"""The lineage of a file as one word, for `lfp-tf inspect`."""

from lfp_tf.checkpoints.lineages import recognise


def lineage(arrays):
    """The name of the lineage that the file's names show, or None."""
    found = recognise(arrays)
    return found.name if found else None
