"""How large is an export, and how long until a server's process has its first answer?

Ours of PSPNet-50 beside the host's own of its DeepLab v3 with a ResNet-50 at output stride 8:
images as uint8 pixels in, both loaded by `tf.saved_model.load` in fresh processes.
"""

import pathlib
import tempfile

from benchmarks import rivals, table

SPEC = {"depth": 50, "width": 1.0, "classes": 19, "size": [473, 473]}
QUICK = {"width": 0.125, "size": [65, 65]}
NAMES = {"ours": "ours", "host": "host's DeepLab v3"}
PARTS = {"load": "Loading", "first": "The first answer after that", "second": "The second answer"}


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | (QUICK if options.quick else {})
    seconds = {part: {name: [] for name in NAMES.values()} for part in PARTS}
    with tempfile.TemporaryDirectory() as place:
        folders = {whose: str(pathlib.Path(place) / whose) for whose in NAMES}
        for whose, folder in folders.items():
            _facts(spec | {"do": "write", "whose": whose, "folder": folder}, options)
        sizes = {NAMES[whose]: _sizes(folder) for whose, folder in folders.items()}
        for _ in range(options.rounds):
            for whose, folder in folders.items():
                facts = _facts(spec | {"do": "load", "whose": whose, "folder": folder}, options)
                for part in PARTS:
                    seconds[part][NAMES[whose]].append(facts[part])
    title = f"an export of a ResNet-50 at {spec['size']}"
    comparisons = [
        table.compare(f"{words}, {title}", seconds[part], unit="s") for part, words in PARTS.items()
    ]
    table.report("export", comparisons, out=options.out, threads=len(options.cores), facts=sizes)
    for name, found in sizes.items():
        print(f"{name}: graph {found['graph'] / 1e6:.2f} MB, whole {found['whole'] / 1e6:.1f} MB")


def _facts(spec, options):
    rival = rivals.Rival(spec["whose"], "benchmarks.export_rival", spec, cores=options.cores)
    with rivals.running(rival):
        return rival.facts


def _sizes(folder):
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    graph = sum(path.stat().st_size for path in files if path.name == "saved_model.pb")
    return {"graph": graph, "whole": sum(path.stat().st_size for path in files)}
