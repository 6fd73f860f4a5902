"""Exports PSPNet's inference and one training step as StableHLO text, for `run_gpu.py`.

`python -m benchmarks.gpu.export_stablehlo --out build/gpu`: needs TensorFlow, no accelerator. The
weights are arguments, so the text stays small; next to it lie a manifest that tells each argument
by name and shape, and samples of what TensorFlow computes in float32 on the CPU.
"""

import argparse
import pathlib
import re
import sys
import unittest.mock

import numpy as np
import tensorflow as tf
import tf_keras

from benchmarks import drawn
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.files import write_json, write_text
from lfp_tf.models.catalog import build_network
from lfp_tf.ops import convolution
from lfp_tf.recipes.cost import multiply_adds
from lfp_tf.tasks.segmentation.losses import PixelLoss, loss_counts, loss_sums, loss_weights
from lfp_tf.tasks.segmentation.networks import PSPNet
from lfp_tf.training.objective import mean_losses

DTYPES = ("float32", "bfloat16")
AUX_WEIGHT = 0.4
# SGD of the recipes: rates of backbone and heads, momentum in PyTorch's form, decay.
RATE, HEAD_RATE, MOMENTUM, DECAY = 0.01, 0.1, 0.9, 1e-4
# So many numbers of the logits, evenly spread, go into the samples.
SAMPLES = 20_000
STEPS = 2


def main(arguments=None):
    """Writes the folder; returns the exit status."""
    options = _parser().parse_args(arguments)
    spec = {
        "depth": options.depth,
        "width": options.width,
        "classes": options.classes,
        "batch": options.batch,
        "size": [options.size, options.size],
    }
    manifest = {"spec": spec, "tensorflow": tf.__version__, "programs": {}}
    for dtype in DTYPES:
        policy = "mixed_bfloat16" if dtype == "bfloat16" else "float32"
        tf_keras.mixed_precision.set_global_policy(policy)
        network = _Network(spec)
        for mode in ("inference", "training"):
            text, entry = network.lowered(mode)
            write_text(options.out / f"{mode}_{dtype}.mlir", text)
            manifest["programs"][f"{mode}_{dtype}"] = entry
            print(f"{mode}_{dtype}: {len(text) / 1e6:.1f} MB of text")
        if dtype == "float32":
            manifest |= network.samples(options.out / "logits.npy")
    write_json(options.out / "manifest.json", manifest)
    return 0


class _Network:
    """A PSPNet with its drawn weights and momenta as variables, and two functions of them."""

    def __init__(self, spec):
        self.spec = spec
        shape = (*spec["size"], 3)
        self.model = build_network(
            "pspnet",
            classes=spec["classes"],
            depth=spec["depth"],
            width=spec["width"],
            # Dropout draws: two frameworks would not draw alike.
            dropout=0.0,
            input_shape=shape,
        )
        self.variables = variables_by_name(self.model)
        assign(
            self.variables,
            {n: drawn.weight_of_ours(n, v.shape) for n, v in self.variables.items()},
        )
        trainable = {id(variable) for variable in self.model.trainable_variables}
        self.trained = {n: v for n, v in self.variables.items() if id(v) in trainable}
        self.momenta = {n: tf.Variable(tf.zeros(v.shape)) for n, v in self.trained.items()}
        self.batch = (
            tf.constant(drawn.images(spec["batch"], spec["size"])),
            tf.constant(drawn.labels(spec["batch"], spec["size"], spec["classes"])),
        )

    def inference(self, images):
        """Logits, float32 [B, H, W, classes]."""
        return self.model(images, training=False)["logits"]

    def training(self, images, labels):
        """[loss, gradients' norm] of one update of the variables."""
        with tf.GradientTape() as tape:
            outputs = self.model(images, training=True)
            maps = dict.fromkeys(outputs, labels)
            loss = mean_losses(
                loss_sums(outputs, maps, PixelLoss(drawn.IGNORE_LABEL)),
                loss_counts(maps, PixelLoss(drawn.IGNORE_LABEL)),
                weights=loss_weights(outputs, aux_weight=AUX_WEIGHT),
            )["loss"]
        gradients = tape.gradient(loss, list(self.trained.values()))
        for (name, weight), gradient in zip(self.trained.items(), gradients, strict=True):
            rate = HEAD_RATE if re.search(PSPNet.HEADS, name) else RATE
            momentum = self.momenta[name]
            momentum.assign(MOMENTUM * momentum + gradient + DECAY * weight)
            weight.assign_sub(rate * momentum)
        return [loss, tf.linalg.global_norm(gradients)]

    def lowered(self, mode):
        """(StableHLO text, {"arguments", "updates"}) of one of the two functions.

        Arguments are {"role", "name", "shape"} in order; `updates` maps outputs, by number, to the
        arguments whose next value they are.
        """
        roles = ("images", "labels")[: 1 if mode == "inference" else 2]
        specs = [tf.TensorSpec.from_tensor(tensor) for tensor in self.batch[: len(roles)]]
        function = tf.function(getattr(self, mode), jit_compile=True)
        # Convolutions in the form of the machine that will run them, not of this one.
        with unittest.mock.patch.object(convolution, "kernels", lambda: "gpu"):
            captured = function.get_concrete_function(*specs).captured_inputs
        places = {id(v.handle): ("weight", n) for n, v in self.variables.items()}
        places |= {id(v.handle): ("momentum", n) for n, v in self.momenta.items()}
        arguments = [{"role": role, "name": role} for role in roles]
        for tensor in captured:
            role, name = places[id(tensor)]
            shape = list(self.variables[name].shape)
            arguments.append({"role": role, "name": name, "shape": shape})
        text = function.experimental_get_compiler_ir(*specs)(stage="stablehlo")
        # The compiler writes each updated variable where its old value was, and says so here.
        aliases = re.findall(
            r"parameter_number = (\d+) : i64}, output_index = array<i64: (\d+)>", text
        )
        updates = {int(output): int(argument) for argument, output in aliases}
        return text, {"arguments": arguments, "updates": updates}

    def samples(self, path):
        """What TensorFlow's own kernels compute: logits into a file, losses, counts."""
        concrete = tf.function(self.inference).get_concrete_function(self.batch[0])
        logits = concrete(self.batch[0]).numpy()
        stride = max(1, logits.size // SAMPLES)
        np.save(path, logits.reshape(-1)[::stride])
        step, losses, norms = tf.function(self.training), [], []
        for _ in range(STEPS):
            loss, norm = step(*self.batch)
            losses.append(float(loss))
            norms.append(float(norm))
        return {
            "logits": {"stride": stride, "std": float(logits.std())},
            "losses": losses,
            "gradient_norms": norms,
            "multiply_adds": multiply_adds(concrete),
        }


def _parser():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.export_stablehlo")
    parser.add_argument("--depth", type=int, default=101, choices=(18, 50, 101))
    parser.add_argument("--width", type=float, default=1.0, help="multiplies all widths (1)")
    parser.add_argument("--size", type=int, default=713, help="side of the crop (713)")
    parser.add_argument("--batch", type=int, default=1, help="images (1)")
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("build/gpu"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
