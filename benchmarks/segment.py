"""What does `lfp_tf.segment` cost on top of the network it calls? It must be at most a tenth.

The second and later calls, from a uint8 image to its labels, beside the bare network: one graph of
the same size, from preprocessed pixels to logits.
"""

from benchmarks import rivals, table

# (experiment, (height, width), width of the network, calls a measurement)
NETWORKS = (
    ("pspnet_mobilenetv2_camvid", (360, 480), None, 5),
    ("pspnet50_ade20k", (473, 473), None, 2),
)
QUICK = (("pspnet18_scenes", (97, 129), 0.125, 3),)
ALLOWED = 1.10


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    comparisons = []
    for experiment, size, width, calls in QUICK if options.quick else NETWORKS:
        spec = {"experiment": experiment, "size": size, "width": width}
        pair = [
            rivals.Rival(
                name, "benchmarks.segment_rival", spec | {"kind": kind}, cores=options.cores
            )
            for name, kind in (("network alone", "network"), ("lfp_tf.segment", "segment"))
        ]
        with rivals.running(*pair) as found:
            seconds = rivals.interleave(found, rounds=options.rounds, calls=calls)
        comparisons.append(table.compare(f"{experiment}, {size[0]}x{size[1]}", seconds))
    table.report("segment", comparisons, out=options.out, threads=len(options.cores))
    table.judge(comparisons, ALLOWED, "a tenth")
