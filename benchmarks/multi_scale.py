"""What do three scales cost, and what do pieces, in DeepLab v2 with ResNet-101 at 513x513?

Inference: the plain network, the multi-scale one, and the same multi-scale network in PyTorch
(channels last). Training: a batch in one piece and in two, whose gradients add up.
"""

from benchmarks import rivals, table
from benchmarks.agreement import difference, first_outputs

SPEC = {"depth": 101, "width": 1.0, "classes": 21, "batch": 1, "size": [513, 513]}
TRAINING = {"batch": 2, "size": [161, 161]}
QUICK = {"width": 0.125, "size": [65, 65]}
SCALES = [0.5, 0.75]


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    spec = SPEC | (QUICK if options.quick else {})
    facts = {"agreement": _agreement(SPEC | QUICK, options)}
    comparisons = []
    for dtype in ("float32", "bfloat16"):
        title = f"DeepLab v2, ResNet-101, inference, {dtype}, 1 x {spec['size']}"
        found = _inference(spec | {"mode": "inference", "dtype": dtype}, options)
        comparisons.append(_compared(title, found, options))
    train = spec | TRAINING | (QUICK if options.quick else {})
    train |= {"mode": "training", "scales": SCALES}
    for dtype in ("float32", "bfloat16"):
        title = f"DeepLab v2, ResNet-101, training, {dtype}, {train['batch']} x {train['size']}"
        pieces = [
            _ours(f"ours, {count} piece{'s' * (count > 1)}", more, options)
            for count, more in (
                (1, train | {"dtype": dtype, "pieces": 1}),
                (2, train | {"dtype": dtype, "pieces": 2}),
            )
        ]
        comparisons.append(_compared(title, pieces, options))
    table.report(
        "multi_scale", comparisons, out=options.out, threads=len(options.cores), facts=facts
    )


def _inference(spec, options):
    scaled = spec | {"scales": SCALES}
    found = [_ours("ours, three scales", scaled, options)]
    if spec["dtype"] == "float32":
        off = {"TF_ENABLE_ONEDNN_OPTS": "0"}
        found.append(_ours("ours, three scales, oneDNN off", scaled, options, off))
    found.append(_ours("ours, one scale", spec | {"scales": []}, options))
    if options.torch_python:
        found.append(_torch(scaled, options))
    return found


def _ours(name, spec, options, environment=None):
    return rivals.Rival(
        name,
        "benchmarks.tf_rival",
        spec | {"network": "deeplab"},
        cores=options.cores,
        environment={"TF_ENABLE_ONEDNN_OPTS": "1"} | (environment or {}),
    )


def _torch(spec, options):
    return rivals.Rival(
        "PyTorch, channels last, three scales",
        "benchmarks.torch_rival",
        spec | {"network": "deeplab"},
        python=options.torch_python,
        cores=options.cores,
    )


def _compared(title, contestants, options):
    with rivals.running(*contestants) as found:
        seconds = rivals.interleave(found, rounds=options.rounds, calls=options.calls)
        ours = found[0].facts["multiply_adds"]
        work = {rival.name: rival.facts.get("multiply_adds", ours) for rival in found}
    return table.compare(title, seconds, work=work)


def _agreement(spec, options):
    """The largest difference of PyTorch's logits from ours; None without PyTorch."""
    if not options.torch_python:
        return None
    spec = spec | {"mode": "inference", "dtype": "float32", "scales": SCALES}
    both = first_outputs(_ours("ours", spec, options), _torch(spec, options))
    found = difference(*both, "logits")
    print(f"PyTorch agrees with us: logits to {found:.1e} of their standard deviation.\n")
    return found
