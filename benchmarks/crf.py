"""How long does the dense CRF of one image take, and where does the time go?

500x500 pixels and 21 classes with the original's parameters, beside `pydensecrf2` (its C++ with
SSE): a smooth image, a noisy one (whose lattice has the most vertices), and how much the class
subset saves and changes. The lattice is built inside the time, the one of the places, too. Name an
interpreter that has numpy, scipy and pydensecrf2 by --crf_python. Rivals have one core; the last
table gives two processes two cores.
"""

import pathlib
import tempfile

import numpy as np

from benchmarks import rivals, table
from lfp_tf.errors import WorkFailed

SPEC = {"size": [500, 500], "classes": 21, "images": 1, "processes": 0, "threshold": 0.0}
QUICK = {"size": [48, 64], "classes": 5}
IMAGES = ("smooth", "noisy")
# A class that is 1 % likely nowhere is left out.
THRESHOLD = 0.01
# Largest difference of probabilities between pydensecrf2 and us, on both images.
ALLOWED = 1e-3
IN_PARALLEL = 8


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | (QUICK if options.quick else {})
    comparisons, facts = [], {}
    for image in IMAGES:
        contestants = _contestants(spec | {"image": image}, options)
        with rivals.running(*contestants) as found:
            facts[image] = _outputs(found, image)
            for part in ("all of it", "the mean field alone"):
                seconds = rivals.interleave(
                    found, rounds=options.rounds, calls=options.calls, part=part
                )
                title = f"{part.capitalize()}, a {image} image of {spec['size']}"
                comparisons.append(table.compare(title, seconds))
    comparisons.append(_in_parallel(spec, options))
    table.report("crf", comparisons, out=options.out, threads=1, facts=facts)
    for image, found in facts.items():
        print(f"{image}: {found['vertices']} vertices; {found['subset']}")


def _contestants(spec, options):
    core = options.cores[:1]

    def ours(name, **changes):
        return rivals.Rival(
            name, "benchmarks.crf_rival", spec | {"backend": "numpy"} | changes, cores=core
        )

    found = [ours("ours"), ours("ours, class subset", threshold=THRESHOLD)]
    if options.crf_python:
        theirs = spec | {"backend": "pydensecrf"}
        found.append(
            rivals.Rival(
                "pydensecrf2",
                "benchmarks.crf_rival",
                theirs,
                python=options.crf_python,
                cores=core,
            )
        )
    return found


def _outputs(found, image):
    """Facts of the rivals' probabilities; refuses rivals that compute something else."""
    with tempfile.TemporaryDirectory() as folder:
        arrays = []
        for number, rival in enumerate(found):
            path = str(pathlib.Path(folder) / f"{number}.npy")
            rival.ask(do="outputs", path=path)
            arrays.append(np.load(path))
    whole, subset = arrays[:2]
    gap = max((float(np.abs(whole - other).max()) for other in arrays[2:]), default=0.0)
    if gap > ALLOWED:
        raise WorkFailed(
            f"pydensecrf2 gives the {image} image probabilities that are {gap:.2g} from ours; "
            "the comparison would be of two filters."
        )
    kept = int((subset.max(axis=(0, 1)) > 0).sum())
    changed = float(np.mean(whole.argmax(axis=2) != subset.argmax(axis=2)))
    return {
        "vertices": found[0].facts["vertices"],
        "largest difference to pydensecrf2": gap,
        "kept classes": kept,
        "changed pixels": changed,
        "subset": f"{kept} of {whole.shape[2]} classes kept, {changed:.4%} of the pixels changed",
    }


def _in_parallel(spec, options):
    """Images in one and in two processes, on as many cores."""
    spec = spec | {"image": "noisy", "backend": "numpy"}
    spec["images"] = 2 if options.quick else IN_PARALLEL
    pair = [
        rivals.Rival(
            f"{count} process{'es' * (count > 1)}",
            "benchmarks.crf_rival",
            spec | {"processes": count},
            cores=options.cores[:count],
        )
        for count in (1, 2)
    ]
    with rivals.running(*pair) as found:
        seconds = rivals.interleave(
            found, rounds=options.rounds, calls=options.calls, part="all of it"
        )
    return table.compare(f"{spec['images']} noisy images through the pool", seconds)
