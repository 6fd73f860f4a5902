"""The detectors of experiments: their fields, choices, rules and classes."""

import dataclasses
from typing import Any

from lfp_tf.errors import LfpError
from lfp_tf.fields import field
from lfp_tf.images.palette import class_table, numbered_table, table_names
from lfp_tf.options import (
    BACKBONES,
    CONVENTIONS,
    RESNET_MILLIONS,
    Anchors,
    Conventions,
    FeaturePyramid,
    Norm,
    Options,
    ResNet,
    RoIHeads,
    Transformer,
    WeightTransfer,
    of_flat,
)
from lfp_tf.training.fields import Network, check_mixtures

# What `profile` sets, over `CONVENTIONS`, where a recipe says nothing else.
_PROFILES = tuple(CONVENTIONS)
_STRIDE = 32


@dataclasses.dataclass
class Detector(Network):
    """Fields of every detector in Detectron's form."""

    HEADS = r"^(fpn|rpn|box|mask|transfer)_"
    TRAINABLE = {"mask_head": r"^(mask|transfer)_"}

    preprocess: str = "detectron"
    profile: str = "detectron"  # detectron (its weights need it), garden (today's), tensorpack
    backbone: str = "resnet"  # see `choices`
    depth: int = 50  # 18, 34, 50, 101, 152
    blocks: list[int] = field(list)  # of the four stages, in place of the depth's
    resnet_groups: int = 1  # above 1 a ResNeXt
    width_per_group: int = 64
    stem: str = "plain"  # plain, deep
    stride_in: str = "1x1"  # 1x1 (Detectron, MSRA), 3x3 (torchvision, ResNeXt)
    padding: str = "symmetric"  # symmetric, same
    pool_rounding: str = "floor"  # floor, ceil
    norm: str = "affine"  # affine, batch, group
    norm_groups: int = 32
    anchor_ratios: list[float] = field(lambda: [0.5, 1.0, 2.0])  # height / width
    class_agnostic_boxes: bool = False
    masks: bool = True  # false is Faster R-CNN
    mask_dim: int = 256
    class_specific_masks: bool = True
    # MaskX R-CNN: what predicts a class's masks (none, cls, box, cls+box, glove, random).
    transfer_input: str = "none"
    transfer_layers: int = 2  # 1, 2, 3
    transfer_activation: str = "leaky"  # leaky, relu
    transfer_stop_gradient: bool = True  # masks leave the box weights alone
    embedding_dim: int = 300  # of a word vector
    mask_mlp: str = "none"  # none, 1_layer, 2_layer, 3_layer: one more mask for all classes
    roi_samples: int = 2  # of RoIAlign, a bin and side; 0: as many as a bin has cells
    # What x, y, width, height of boxes are multiplied by where they are learnt; 1 each in
    # Detectron's oldest files.
    box_weights: list[float] = field(lambda: [10.0, 10.0, 5.0, 5.0])

    def backbones(self) -> tuple[str, ...]:
        """What `backbone` may say."""
        return tuple(BACKBONES)

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (Norm, BACKBONES.get(self.backbone, ResNet), Anchors, RoIHeads, WeightTransfer)

    def conventions(self) -> Conventions:
        """The conventions of the profile, with what the fields say."""
        return dataclasses.replace(
            CONVENTIONS[self.profile],
            samples=self.roi_samples,
            box_weights=tuple(self.box_weights),
        )

    def arguments(self) -> dict[str, Any]:
        """Everything but the profile, which is told in full."""
        values = super().arguments()
        del values["profile"]
        conventions = self.conventions()
        names = Conventions.flat_names()
        values |= {flat: getattr(conventions, name) for name, flat in names.items()}
        return values | {"output_stride": _STRIDE}

    @classmethod
    def of_arguments(cls, values: dict[str, Any]) -> dict[str, Any]:
        """See `Network`: the profile is the one whose conventions, with those fields, these are."""
        names = {one.name for one in dataclasses.fields(cls)}
        own = {name: value for name, value in values.items() if name in names}
        conventions = of_flat(Conventions, values)
        for profile in _PROFILES:
            if cls(profile=profile, **own).conventions() == conventions:
                return own | {"profile": profile}
        raise LfpError(f"No profile ({', '.join(_PROFILES)}) has the conventions of this network.")

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {"profile": _PROFILES, "backbone": self.backbones()}

    def check(self) -> None:
        """Widths and counts are at least 1."""
        super().check()
        transfer: Any = of_flat(WeightTransfer, self.as_dict())
        try:
            transfer.check_boxes(self.class_agnostic_boxes)
        except ValueError as error:
            raise LfpError(f"task.model.{error}") from None
        self.check_least(1, "mask_dim")
        self.check_least(0, "roi_samples")
        if len(self.box_weights) != 4 or min(self.box_weights) <= 0:
            raise LfpError("task.model.box_weights must be four numbers above 0.")
        if min(self.anchor_ratios, default=0) <= 0:
            raise LfpError("task.model.anchor_ratios must be above 0.")

    def check_least(self, least: int, *names: str) -> None:
        """Refuses fields below a number.

        Raises:
            LfpError: one that is.
        """
        for name in names:
            if (value := getattr(self, name)) < least:
                wanted = "0 or more" if least == 0 else f"at least {least}"
                raise LfpError(f"task.model.{name} must be {wanted}, not {value}.")

    def millions(self) -> float:
        """See `Network`."""
        return 8 if self.backbone == "mobilenet_v2" else RESNET_MILLIONS[self.depth] + 20


