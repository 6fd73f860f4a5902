"""What do 3002 classes cost MaskX R-CNN's mask head, beside 81?

A training step of the mask head and of T, and inference, on the boxes of one image; for inference
also the exported network, in which T is evaluated. Memory is the peak of a fresh process above what
it held before the network was built, less the network's weights.
"""

from benchmarks import rivals, table

# Boxes of one image, (in training, in inference), and how many classes they are of.
SPEC = {"boxes": {"training": 128, "inference": 100}, "present": 20, "dim": 256, "box_dim": 1024}
QUICK = {"boxes": {"training": 8, "inference": 4}, "present": 3, "dim": 16, "box_dim": 32}
CLASSES = (81, 3002)


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | (QUICK if options.quick else {})
    comparisons, peaks = [], {}
    for mode in ("training", "inference"):
        contestants = list(_contestants(mode, spec, options))
        with rivals.running(*contestants) as found:
            seconds = rivals.interleave(found, rounds=options.rounds, calls=options.calls)
            peaks[mode] = {one.name: one.ask(do="memory")["peak_bytes"] for one in found}
        count = spec["boxes"][mode]
        title = f"Mask head and T, {mode}, {count} boxes of {spec['present']} classes"
        comparisons.append(table.compare(title, seconds))
    facts = {"spec": spec, "peak_bytes": peaks}
    table.report("transfer", comparisons, out=options.out, threads=len(options.cores), facts=facts)
    for mode, values in peaks.items():
        for name, value in values.items():
            print(f"peak memory of {mode}, {name}: {value / 2**20:.0f} MiB")


def _contestants(mode, spec, options):
    spec = spec | {"mode": mode, "boxes": spec["boxes"][mode]}
    for classes in CLASSES:
        yield _rival(f"{classes} classes", spec | {"classes": classes, "served": False}, options)
    if mode == "inference":
        served = spec | {"classes": CLASSES[-1], "served": True}
        yield _rival(f"{CLASSES[-1]} classes, exported", served, options)


def _rival(name, spec, options):
    return rivals.Rival(name, "benchmarks.transfer_rival", spec, cores=options.cores)
