"""Cases that build a PSPNet: weights from the original's names, outputs and updates."""

import json
import re
from typing import Any

import numpy as np
import tensorflow as tf

from lfp_tf.checkpoints.load import TRANSLATIONS, Report, translate
from lfp_tf.checkpoints.variables import assign, variables_by_name
from lfp_tf.errors import LfpError
from lfp_tf.models.catalog import build_network
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.options import PREPROCESSINGS
from lfp_tf.parity.golden import Case
from lfp_tf.parity.words import check, is_count, is_flag, is_number, is_numbers
from lfp_tf.recipes import overrides
from lfp_tf.recipes.config import of_network
from lfp_tf.tasks.segmentation.networks import PSPNet
from lfp_tf.tasks.segmentation.task import Task
from lfp_tf.training.groups import is_decayed, multiplier
from lfp_tf.training.optimization import build_optimizer

NETWORK = {
    "depth": (18, 34, 50, 101, 152),
    "classes": is_count,
    "stem": ("deep", "plain"),
    "stride_in": ("3x3", "1x1"),
    "padding": ("symmetric", "same"),
    "pooling": ("adaptive", "window"),
    "pool_windows": is_numbers,
    "bins": is_numbers,
    "concat": ("ascending", "descending"),
    "use_ppm": is_flag,
    "zoom_factor": (8, 4, 2, 1),
    "preprocess": tuple(PREPROCESSINGS),
    "aux_head": is_flag,
    "lineage": ("torch", "tf1"),
}
TRAINING = NETWORK | {
    "dropout": is_number,
    "bn": ("batch", "running"),
    "bn_decay": is_number,
    "bn_unbiased": is_flag,
    "aux_weight": is_number,
    "ignore_label": is_number,
    "label_size": ("zoom", "map"),
}
STEPS = TRAINING | {
    "steps": is_count,
    "base_lr": is_number,
    "power": is_number,
    "max_steps": is_count,
    "momentum": is_number,
    "weight_decay": is_number,
    "weight_decay_covers": ("all", "kernels_and_classifier_bias", "kernels"),
    "head_lr_multiplier": is_number,
    "head_bias_lr_multiplier": is_number,
    "train_gamma_beta": is_flag,
}
SCHEDULE = {
    "schedule": ("poly",),
    "base_lr": is_number,
    "power": is_number,
    "max_steps": is_count,
    "head_lr_multiplier": is_number,
    "head_bias_lr_multiplier": is_number,
}
_PARTS = {
    "stem": r"^stem_",
    "stage1": r"^stage1_",
    "stage2": r"^stage2_",
    "stage3": r"^stage3_",
    "stage4": r"^stage4_",
    "pyramid": r"^pyramid/",
    "head": r"^cls_",
    "aux": r"^aux_",
}
_MOVING = r"/moving_(mean|variance)$"


def forward(case: Case) -> dict[str, Any]:
    """`forward`: logits in evaluation mode."""
    check(case.config, NETWORK)
    trial = _Trial(case)
    return {"logits": trial.predict(case.inputs()["image"])["logits"].numpy()}


def forward_train(case: Case) -> dict[str, Any]:
    """`forward_train`: logits and losses in training mode, running values after it."""
    check(case.config, TRAINING)
    trial, inputs = _Trial(case), case.inputs()
    outputs, losses, _ = trial.gradients(inputs["image"], inputs["labels"])
    results = {"main_logits": outputs["logits"].numpy()}
    if "aux_logits" in outputs:
        results["aux_logits"] = outputs["aux_logits"].numpy()
    return results | _named_losses(losses) | trial.values(_MOVING)


def loss_and_gradients(case: Case) -> dict[str, Any]:
    """`loss_and_gradients`: gradients of the loss by the original's names."""
    check(case.config, TRAINING)
    trial, inputs = _Trial(case), case.inputs()
    _, losses, gradients = trial.gradients(inputs["image"], inputs["labels"])
    arrays = {name: tf.convert_to_tensor(g).numpy() for name, g in gradients.items()}
    return _named_losses(losses) | trial.theirs(arrays, prefix="gradient:")