@dataclasses.dataclass
class RCNN(Detector):
    """Fields of `models.rcnn.RCNN`: Faster and Mask R-CNN on a feature pyramid."""

    HEADS = r"^((fpn|fpt|rpn|box|mask|transfer)_|(st|gt|rt)_p\d)"

    network: str = "rcnn"
    decoder: str = "fpn"  # fpn, bfp
    pyramid_dim: int = 256
    pyramid_norm: str = "none"  # none, group_norm, batch_norm
    # The Feature Pyramid Transformer on the levels: none, paper, released_code. Of the others null
    # is the preset's value.
    transformer: str = "none"
    st_mixtures: int | None = None  # parts of the self transformers' mixture of softmaxes
    st_pool_keys: bool | None = None  # their keys come from the map at half its size
    gt_mode: str | None = None  # eud, dot, embedded, gaussian, concatenate
    gt_mixtures: int | None = None  # of eud
    gt_local: bool | None = None  # of eud: cells see the keys about their own place only
    gt_square_size: int | None = None  # of gt_local: rows and columns of these keys, odd
    fpt_norm: str | None = None  # behind what joins a level's parts: none, group_norm, batch_norm
    dropblock_rate: float | None = None
    dropblock_size: int | None = None
    mask_padding: bool | None = None  # what fills up an image is no part of the block
    anchor_size: float = 32.0  # of the lowest level, pixels; it doubles from level to level
    # 2fc, 2fc_norm, 4conv1fc; PANet's all_levels_2fc, all_levels_4conv1fc
    box_head: str = "2fc"
    box_dim: int = 1024
    box_conv_dim: int = 256
    mask_head: str = "plain"  # plain; PANet's all_levels, all_levels_fc; Deep-MAC's hourglass
    mask_convolutions: int = 4
    head_norm: str = "none"  # none, group_norm
    canonical_scale: float = 224.0  # root of the area of a box that is pooled from level 4

    def backbones(self) -> tuple[str, ...]:
        """See `Detector`."""
        return ("resnet", "mobilenet_v2")

    def groups(self) -> tuple[type[Options], ...]:
        """See `Network`."""
        return (*super().groups(), FeaturePyramid, Transformer)

    def conventions(self) -> Conventions:
        """See `Detector`."""
        return dataclasses.replace(super().conventions(), canonical_scale=self.canonical_scale)

    def check(self) -> None:
        """Widths and counts are at least 1."""
        super().check()
        self.check_least(1, "pyramid_dim", "box_dim", "box_conv_dim")
        self.check_least(0, "mask_convolutions")
        transformer: Any = of_flat(Transformer, self.as_dict())
        check_mixtures(transformer, self.pyramid_dim, "pyramid_dim")
        if self.mask_head == "hourglass" and self.mask_dim % (2 * self.norm_groups):
            raise LfpError(
                f"task.model.mask_dim is {self.mask_dim}, but an hourglass needs a multiple of "
                f"twice task.model.norm_groups, {2 * self.norm_groups}."
            )
        if self.anchor_size <= 0:
            raise LfpError("task.model.anchor_size must be above 0.")


@dataclasses.dataclass
class RCNNC4(Detector):
    """Fields of `models.rcnn_c4.RCNNC4`: Faster and Mask R-CNN on one map of stride 16."""

    HEADS = r"^(rpn|box|mask|transfer)_"

    network: str = "rcnn_c4"
    pyramid: bool = True  # of a pyramid_resnet: false is its plain twin, tensorpack's own ResNet
    block_padding: str = "floor"  # of a pyramid_resnet: floor (odd sizes rounded down), same
    size_precision: str = "float32"  # of a pyramid_resnet's branches: float32, float64
    anchor_sizes: list[float] = field(lambda: [32.0, 64.0, 128.0, 256.0, 512.0])  # pixels
    roi_samples: int = 0
    # Whether masks stand on the boxes' last stage; Detectron's test networks have a copy of it.
    shared_masks: bool = True

    def backbones(self) -> tuple[str, ...]:
        """See `Detector`."""
        return ("resnet", "pyramid_resnet")

    def check(self) -> None:
        """Sizes of anchors are above 0; a pyramid ResNet has its own norm."""
        super().check()
        is_pyramid = self.backbone == "pyramid_resnet"
        if is_pyramid and self.norm != "batch":
            raise LfpError(
                f"task.model.norm is {self.norm}, but backbone=pyramid_resnet has norm=batch only."
            )
        if not (self.pyramid or is_pyramid):
            raise LfpError(
                "task.model.pyramid=false is the plain twin of backbone=pyramid_resnet, not an "
                f"option of {self.backbone}."
            )
        if min(self.anchor_sizes, default=0) <= 0:
            raise LfpError("task.model.anchor_sizes must be numbers above 0.")


NETWORKS = {"rcnn": RCNN, "rcnn_c4": RCNNC4}


def usual_classes(config: Any) -> tuple[list, list]:
    """(names, no colours) of the classes of an experiment's data set.

    Args:
        config: `Config` of this task.

    Raises:
        LfpError: a data set of the user's own without a number of classes.
    """
    count, name = config.model.classes, f"{config.dataset}_objects"
    if config.class_names and count in (0, len(config.class_names)):
        return list(config.class_names), []
    if name in table_names():
        table = class_table(name)
        if count in (0, len(table)):
            return list(table.names), []
    if not count:
        raise LfpError(
            "A detector for your own images has the classes of its records; give a run's folder, "
            "task.class_names or task.model.classes."
        )
    return list(numbered_table(count).names), []
