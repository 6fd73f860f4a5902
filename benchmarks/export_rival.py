"""The programs of the export benchmark: write an export, or load one and ask it twice.

Spec: do (`write`, `load`), whose (`ours`, `host`), folder, depth, width, classes, size.
"""

import pathlib
import tempfile
import time

import numpy as np
import tensorflow as tf

from benchmarks.rivals import serve


def make(spec):
    """The facts of `serve`; it takes no commands."""
    if spec["do"] == "load":
        return _load(spec), {}
    {"ours": _write_ours, "host": _write_hosts}[spec["whose"]](spec)
    return {}, {}


def _write_ours(spec):
    from lfp_tf.recipes.networks import build
    from lfp_tf.serving.export import export
    from lfp_tf.tasks.segmentation import signatures
    from lfp_tf.tasks.segmentation.protocols import Protocol

    fields = {name: spec[name] for name in ("depth", "width")}
    changes = {"task": {"model": fields, "train_data": {"crop": spec["size"]}}}
    model = build("pspnet50_cityscapes", changes=changes)
    export(model, spec["folder"], signatures=signatures, protocol=Protocol("whole"))


def _write_hosts(spec):
    from official.vision.serving.export_saved_model_lib import export_inference_graph

    from benchmarks.tf_rival import host_task

    params, task = host_task(spec)
    with tempfile.TemporaryDirectory() as folder:
        weights = tf.train.Checkpoint(model=task.build_model()).save(f"{folder}/ckpt")
        export_inference_graph("image_tensor", 1, spec["size"], params, weights, spec["folder"])


def _load(spec):
    (graph,) = pathlib.Path(spec["folder"]).rglob("saved_model.pb")
    pixels = tf.zeros([1, *spec["size"], 3], tf.uint8)
    moments = [time.perf_counter()]
    loaded = tf.saved_model.load(str(graph.parent))
    moments.append(time.perf_counter())
    name = "images" if spec["whose"] == "ours" else "serving_default"
    (argument,) = loaded.signatures[name].structured_input_signature[1]
    for _ in range(2):
        answer = loaded.signatures[name](**{argument: pixels})
        next(iter(answer.values())).numpy()
        moments.append(time.perf_counter())
    return dict(zip(("load", "first", "second"), np.diff(moments).tolist(), strict=True))


if __name__ == "__main__":
    serve(make)
