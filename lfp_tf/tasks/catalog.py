"""What an experiment's network is for: the three tasks, by its name; no TensorFlow here."""

_OTHERS = {"lfp_classifier": "classification", "hourglass": "pose"}


def kind_of(network):
    """`segmentation`, `classification` or `pose`: the records, scores and signatures it has.

    Args:
        network: what `models.catalog` calls it.
    """
    return _OTHERS.get(network, "segmentation")
