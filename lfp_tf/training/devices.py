"""The devices of a run and how numbers are computed there; to be called before any tensor."""

import os

import tensorflow as tf
import tf_keras
from official.common import distribute_utils

from lfp_tf.errors import LfpError
from lfp_tf.training.host_fields import Runtime


def make_strategy(runtime: Runtime, *, cpu_replicas: int = 1) -> tf.distribute.Strategy:
    """Makes the distribution strategy of a run; only one per process.

    Args:
        runtime: fields of the experiment.
        cpu_replicas: logical CPU devices to mirror over, where there is no GPU.

    Raises:
        LfpError: several CPU replicas beside a GPU, more GPUs than there are.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if runtime.num_gpus > len(gpus):
        raise LfpError(
            f"runtime.num_gpus is {runtime.num_gpus}, but TensorFlow sees {len(gpus)} GPUs here; "
            "leave the field out to train on what there is."
        )
    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if runtime.distribution_strategy == "tpu":
        return distribute_utils.get_distribution_strategy("tpu", tpu_address=runtime.tpu)
    if cpu_replicas > 1:
        if gpus:
            raise LfpError("--cpu_replicas is for machines without a GPU; here there is one.")
        # The host gives one replica on a CPU whatever it is asked for.
        logical = [tf.config.LogicalDeviceConfiguration()] * cpu_replicas
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, logical)
        return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(cpu_replicas)])
    num_gpus = runtime.num_gpus or len(gpus)
    if runtime.distribution_strategy == "one_device" or num_gpus < 2:
        return tf.distribute.OneDeviceStrategy("GPU:0" if gpus else "CPU:0")
    return tf.distribute.MirroredStrategy([f"GPU:{number}" for number in range(num_gpus)])


def set_precision(runtime: Runtime) -> None:
    """Sets float32, or bfloat16 in the way that is quick on the devices; variables stay float32.

    On accelerators Keras' `mixed_bfloat16`; on a CPU the graph optimizer that casts what oneDNN
    computes quicker in bfloat16.
    """
    is_bfloat16 = runtime.mixed_precision_dtype == "bfloat16"
    on_accelerator = bool(tf.config.list_physical_devices("GPU")) or bool(runtime.tpu)
    tf_keras.mixed_precision.set_global_policy(
        "mixed_bfloat16" if is_bfloat16 and on_accelerator else "float32"
    )
    tf.config.optimizer.set_experimental_options(
        {"auto_mixed_precision_onednn_bfloat16": is_bfloat16 and not on_accelerator}
    )


def describe(strategy: tf.distribute.Strategy) -> str:
    """Says the devices in words: `2 x GPU`, `1 x CPU`."""
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    return f"{strategy.num_replicas_in_sync} x {kind}"
