"""Where does a call of PSPNet-50 go? `python -m benchmarks.profile [--mode M] [--dtype D]`.

Prints the time of one call by operation, as TensorFlow's own profiler sees it; operations of two
threads may overlap, so that the parts can add up to more than the whole.
"""

import argparse
import collections
import pathlib
import sys
import tempfile

import tensorflow as tf

from benchmarks import tf_rival
from benchmarks.rivals import available_cores

SPEC = {"network": "ours", "depth": 50, "width": 1.0, "classes": 19, "batch": 1}
_MILLISECOND = 1e9  # picoseconds
_SHOWN = 15


def main(arguments=None):
    """Profiles what is asked for; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("--mode", default="training", choices=("inference", "training"))
    parser.add_argument("--dtype", default="bfloat16", choices=("float32", "bfloat16"))
    parser.add_argument("--size", type=int, default=473, help="pixels a side (473)")
    options = parser.parse_args(arguments)
    shape = {"size": [options.size, options.size], "cores": available_cores(None)}
    _, commands = tf_rival.make(SPEC | shape | {"mode": options.mode, "dtype": options.dtype})
    commands["measure"](calls=1)
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            commands["measure"](calls=1)
        found = by_operation(next(pathlib.Path(folder).rglob("*.xplane.pb")))
    total = sum(milliseconds for milliseconds, _ in found.values())
    print(f"{'operation':40}{'ms':>9}  share  calls")
    for name, (milliseconds, calls) in list(found.items())[:_SHOWN]:
        print(f"{name:40}{milliseconds:9.1f}{100 * milliseconds / total:6.1f}%{calls:7}")
    return 0


def by_operation(path):
    """{operation: (milliseconds, calls)} of a profile's CPU planes, the longest first."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    space = xplane_pb2.XSpace()
    space.ParseFromString(path.read_bytes())
    seconds, calls = collections.Counter(), collections.Counter()
    for plane in space.planes:
        for line in plane.lines if "CPU" in plane.name else ():
            for event in line.events:
                # Operations are called NAME:TYPE; the rest is the runtime's.
                _, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
                if colon:
                    seconds[kind] += event.duration_ps / _MILLISECOND
                    calls[kind] += 1
    return {kind: (value, calls[kind]) for kind, value in seconds.most_common()}


if __name__ == "__main__":
    sys.exit(main())
