"""PSPNet on an accelerator: the exported StableHLO through JAX beside the same network in PyTorch.

`python -m benchmarks.gpu.run_gpu --folder build/gpu` on a machine with JAX and PyTorch, and no
TensorFlow. Weights are drawn there from the frozen generator. First the numbers are compared with
TensorFlow's from a CPU, then both are timed in turn; the table goes to `results.json`.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import numpy as np

from benchmarks import rivals, table
from lfp_tf.errors import WorkFailed

# Dense peaks in TFLOP/s by the maker's data sheets: {part of the name: (TensorFloat-32, bfloat16)}.
PEAKS = {
    "H200": (494.0, 989.0),
    "H100": (494.0, 989.0),
    "A100": (156.0, 312.0),
    "L4": (60.0, 121.0),
}
# Allowed differences from TensorFlow's float32 numbers: of logits as a share of their standard
# deviation, of losses relative. TensorFloat-32 keeps 11 bits, bfloat16 8, through a hundred layers.
ALLOWED = {"exact": (1e-3, 1e-4), "float32": (3e-2, 1e-2), "bfloat16": (3e-1, 5e-2)}
# A training step does the forward's multiply-adds three times: backward to data and to weights.
PASSES = {"inference": 1, "training": 3}


def main(arguments=None):
    """Compares, measures and writes; returns the exit status."""
    options = _parser().parse_args(arguments)
    manifest = json.loads((options.folder / "manifest.json").read_text(encoding="utf-8"))
    comparisons, facts = [], {"spec": manifest["spec"]}
    try:
        for program in manifest["programs"]:
            comparison, facts[program] = _program(program, manifest, options)
            comparisons.append(comparison)
    except (WorkFailed, rivals.RivalFailed) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if comparisons:
            _report(comparisons, facts, options)
    return 0


def _program(program, manifest, options):
    mode, dtype = program.split("_")
    spec = manifest["spec"] | {"mode": mode, "dtype": dtype, "program": program, "dropout": 0.0}
    spec |= {"folder": str(options.folder.resolve()), "tf32": not options.exact}
    spec |= {"device": options.device}
    environment = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    environment |= {"NVIDIA_TF32_OVERRIDE": "0"} if options.exact else {}
    if options.device == "cpu":
        environment["JAX_PLATFORMS"] = "cpu"
    with rivals.running(*_contestants(spec, environment, options)) as found:
        differences = {r.name: _difference(r, mode, dtype, manifest, options) for r in found}
        seconds = rivals.interleave(found, rounds=options.rounds, calls=options.calls)
        about = {
            rival.name: rival.facts
            | rival.ask(do="memory")
            | {"difference": differences[rival.name]}
            for rival in found
        }
    work = dict.fromkeys(seconds, PASSES[mode] * manifest["multiply_adds"])
    title = f"{mode}, {dtype}, {spec['batch']} x {spec['size']}, depth {spec['depth']}"
    comparison = table.compare(title, seconds, work=work)
    peak = _peak(found[0].facts["device"], dtype, options)
    for row in comparison["rows"]:
        row["share_of_peak"] = peak and row["gflops"] / 1e3 / peak
    return comparison, about


def _contestants(spec, environment, options):
    pythons = {"python": options.torch_python, "environment": environment}
    found = [
        rivals.Rival(
            "ours through XLA",
            "benchmarks.gpu.jax_rival",
            spec,
            python=options.jax_python,
            environment=environment,
        ),
        rivals.Rival("PyTorch, channels last", "benchmarks.torch_rival", spec, **pythons),
    ]
    if options.compile:
        compiled = spec | {"compile": True}
        found.append(
            rivals.Rival("PyTorch, compiled", "benchmarks.torch_rival", compiled, **pythons)
        )
    return found


def _difference(rival, mode, dtype, manifest, options):
    """The largest difference from TensorFlow's numbers, as `ALLOWED` counts it."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "outputs.npy"
        rival.ask(do="outputs", path=str(path))
        got = np.load(path)
    of_logits, of_losses = ALLOWED[
        "exact" if dtype == "float32" and (options.exact or options.device == "cpu") else dtype
    ]
    if mode == "inference":
        want = np.load(options.folder / "logits.npy")
        found = np.abs(got.reshape(-1)[:: manifest["logits"]["stride"]] - want).max()
        found, allowed = found / manifest["logits"]["std"], of_logits
    else:
        want = np.array([*manifest["losses"], manifest["gradient_norms"][0]])
        got = np.atleast_1d(got)
        found, allowed = np.abs(got / want[: len(got)] - 1).max(), of_losses
    if not found <= allowed:
        raise WorkFailed(
            f"{rival.name}: {mode} in {dtype} differs from TensorFlow's numbers by {found:.2g}, "
            f"but {allowed:g} are allowed; no time is worth anything before that is understood."
        )
    return float(found)


def _peak(device, dtype, options):
    if options.peak_tflops:
        return options.peak_tflops[dtype == "bfloat16"]
    known = [peaks for name, peaks in PEAKS.items() if name in device]
    return known[0][dtype == "bfloat16"] if known else None


def _report(comparisons, facts, options):
    table.report(
        "gpu", comparisons, out=options.out, threads=len(rivals.available_cores()), facts=facts
    )
    for comparison in comparisons:
        for row in comparison["rows"]:
            share = row["share_of_peak"]
            words = f"{100 * share:.0f} % of the card's peak" if share else "peak not known"
            print(f"{comparison['title']}: {row['name']}: {words}")
    for name, about in facts.items():
        for rival, entry in about.items() if name != "spec" else ():
            difference = entry["difference"]
            print(f"{name}: {rival} differs from TensorFlow on a CPU by {difference:.1e}")


def _parser():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.run_gpu")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("build/gpu"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/benchmarks"))
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--rounds", type=int, default=10, help="times each rival is asked (10)")
    parser.add_argument("--calls", type=int, default=10, help="calls a time, then one wait (10)")
    parser.add_argument("--compile", action="store_true", help="torch.compile as a third rival")
    parser.add_argument("--exact", action="store_true", help="float32 without TensorFloat-32")
    parser.add_argument("--jax_python", default=sys.executable, help="interpreter with JAX")
    parser.add_argument("--torch_python", default=sys.executable, help="interpreter with PyTorch")
    parser.add_argument(
        "--peak_tflops",
        type=float,
        nargs=2,
        metavar=("FLOAT32", "BFLOAT16"),
        help="the card's dense peaks, where it is not one of " + ", ".join(PEAKS),
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
