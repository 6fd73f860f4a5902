"""The JAX program of the accelerator benchmark: runs exported StableHLO, without TensorFlow.

Spec: folder of `export_stablehlo.py`, program, depth, width, classes, batch, size.
"""

import json
import pathlib
import time

import jax
import numpy as np
from jax.extend import backend
from jaxlib import xla_client

from benchmarks import drawn
from benchmarks.rivals import serve, timed


def make(spec):
    """The facts and commands of `serve`."""
    folder = pathlib.Path(spec["folder"])
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    program = manifest["programs"][spec["program"]]
    device = jax.devices()[0]
    begin = time.perf_counter()
    executable = backend.get_backend().compile_and_load(
        (folder / f"{spec['program']}.mlir").read_text(encoding="utf-8"),
        xla_client.DeviceList((device,)),
        xla_client.CompileOptions(),
    )
    compiled = time.perf_counter()
    arguments = [jax.device_put(_array(entry, spec), device) for entry in program["arguments"]]
    updates = {int(output): argument for output, argument in program["updates"].items()}

    def call():
        outputs = executable.execute(arguments)
        for output, argument in updates.items():
            arguments[argument] = outputs[output]
        return outputs

    first = [np.asarray(output) for output in call()[: 2 if updates else 1]]
    second = np.asarray(call()[0]) if updates else None
    facts = {
        "seconds": {"compile": compiled - begin, "first call": time.perf_counter() - compiled},
        "versions": {"jax": jax.__version__},
        "device": device.device_kind,
    }

    def measure(calls=1):
        def all_calls():
            for _ in range(calls):
                outputs = call()
            outputs[0].block_until_ready()

        seconds = timed(all_calls)
        return {name: value / calls for name, value in seconds.items()}

    def save(path):
        # As PyTorch's: logits, or the losses of two steps and the first gradients' norm.
        np.save(path, np.array([first[0], second, first[1]]) if updates else first[0])
        return {}

    def memory():
        return {"peak_bytes": (device.memory_stats() or {}).get("peak_bytes_in_use")}

    return facts, {"measure": measure, "outputs": save, "memory": memory}


def _array(entry, spec):
    if entry["role"] == "images":
        return drawn.images(spec["batch"], spec["size"])
    if entry["role"] == "labels":
        return drawn.labels(spec["batch"], spec["size"], spec["classes"])
    if entry["role"] == "momentum":
        return np.zeros(entry["shape"], np.float32)
    return drawn.weight_of_ours(entry["name"], entry["shape"])


if __name__ == "__main__":
    serve(make)
