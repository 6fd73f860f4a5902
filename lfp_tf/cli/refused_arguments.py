"""Arguments that a command has for another kind of network than the one it was given."""

from lfp_tf.errors import LfpError

# {flag: its value where the user gave none}.
OF_SEGMENTATION = {
    "protocol": None,
    "flip": False,
    "scales": None,
    "second_softmax": False,
    "window_batch": 1,
    "long_side": None,
    "crf": False,
    "crf_preset": None,
    "crf_guide": None,
    "crf_class_threshold": None,
    "crf_backend": None,
    "crf_processes": None,
}
OF_VIDEOS = {
    "live": False,
    "camera": None,
    "view": None,
    "port": None,
    "every": 1,
    "max_frames": None,
    "frames": False,
}


def refuse(arguments, flags, why):
    """Refuses flags that were given.

    Args:
        arguments: parsed; flags that the command does not have are left out.
        flags: as `OF_SEGMENTATION`.
        why: the rest of the sentence behind the flag's name.

    Raises:
        LfpError: the first one that was given.
    """
    for name, unset in flags.items():
        if getattr(arguments, name, unset) != unset:
            raise LfpError(f"--{name} {why}")