def train_step(case: Case) -> dict[str, Any]:
    """`train_step`: some updates of the task's own training step."""
    check(case.config, STEPS)
    trial, inputs = _Trial(case), case.inputs()
    config, task = case.config, trial.task
    before = {name: variable.numpy() for name, variable in trial.variables.items()}
    results = {}
    if config.get("lineage") == "tf1":
        outputs, _, _ = trial.gradients(inputs["image"][0], inputs["labels"][0])
        results["first_logits"] = outputs["logits"].numpy()
        assign(trial.variables, before)
    optimizer = task.create_optimizer(task.params.trainer.optimizer_config)
    task.prepare_optimizer(optimizer, trial.model)
    update = tf.function(lambda batch: task.train_step(batch, trial.model, optimizer))
    losses, weights, rates = [], [], []
    for step, (image, labels) in enumerate(zip(inputs["image"], inputs["labels"], strict=True)):
        rate = float(optimizer.learning_rate(step))
        rates.append([rate, rate * config["head_lr_multiplier"]])
        weights.append(trial.weight_term())
        losses.append(float(update(trial.batch(image, labels))[task.loss]))
    results["learning_rates"] = rates
    results["cross_entropies"] = losses
    in_loss = config.get("lineage") == "tf1"
    results["losses"] = [a + b * in_loss for a, b in zip(losses, weights, strict=True)]
    changes = {
        name: (variable.numpy() - before[name]) / config["base_lr"]
        for name, variable in trial.variables.items()
    }
    velocities = {
        name: optimizer.get_slot(variable, "momentum").numpy()
        for name, variable in task.trained_variables(trial.model).items()
    }
    return (
        results
        | trial.theirs(changes, prefix="change:")
        | trial.theirs(velocities, prefix="velocity:")
        | trial.values(_MOVING)
    )


def schedule(case: Case) -> dict[str, Any]:
    """`schedule`: rates of body, heads and the classifier's bias by step."""
    check(case.config, SCHEDULE)
    config = case.config
    optimizer = build_optimizer(
        _optimization(of_network("pspnet").trainer.optimizer_config, config | {"momentum": 0.9}),
        train_steps=config["max_steps"],
    )
    rates = np.array([float(optimizer.learning_rate(step)) for step in case.inputs()["steps"]])
    factors = {
        "head": config["head_lr_multiplier"],
        "head_bias": config["head_bias_lr_multiplier"],
    }
    names = {
        "learning_rates": "stem_conv1/kernel",
        "head_learning_rates": "cls_conv/kernel",
        "head_bias_learning_rates": "cls_logits/bias",
    }
    return {
        key: rates * multiplier(name, heads=PSPNet.HEADS, **factors) for key, name in names.items()
    }


def parameter_count(case: Case) -> dict[str, Any]:
    """`parameter_count`: elements, trained and running, by part."""
    check(case.config, NETWORK)
    sizes = {
        name: variable.shape.num_elements()
        for name, variable in variables_by_name(_build(case.config)).items()
    }
    moving = {name: size for name, size in sizes.items() if re.search(_MOVING, name)}
    trainable = {name: size for name, size in sizes.items() if name not in moving}
    by_part = {
        part: sum(size for name, size in trainable.items() if re.search(pattern, name))
        for part, pattern in _PARTS.items()
    }
    return {
        "trainable": sum(trainable.values()),
        "trainable_without_aux": sum(trainable.values()) - by_part["aux"],
        "moving": sum(moving.values()),
        "moving_without_aux": sum(s for n, s in moving.items() if not n.startswith("aux_")),
        "by_part": {part: count for part, count in by_part.items() if count},
    }


