"""How long from `python train.py` to the first finished step of PSPNet-101, and where does it go?

Each run is a fresh process. Ours is the very train.py, with weights from a file and records on
disk; the rivals start lighter: the host's task and PyTorch get a drawn batch and drawn weights.
"""

import pathlib
import tempfile
import time

from benchmarks import rivals, table
from benchmarks.pipeline import draw

SPEC = {"depth": 101, "width": 1.0, "classes": 8, "batch": 1, "mode": "training"}
CROPS = ((97, 97), (713, 713))
IMAGE = (1024, 2048)


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | {"dtype": "float32", "drawn": False}
    crops, image = CROPS, IMAGE
    if options.quick:
        spec |= {"depth": 50, "width": 0.125}
        crops, image = ((65, 65),), (96, 128)
    comparisons, parts = [], {}
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        records = draw(place / "records", image, 2)["records"]
        spec |= {"records": records, "weights": str(place / "weights.npz")}
        _fresh("weights", _ours(spec | {"kind": "weights"}, options))
        for crop in crops:
            seconds, found = _rounds(spec | {"size": list(crop)}, place, options)
            title = f"To the first finished step, PSPNet-{spec['depth']}, crop {crop}, batch 1"
            comparisons.append(table.compare(title, seconds, unit="s"))
            parts |= {f"{crop[0]}: {name}": entries for name, entries in found.items()}
    table.report("startup", comparisons, out=options.out, threads=len(options.cores), facts=parts)
    for name, entries in parts.items():
        quickest = min(entries, key=lambda entry: sum(entry.values()))
        words = ", ".join(f"{part} {value:.1f} s" for part, value in quickest.items())
        print(f"{name}: {words}")


def _rounds(spec, place, options):
    starters = {
        "ours, train.py": lambda name: _ours(spec | {"kind": "ours"}, options)(name),
        "host's DeepLab v3": lambda name: rivals.Rival(
            name, "benchmarks.tf_rival", spec | {"network": "host"}, cores=options.cores
        ),
    }
    if options.torch_python:
        starters["PyTorch"] = lambda name: rivals.Rival(
            name,
            "benchmarks.torch_rival",
            spec,
            python=options.torch_python,
            cores=options.cores,
        )
    seconds = {name: [] for name in starters}
    parts = {name: [] for name in starters}
    for number in range(options.rounds):
        for name, start in starters.items():
            with tempfile.TemporaryDirectory(dir=place) as folder:
                # train.py goes on where a folder's run has stopped: each gets its own.
                spec["folder"] = folder
                wall, facts = _fresh(name, start)
            seconds[name].append(wall)
            parts[name].append(facts["seconds"])
        print(f"round {number + 1} of {options.rounds} at {spec['size']} done", flush=True)
    return seconds, parts


def _ours(spec, options):
    return lambda name: rivals.Rival(name, "benchmarks.startup_rival", spec, cores=options.cores)


def _fresh(name, start):
    """(seconds until its first step is done, its facts) of a new process."""
    begin = time.perf_counter()
    with rivals.running(start(name)) as (rival,):
        # Ours does a second step and a checkpoint before it answers.
        return rival.facts.get("done_at", time.perf_counter()) - begin, rival.facts
