"""What the config classes of networks share: their base and rules that several have."""

import dataclasses

from official.modeling import hyperparams

from lfp_tf.errors import LfpError
from lfp_tf.models.multi_scale import output_name

PREPROCESS = (
    *("torch", "imagenet_bgr", "caffe", "kitti", "mobilenet", "deeplab", "pose"),
    "none",
)
PYRAMID_DEPTHS = (50, 101, 152)
# What no builder of `models` takes.
_NOT_ARGUMENTS = ("network", "preprocess")


def field(factory):
    """A field whose default is a new value of `factory`."""
    return dataclasses.field(default_factory=factory)


@dataclasses.dataclass
class Network(hyperparams.Config):
    """What every network has; the other fields are arguments of its builder in `models`."""

    network: str = ""  # the experiment's own; another one is another experiment
    classes: int = 0  # 0: as many as the data set has
    width: float = 1.0  # multiplies all widths
    # D9: torch, imagenet_bgr, caffe, kitti, mobilenet, deeplab, pose, none
    preprocess: str = "torch"

    def arguments(self):
        """The arguments of the network's builder."""
        values = self.as_dict()
        for name in _NOT_ARGUMENTS:
            values.pop(name)
        return values

    def outputs(self):
        """Names of the network's logits that training minimizes a loss of."""
        return ("logits",)

    def choices(self):
        """{field: its values}."""
        return {"network": (type(self)().network,), "preprocess": PREPROCESS}

    def check(self):
        """Raises LfpError where fields do not go together."""


def outputs_of_scales(scales):
    """The maximum, and with scales each one's own logits."""
    if not scales:
        return ("logits",)
    return ("logits", *(output_name(scale) for scale in (1, *scales)))


def check_scales(scales):
    """Refuses scales that are no further ones."""
    if any(scale <= 0 or scale == 1 for scale in scales) or len(set(scales)) < len(scales):
        raise LfpError(
            "task.model.scales must be different numbers above 0 other than 1, which is always "
            "there."
        )


def check_blocks(blocks):
    """Refuses all but four stages, or none."""
    if blocks and (len(blocks) != 4 or min(blocks) < 1):
        raise LfpError("task.model.blocks must be four numbers of at least 1.")


def check_rates(rates):
    """Refuses dilations below 1."""
    if min(rates, default=1) < 1:
        raise LfpError("task.model.rates must be numbers of at least 1.")