class _Trial:
    """A case's network with its weights, and the task that trains it."""

    def __init__(self, case):
        self.config = case.config
        self.model = _build(case.config)
        self.variables = variables_by_name(self.model)
        manifest = json.loads((case.folder / case.entry["weights"]["manifest"]).read_text())
        self.translation = TRANSLATIONS[manifest["format"]]
        report = Report(self.translation.name)
        arrays = translate(
            case.weights(),
            self.variables,
            translation=self.translation,
            options=case.config,
            report=report,
        )
        if report.missing or report.mismatched or report.unused:
            raise LfpError(f"the weights do not fit: {report}")
        assign(self.variables, arrays)
        self.task = Task(_experiment(case.config))

    def batch(self, image: np.ndarray, labels: np.ndarray) -> dict:
        """A training batch as the pipeline gives it."""
        return {
            "images": tf.constant(image, tf.float32),
            "labels": tf.constant(labels, tf.int32),
            "keys": tf.zeros([len(image), 2], tf.int32),
        }

    @tf.function(autograph=False)
    @tf.autograph.experimental.do_not_convert
    def predict(self, images: tf.Tensor) -> dict:
        """Outputs in evaluation mode of RGB images."""
        return self.model(preprocess(images, self.config["preprocess"]), training=False)

    def gradients(self, image: np.ndarray, labels: np.ndarray) -> tuple:
        """(outputs in training mode, {"main", "aux", "loss"}, {our name: gradient})."""
        variables = self.task.trained_variables(self.model)
        outputs = {}

        def network(images, training):
            outputs.update(self.model(images, training=training))
            return outputs

        losses, gradients = self.task.gradients(
            self.batch(image, labels), network, list(variables.values())
        )
        return outputs, losses, dict(zip(variables, gradients, strict=True))

    def theirs(self, arrays: dict, *, prefix: str) -> dict:
        """{`prefix` + the original's name: array in its layout}."""
        return {
            f"{prefix}{self._their_name(name)}": self.translation.to_theirs(array, name)
            for name, array in arrays.items()
        }

    def values(self, pattern: str) -> dict:
        """Variables whose names match, under the original's names."""
        values = {n: v.numpy() for n, v in self.variables.items() if re.search(pattern, n)}
        return self.theirs(values, prefix="")

    def weight_term(self) -> float:
        """wd / 2 * sum of squares over what weight decay covers, as the TF1 port adds it."""
        losses = self.task.task_config.losses
        squares = [
            np.sum(np.square(variable.numpy(), dtype=np.float64))
            for name, variable in self.task.trained_variables(self.model).items()
            if is_decayed(name, covers=losses.weight_decay_covers, heads=PSPNet.HEADS)
        ]
        return losses.weight_decay / 2 * float(sum(squares))

    def _their_name(self, name):
        return self.translation.their_name(name, self.config)


def _build(config):
    options = {word: value for word, value in config.items() if word in NETWORK}
    for word in ("preprocess", "lineage"):
        options.pop(word, None)
    options |= {w: config[w] for w in ("dropout", "bn_decay", "bn_unbiased") if w in config}
    return build_network("pspnet", **options, bn_frozen=config.get("bn") == "running")


def _experiment(config):
    """The experiment that a case's training words describe."""
    params: Any = of_network("pspnet")
    task, is_tf1 = params.task, config.get("lineage") == "tf1"
    task.model.classes = config["classes"]
    task.model.preprocess = config["preprocess"]
    task.model.zoom_factor = config["zoom_factor"]
    task.model.aux_head = config["aux_head"]
    task.losses.ignore_label = config.get("ignore_label", 255)
    task.losses.aux_weight = config.get("aux_weight", 0.0)
    task.losses.label_size = "map" if config.get("label_size") == "map" else "full"
    task.losses.weight_decay = config.get("weight_decay", 0.0)
    task.losses.weight_decay_covers = config.get("weight_decay_covers", "all")
    task.train_gamma_beta = config.get("train_gamma_beta", True)
    task.head_lr_multiplier = config.get("head_lr_multiplier", 1.0)
    task.head_bias_lr_multiplier = config.get("head_bias_lr_multiplier", task.head_lr_multiplier)
    # The port names its x10 scopes by their first part, which leaves the heads' norms out.
    task.head_norm_lr_multiplier = 1.0 if is_tf1 else task.head_lr_multiplier
    if "base_lr" in config:
        params.trainer.train_steps = config["max_steps"]
        _optimization(params.trainer.optimizer_config, config)
    return params


def _optimization(config, words):
    overrides.apply(
        config,
        {
            "optimizer": {"type": "torch_sgd", "torch_sgd": {"momentum": words["momentum"]}},
            "learning_rate": {
                "type": "polynomial",
                "polynomial": {
                    "initial_learning_rate": words["base_lr"],
                    "end_learning_rate": 0.0,
                    "power": words["power"],
                    "decay_steps": words["max_steps"],
                },
            },
        },
    )
    return config


def _named_losses(losses):
    return {
        "main_loss": float(losses["logits"]),
        "aux_loss": float(losses.get("aux_logits", 0.0)),
        "loss": float(losses["loss"]),
    }
