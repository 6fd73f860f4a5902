"""How many training images a second does one core prepare?

Ours (crop first, then compute) beside the same transforms in OpenCV on whole images, in a Python
loop and in a torch DataLoader; on drawn PNGs as large as those of Cityscapes and of CamVid.
"""

import pathlib
import tempfile

from benchmarks import rivals, table
from lfp_tf.data.datasets import scenes
from lfp_tf.data.example import decode_example
from lfp_tf.data.records import Description, Shards, write_dataset, write_records

# (height, width) of the images, (height, width) of the crop, images drawn.
SIZES = {"Cityscapes": ((1024, 2048), (713, 713), 8), "CamVid": ((360, 480), (321, 321), 16)}
QUICK = {"small": ((96, 128), (65, 65), 4)}
BATCH = 4


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    comparisons, cores = [], options.cores[:1]
    calls = 2 if options.quick else 10
    for name, (size, crop, count) in (QUICK if options.quick else SIZES).items():
        with tempfile.TemporaryDirectory() as folder:
            spec = draw(pathlib.Path(folder), size, count) | {"crop": list(crop), "batch": BATCH}
            with rivals.running(*_contestants(spec, cores, options)) as found:
                seconds = rivals.interleave(found, rounds=options.rounds, calls=calls)
        title = f"{BATCH} crops of {crop} from {name}'s {size}, one core"
        amounts = dict.fromkeys(seconds, BATCH)
        comparisons.append(table.compare(title, seconds, unit="s", amounts=amounts))
    table.report("pipeline", comparisons, out=options.out, threads=len(cores))


def draw(folder, size, count):
    """Drawn records, and the bytes of `train` as files: {"records", "files", "classes"}."""
    plan = scenes.plan(size=size, counts=(count, 1, 0))
    encoded, entries = [], {}

    def encode(sample):
        encoded.append(plan.encode(sample))
        return encoded[-1]

    for split, samples in plan.splits.items():
        entries[split] = write_records(
            samples, Shards(folder, split, 1), encode=encode, digest="drawn"
        )
    names = plan.table.names
    write_dataset(folder, Description(plan.name, plan.tasks, names, plan.table.colors), entries)
    files = []
    for number, record in enumerate(encoded[:count]):
        features = decode_example(record.payload)
        pair = [folder / f"{number}.png", folder / f"{number}_labels.png"]
        keys = ("image/encoded", "image/segmentation/class/encoded")
        for path, key in zip(pair, keys, strict=True):
            path.write_bytes(features[key][0])
        files.append([str(path) for path in pair])
    return {"records": str(folder), "files": files, "classes": len(names)}


def _contestants(spec, cores, options):
    module = "benchmarks.pipeline_rival"
    found = [
        rivals.Rival("ours", module, spec | {"kind": "ours"}, cores=cores),
        rivals.Rival("OpenCV, a loop", module, spec | {"kind": "opencv"}, cores=cores),
    ]
    if options.torch_python:
        loader = spec | {"kind": "dataloader"}
        python = options.torch_python
        found.append(
            rivals.Rival("OpenCV, torch DataLoader", module, loader, python=python, cores=cores)
        )
    return found
