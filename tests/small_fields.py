"""Fields of an experiment for tests: the defaults of a network, one step of SGD, and changes."""

from lfp_tf.recipes import config, overrides

_ONE_STEP = {
    "trainer": {
        "train_steps": 1,
        "optimizer_config": {
            "optimizer": {"type": "sgd"},
            "learning_rate": {"type": "constant", "constant": {"learning_rate": 0.01}},
        },
    }
}


def fields_of(network, *changes):
    """The `Experiment` of a network, not yet checked; each change is a nested dictionary."""
    params = config.of_network(network)
    for change in (_ONE_STEP, *changes):
        overrides.apply(params, change)
    return params
