"""How quick is PSPNet-50 itself, beside the same network in PyTorch and the host's DeepLab v3?

Inference and training step, float32 and bfloat16; ours with oneDNN on and off, which is a variable
of the process, and in bfloat16 through the graph optimizer's option.
"""

from benchmarks import rivals, table
from benchmarks.agreement import difference, first_outputs


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    sizes = {"depth": 50, "width": 1.0, "classes": 19, "batch": 1, "size": [473, 473]}
    if options.quick:
        sizes |= {"width": 0.125, "size": [65, 65]}
    facts = {"agreement": agreement(options)}
    comparisons = []
    for mode in ("inference", "training"):
        for dtype in ("float32", "bfloat16"):
            spec = sizes | {"mode": mode, "dtype": dtype}
            title = f"PSPNet-50, {mode}, {dtype}, {sizes['batch']} x {sizes['size']}"
            with rivals.running(*contestants(spec, options)) as found:
                seconds = rivals.interleave(found, rounds=options.rounds, calls=options.calls)
                facts[f"{mode}/{dtype}"] = {rival.name: rival.facts for rival in found}
            comparisons.append(table.compare(title, seconds, work=_work(found)))
    table.report("network", comparisons, out=options.out, threads=len(options.cores), facts=facts)


def contestants(spec, options):
    """The rivals of one question; with bfloat16 the option is oneDNN's, so it stays on."""
    tensorflow = {"module": "benchmarks.tf_rival", "cores": options.cores}

    def ours(name, onednn):
        return rivals.Rival(
            name,
            spec=spec | {"network": "ours"},
            environment={"TF_ENABLE_ONEDNN_OPTS": str(onednn)},
            **tensorflow,
        )

    found = [ours("ours", 1)]
    if spec["dtype"] == "float32":
        found.append(ours("ours, oneDNN off", 0))
    if options.torch_python:
        found.append(
            rivals.Rival(
                "PyTorch, channels last",
                "benchmarks.torch_rival",
                spec,
                python=options.torch_python,
                cores=options.cores,
            )
        )
    host = spec | {"network": "host"}
    found.append(rivals.Rival("host's DeepLab v3, R-50, stride 8", spec=host, **tensorflow))
    return found


def agreement(options, *, depth=50, width=0.25, size=(65, 73)):
    """The largest difference of PyTorch's logits and losses from ours, same drawn weights.

    Returns:
        {"logits": share of their standard deviation, "loss": relative}; empty without PyTorch.

    Raises:
        WorkFailed: the rival computes something else than we do.
    """
    if not options.torch_python:
        return {}
    spec = {"depth": depth, "width": width, "classes": 19, "batch": 2, "size": list(size)}
    spec |= {"dtype": "float32", "dropout": 0.0}
    found = {}
    for mode, name in (("inference", "logits"), ("training", "loss")):
        found[name] = difference(*_outputs(spec | {"mode": mode}, options), name)
    print(f"PyTorch agrees with us: logits to {found['logits']:.1e} of their standard deviation,")
    print(f"the loss of a training step to {found['loss']:.1e}.\n")
    return found


def _outputs(spec, options):
    ours = rivals.Rival(
        "ours", "benchmarks.tf_rival", spec | {"network": "ours"}, cores=options.cores
    )
    theirs = rivals.Rival(
        "PyTorch",
        "benchmarks.torch_rival",
        spec,
        python=options.torch_python,
        cores=options.cores,
    )
    return first_outputs(ours, theirs)


def _work(found):
    """Multiply-adds of the forward pass by rival; PyTorch runs the network that we do."""
    ours = found[0].facts["multiply_adds"]
    return {rival.name: rival.facts.get("multiply_adds", ours) for rival in found}
