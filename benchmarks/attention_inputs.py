"""What the programs of the attention benchmark share: inputs, alike in both frameworks, commands.

numpy only. An array is drawn in its own type, as one twice as large on the way would count in the
peak of memory.
"""

import resource
import zlib

import numpy as np

from benchmarks import drawn
from benchmarks.rivals import timed


def tensors(spec):
    """Pairs (name, float32 array) of an attention, the largest first, each made when asked for.

    Args:
        spec: rows, keys, channels, values, parts, mode.

    Yields:
        `queries` [1, N, D], of gradients `upstream` [1, N, E], `keys` [1, M, D], `values`
        [1, M, E], `mixture` [1, P].
    """
    rows, keys, channels, values = (spec[n] for n in ("rows", "keys", "channels", "values"))
    yield "queries", _normal("queries", (1, rows, channels))
    if spec["mode"] == "gradients":
        yield "upstream", _normal("upstream", (1, rows, values))
    yield "keys", _normal("keys", (1, keys, channels))
    yield "values", _normal("values", (1, keys, values))
    powers = np.exp(_normal("mixture", (1, spec["parts"])))
    yield "mixture", powers / powers.sum()


def maps(spec):
    """The maps of a layer: {name: float32 [1, H, W, C]}; of gradients also `upstream`."""
    shapes = {name: (1, *size, spec["channels"]) for name, size in spec["maps"].items()}
    return {name: _normal(name, shape) for name, shape in shapes.items()}


def layer_weight(name, shape, weight=drawn.weight_of_our_lfp):
    """A variable of a transformer; its table of shares has one name and layout in both."""
    return _normal("table", shape) if name.endswith("table") else weight(name, shape)


def comparable(results):
    """One array of several, each divided by its deviation."""
    return np.concatenate([np.ravel(x) / np.std(x) for x in results])


def commands(call, array):
    """The commands of `rivals.serve` for one call.

    Args:
        call: gives a list of the framework's tensors, and has computed when it returns.
        array: from one of these to numpy.
    """
    processor = []

    def measure(calls=1):
        found = timed(call, calls=calls)
        processor.append(found["cpu_seconds"])
        return found

    def used():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"peak_bytes": peak, "cpu_seconds": processor}

    def save(path):
        np.save(path, comparable([array(x) for x in call()]))
        return {}

    return {"measure": measure, "used": used, "outputs": save}


def _normal(name, shape):
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.standard_normal(shape, dtype=np.float32)
