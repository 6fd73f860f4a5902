"""What does the training loop cost on top of its step? It must be at most a twentieth.

The whole loop (input from records, metrics, history, summaries, progress line) beside the task's
bare step on a batch that is there already: the demo's recipe and PSPNet-50's.
"""

import pathlib
import tempfile

from benchmarks import rivals, table
from benchmarks.pipeline import draw

# {name: (experiment, image, changes, steps a measurement, steps before it)}
DEMO = ("pspnet18_scenes", (97, 129), {}, 50, 8)
# The records are drawn scenes, whatever the experiment.
ONE = {"task": {"dataset": "scenes", "train_data": {"global_batch_size": 1}}}
LARGE = ("pspnet50_ade20k", (360, 480), ONE, 5, 2)
TINY = {"task": {"model": {"width": 0.125}, "train_data": {"crop": [33, 41]}}}
QUICK = ("pspnet18_scenes", (48, 64), TINY, 10, 8)
ALLOWED = 1.05


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    comparisons = []
    for experiment, image, changes, calls, warm in (QUICK,) if options.quick else (DEMO, LARGE):
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            spec = {
                "experiment": experiment,
                # One summary falls into each measurement; no checkpoint does.
                "changes": changes | {"trainer": {"train_steps": 10**6, "summary_interval": calls}},
                "records": draw(place / "records", image, 32)["records"],
                "folder": str(place / "run"),
                "warm": warm,
            }
            pair = [
                rivals.Rival(name, "benchmarks.loop_rival", spec | {"kind": kind}, cores=cores)
                for name, kind, cores in (
                    ("bare step", "step", options.cores),
                    ("whole loop", "loop", options.cores),
                )
            ]
            with rivals.running(*pair) as found:
                seconds = rivals.interleave(found, rounds=options.rounds, calls=calls)
        comparisons.append(table.compare(f"A step of {experiment}", seconds))
    table.report("loop", comparisons, out=options.out, threads=len(options.cores))
    table.judge(comparisons, ALLOWED, "a twentieth")
