"""How long does the published evaluation of one Cityscapes image take, and how much memory?

Sliding windows of 713 at two scales with the mirror image (`hszhao/semseg tool/test.py`) over
1024x2048, PSPNet-50; windows through the network one by one or four at once, beside the original's
way in PyTorch. Each evaluation is a process of its own, for its peak of memory; the first call's
tracing is inside the time.
"""

import pathlib
import tempfile

import numpy as np

from benchmarks import rivals, table
from lfp_tf.errors import WorkFailed

SPEC = {"width": 1.0, "size": [1024, 2048], "crop": [713, 713], "base_size": 2048, "classes": 19}
# Two of the published six: all of them take a quarter of an hour a rival on two cores.
SCALES = [0.5, 1.0]
QUICK = {"width": 0.125, "size": [96, 192], "crop": [65, 65], "base_size": 192}
# Pixels whose label may differ between PyTorch and us: ties of random weights.
ALLOWED_PIXELS = 1e-3


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | {"scales": SCALES}
    if options.quick:
        spec |= QUICK | {"scales": [0.5, 1.0]}
    _check(spec | QUICK | {"scales": [0.5, 1.5], "window_batch": 4}, options)
    contestants = _contestants(spec, options)
    seconds = {name: [] for name in contestants}
    peaks = {name: [] for name in contestants}
    for _ in range(options.rounds):
        for name, start in contestants.items():
            with rivals.running(start(name)) as (rival,):
                found = rival.ask(do="measure")
            seconds[name].append(found["seconds"])
            peaks[name].append(found["peak_bytes"])
    title = f"One image of {spec['size']}, windows of {spec['crop']}, scales {spec['scales']}"
    table.report(
        "sliding",
        [table.compare(title, seconds, unit="s")],
        out=options.out,
        threads=len(options.cores),
        facts={"spec": spec, "peak_bytes": peaks},
    )
    for name, values in peaks.items():
        print(f"peak memory of {name}: {max(values) / 2**30:.2f} GiB")


def _contestants(spec, options):
    """{name: function that starts it}: a process is made anew for each evaluation."""

    def start(changes, **more):
        return lambda name: rivals.Rival(
            name, "benchmarks.sliding_rival", spec | changes, cores=options.cores, **more
        )

    found = {
        f"ours, {count} window{'s' * (count > 1)} at once": start(
            {"kind": "ours", "window_batch": count}
        )
        for count in (1, 4)
    }
    if options.torch_python:
        found["PyTorch, the original's way"] = start({"kind": "torch"}, python=options.torch_python)
    return found


def _check(spec, options):
    """Both give one image the same labels, at a small size."""
    if not options.torch_python:
        return
    labels = []
    with tempfile.TemporaryDirectory() as folder:
        for name, start in _contestants(spec, options).items():
            with rivals.running(start(name)) as (rival,):
                path = str(pathlib.Path(folder) / "labels.npy")
                rival.ask(do="outputs", path=path)
                labels.append(np.load(path))
    share = max(float(np.mean(labels[0] != other)) for other in labels[1:])
    if share > ALLOWED_PIXELS:
        raise WorkFailed(
            f"PyTorch labels {share:.2%} of the pixels otherwise than we do; the comparison would "
            "be of two protocols."
        )
    print(f"All label a small image alike but for {share:.3%} of its pixels.\n")
