"""Options that travel together: values that builders, experiments and pages share; no TensorFlow.

A network's builder takes these as values. An experiment's YAML is flat: `from_flat` reads the
values out of its names.
"""

import dataclasses
import math
from collections.abc import Iterable
from typing import Any, ClassVar, Self

# Parameters of a ResNet with heads, in millions.
RESNET_MILLIONS = {18: 13, 34: 23, 50: 49, 101: 68, 152: 84}
RESNET_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
OUTPUT_STRIDES = (8, 16, 32)


@dataclasses.dataclass(frozen=True)
class Options:
    """A group of options; making one refuses a value outside its choices.

    Raises:
        ValueError: as it says.
    """

    # {option: its values}
    CHOICES: ClassVar[dict[str, tuple]] = {}
    # {option: its name in an experiment}, where it is another one.
    FLAT: ClassVar[dict[str, str]] = {}

    def __post_init__(self) -> None:
        for name, choices in self.CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                shown = f'"{value}"' if isinstance(value, str) else value
                words = ("null" if choice is None else str(choice) for choice in choices)
                raise ValueError(
                    f"{self.flat_names()[name]} is {shown}, but must be one of {', '.join(words)}."
                )

    @classmethod
    def of(cls, options: Self | dict[str, Any]) -> Self:
        """Itself, or made from its values by name, as a saved layer has them."""
        return cls(**options) if isinstance(options, dict) else options

    @classmethod
    def flat_names(cls) -> dict[str, str]:
        """{option: its name in an experiment}."""
        return {f.name: cls.FLAT.get(f.name, f.name) for f in dataclasses.fields(cls)}


@dataclasses.dataclass(frozen=True)
class Norm(Options):
    """What follows a convolution: batch norm, by default, and how its running values move.

    Attributes:
        kind: `batch`; `affine`, fixed factors and offsets, which Detectron makes of a trained
            batch norm; `group`. Only `batch` has the options from `decay` to `frozen`.
        groups: of `group`: how many the channels are divided into.
        decay: share of the old running value that is kept; None takes the network's own.
        epsilon: added to the variance; None takes the network's own.
        unbiased: whether the running variance is that of n - 1 values.
        synchronized: whether statistics are those of all replicas.
        frozen: whether training, too, normalizes by the running values and leaves them alone.
    """

    CHOICES = {"kind": ("batch", "affine", "group")}
    FLAT = {
        "kind": "norm",
        "groups": "norm_groups",
        "decay": "bn_decay",
        "epsilon": "bn_eps",
        "unbiased": "bn_unbiased",
        "synchronized": "bn_synchronized",
        "frozen": "bn_frozen",
    }

    decay: float | None = None
    epsilon: float | None = None
    unbiased: bool = True
    synchronized: bool = True
    frozen: bool = False
    kind: str = "batch"
    groups: int = 32

    def or_else(self, *, decay: float, epsilon: float) -> "Norm":
        """The same norm, with these values where it leaves them to the network."""
        return dataclasses.replace(
            self,
            decay=decay if self.decay is None else self.decay,
            epsilon=epsilon if self.epsilon is None else self.epsilon,
        )

    def arguments(self) -> dict[str, Any]:
        """Arguments of the layer `BatchNorm`, without those that are None.

        Raises:
            ValueError: another kind of norm.
        """
        if self.kind != "batch":
            raise ValueError(f'norm is "{self.kind}", but this network has batch norm only.')
        values = dataclasses.asdict(self)
        del values["kind"], values["groups"]
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass(frozen=True)
class ResNet(Options):
    """A ResNet in the form that some lineage of weights needs.

    Attributes:
        depth: 18 and 34 have basic blocks, the others bottlenecks.
        blocks: of the four stages, in place of the depth's.
        stem: `deep` (three 3x3 convolutions) or `plain` (one 7x7).
        stride_in: the convolution of a bottleneck that has its stride.
        padding: of the stem's convolutions and pool: `symmetric`, or `same`, which is TensorFlow's.
        pool_rounding: of the stem's max-pool; `ceil` is Caffe's.
        output_stride: input pixels a cell of the last map; later stages are dilated instead.
        multi_grids: factors of the last stage's dilations, one for each block.
        width: multiplies all widths.
        groups: of a bottleneck's 3x3 convolution; above 1 is a ResNeXt.
        width_per_group: channels of each of them in the first stage.
    """

    # Maps that a second classifier and the first one stand on.
    TAPS: ClassVar[tuple[str, str]] = ("stage3", "stage4")
    # Maps of the strides 4, 8, 16, 32 where the output stride is 32.
    LEVELS: ClassVar[tuple[str, ...]] = ("stage1", "stage2", "stage3", "stage4")
    FLAT = {"groups": "resnet_groups"}
    CHOICES = {
        "depth": tuple(RESNET_BLOCKS),
        "stem": ("deep", "plain"),
        "stride_in": ("3x3", "1x1"),
        "padding": ("symmetric", "same"),
        "pool_rounding": ("floor", "ceil"),
        "output_stride": OUTPUT_STRIDES,
    }

    depth: int = 50
    blocks: tuple = ()
    stem: str = "deep"
    stride_in: str = "3x3"
    padding: str = "symmetric"
    pool_rounding: str = "floor"
    output_stride: int = 8
    multi_grids: tuple = ()
    width: float = 1.0
    groups: int = 1
    width_per_group: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_stages(self)
        if min(self.groups, self.width_per_group) < 1:
            raise ValueError("resnet_groups and width_per_group must be at least 1.")
        if self.depth < 50 and (self.groups, self.width_per_group) != (1, 64):
            raise ValueError(
                f"resnet_groups and width_per_group need depth 50 or more, not {self.depth}."
            )


@dataclasses.dataclass(frozen=True)
class PyramidResNet(Options):
    """A ResNet of pyramid blocks (Learning Feature Pyramids), or its plain twin.

    Attributes:
        depth, blocks, output_stride, multi_grids, width: as of a `ResNet`.
        pyramid: whether its blocks have pyramids; without is tensorpack's own ResNet.
        dilated_bias: whether dilated convolutions have biases, as in the original's VOC network.
        block_padding: `same`, or `floor`, which rounds odd sizes down as the detector does.
        size_precision: `float64`, or `float32` as in the detector.
    """

    TAPS: ClassVar[tuple[str, str]] = ("stage3", "stage4")
    LEVELS: ClassVar[tuple[str, ...]] = ("stage1", "stage2", "stage3", "stage4")
    CHOICES = {
        "depth": (50, 101, 152),
        "output_stride": OUTPUT_STRIDES,
        "block_padding": ("same", "floor"),
        "size_precision": ("float64", "float32"),
    }

    depth: int = 50
    blocks: tuple = ()
    pyramid: bool = True
    output_stride: int = 8
    multi_grids: tuple = ()
    dilated_bias: bool = False
    block_padding: str = "same"
    size_precision: str = "float64"
    width: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_stages(self)


@dataclasses.dataclass(frozen=True)
class MobileNetV2(Options):
    """MobileNetV2, dilated.

    Attributes:
        output_stride, width: as of a `ResNet`.
    """

    TAPS: ClassVar[tuple[str, str]] = ("stage5", "stage7")
    LEVELS: ClassVar[tuple[str, ...]] = ("stage2", "stage3", "stage5", "stage7")
    CHOICES = {"output_stride": OUTPUT_STRIDES}

    output_stride: int = 8
    width: float = 1.0


BACKBONES = {"resnet": ResNet, "pyramid_resnet": PyramidResNet, "mobilenet_v2": MobileNetV2}
Backbone = ResNet | PyramidResNet | MobileNetV2


@dataclasses.dataclass(frozen=True)
class PoolingPyramid(Options):
    """The pyramid pooling module of PSPNet.

    Attributes:
        use_ppm: whether there is one.
        bins: cells a side of its grids, a branch each.
        pooling: `adaptive` (PyTorch) or `window` (Caffe and the TF1 port).
        pool_windows: for `window`: rows and columns of each branch's window.
        concat: order of the branches behind the map.
    """

    CHOICES = {"pooling": ("adaptive", "window"), "concat": ("ascending", "descending")}

    use_ppm: bool = True
    bins: tuple = (1, 2, 3, 6)
    pooling: str = "adaptive"
    pool_windows: tuple = ()
    concat: str = "ascending"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling == "window" and len(self.pool_windows) != len(self.bins):
            raise ValueError(f"pool_windows needs {len(self.bins)} numbers, one per bin.")


@dataclasses.dataclass(frozen=True)
class Head(Options):
    """Classifiers of pixels.

    Attributes:
        dropout: share that is dropped before them.
        dropout_kind: whole channels, or single elements.
        zoom_factor: size of the logits: 8 as the image, 4, 2, or 1 as the map.
        aux_head: whether a second one stands on the last stage but one.
    """

    CHOICES = {"dropout_kind": ("channel", "element"), "zoom_factor": (8, 4, 2, 1)}

    dropout: float = 0.1
    dropout_kind: str = "channel"
    zoom_factor: int = 8
    aux_head: bool = True


@dataclasses.dataclass(frozen=True)
class Scales(Options):
    """The further sizes at which a network sees an image (DeepLab v2, section 4.2).

    Attributes:
        factors: none leaves the network as it is.
        resize: how images and logits come to a size: `ratio` (PyTorch up to 1.5), `factor` (PyTorch
            since), `align_corners` (deeplab-pytorch's first revision), `legacy` (TF1).
    """

    CHOICES = {"resize": ("ratio", "factor", "align_corners", "legacy")}
    FLAT = {"factors": "scales", "resize": "scale_resize"}

    factors: tuple = ()
    resize: str = "ratio"

    def __post_init__(self) -> None:
        super().__post_init__()
        factors = self.factors
        if any(one <= 0 or one == 1 for one in factors) or len(set(factors)) < len(factors):
            raise ValueError(
                f"scales are {list(factors)}, but must be different numbers above 0 other than 1."
            )

    def outputs(self) -> tuple[str, ...]:
        """The maximum's name and, with factors, those of each scale's own logits."""
        if not self.factors:
            return ("logits",)
        return ("logits", *(scale_output(factor) for factor in (1, *self.factors)))


@dataclasses.dataclass(frozen=True)
class PyramidModule(Options):
    """The pyramid residual modules of an hourglass (Yang et al. 2017, figure 4).

    Attributes:
        pyramid: whether there are any; without is the plain hourglass.
        variant: see `PyramidResidual`.
        base_width: channels of a module over those of its pyramid.
        cardinality: levels of the pyramid.
        shared_weights: whether all levels have one kernel.
        fractional_pooling: when windows are drawn.
    """

    CHOICES = {
        "variant": ("A", "B", "C", "D"),
        "fractional_pooling": ("training", "random", "fixed"),
    }

    pyramid: bool = True
    variant: str = "B"
    base_width: int = 9
    cardinality: int = 4
    shared_weights: bool = False
    fractional_pooling: str = "training"

    def arguments(self) -> dict[str, Any]:
        """Arguments of the layer `PyramidResidual`."""
        values = dataclasses.asdict(self)
        del values["pyramid"]
        return values


@dataclasses.dataclass(frozen=True)
class SelfAttention(Options):
    """The self transformer of the Feature Pyramid Transformer; defaults are the paper's.

    Attributes:
        heads: attentions side by side.
        mixtures: parts of a mixture of softmaxes; 1 is one softmax.
        key_channels: of queries and keys, a head; None takes the input's.
        value_channels: of values, a head; None takes the input's.
        transform: of queries and keys: `conv` (1x1), `ffn` (3x3, batch norm, ReLU, 1x1), `dffn`
            (the same with dilation 4).
        shared_kq: whether keys have the transform of queries, as in the released code.
        pool_keys: whether keys and values come from the map averaged to half its size.
        mixture_source: whose mean gives the parts' shares: `key_mean` (paper), `query_mean`
            (released code).
        temperature: divisor of the similarities: `sqrt_dk`, the root of `key_channels`, or `none`.
        dropout: share of the attention's weights that training drops; 0.1 in the released code.
        concat: whether the input is joined behind the result instead of added to it.
    """

    CHOICES = {
        "transform": ("conv", "ffn", "dffn"),
        "mixture_source": ("key_mean", "query_mean"),
        "temperature": ("sqrt_dk", "none"),
    }

    heads: int = 1
    mixtures: int = 2
    key_channels: int | None = None
    value_channels: int | None = None
    transform: str = "conv"
    shared_kq: bool = False
    pool_keys: bool = True
    mixture_source: str = "key_mean"
    temperature: str = "sqrt_dk"
    dropout: float = 0.0
    concat: bool = False


@dataclasses.dataclass(frozen=True)
class Grounding(Options):
    """The grounding transformer of the Feature Pyramid Transformer; defaults are the paper's.

    Attributes:
        mode: similarity of a fine and a coarse cell: `eud` (negative squared distance under a
            mixture of softmaxes: the paper), `dot` (product over the number of keys: what the
            released code uses), `embedded` (softmax of that product), `gaussian` (softmax of the
            maps' own product), `concatenate` (a linear map of both, ReLU, over the number of keys).
        mixtures: of `eud`: parts of the mixture.
        channels: of queries, keys and values; None takes half the input's.
        batch_norm: whether one follows the last convolution.
        zero_init: whether the result begins as zero.
        local: of `eud`: whether a cell sees only the keys about its own place.
        square_size: of `local`: rows and columns of keys that a cell sees, odd.
    """

    CHOICES = {"mode": ("eud", "dot", "embedded", "gaussian", "concatenate")}

    mode: str = "eud"
    mixtures: int = 4
    channels: int | None = None
    batch_norm: bool = True
    zero_init: bool = True
    local: bool = False
    square_size: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.local and self.mode != "eud":
            raise ValueError(f'local needs mode "eud", not "{self.mode}".')
        if self.square_size % 2 == 0 or self.square_size < 1:
            raise ValueError(f"square_size is {self.square_size}, but must be odd.")


@dataclasses.dataclass(frozen=True)
class TransformerPyramid(Options):
    """The block of the Feature Pyramid Transformer over a set of levels.

    Attributes:
        attention: the self transformer's `SelfAttention`.
        grounding: the grounding transformer's `Grounding`.
        rendering: the rendering transformer's variant.
        normalization: behind the convolutions that join a level's parts; with `none` these have
            biases.
        same_size: whether all levels have one size, as in segmentation; else each has half the
            rows and columns of the one before.
        dropblock_rate: share that DropBlock drops of each result in training.
        dropblock_size: rows and columns of a dropped square.
    """

    CHOICES = {
        "rendering": ("paper", "released"),
        "normalization": ("none", "group_norm", "batch_norm"),
    }

    attention: SelfAttention = SelfAttention()
    grounding: Grounding = Grounding()
    rendering: str = "paper"
    normalization: str = "group_norm"
    same_size: bool = False
    dropblock_rate: float = 0.0
    dropblock_size: int = 5


# The values of Zhang et al. 2020, and those of dongzhang89/FPT.
TRANSFORMER_PYRAMIDS = {
    "paper": TransformerPyramid(dropblock_rate=0.1),
    "released_code": TransformerPyramid(
        attention=SelfAttention(shared_kq=True, mixture_source="query_mean", dropout=0.1),
        grounding=Grounding(mode="dot"),
        rendering="released",
        normalization="none",
    ),
}


@dataclasses.dataclass(frozen=True)
class Transformer(Options):
    """The Feature Pyramid Transformer in a network: a preset, and what differs from it.

    None leaves a value to the preset.

    Attributes:
        kind: the preset: `paper` or `released_code`; `none` has no block.
        st_mixtures: parts of the self transformer's mixture of softmaxes.
        st_pool_keys: whether its keys come from the map averaged to half its size.
        gt_mode: the grounding transformer's similarity, see `Grounding`.
        gt_mixtures: parts of its mixture of softmaxes.
        gt_local: whether a cell sees only the keys about its own place.
        gt_square_size: rows and columns of these, odd.
        normalization: behind the convolutions that join a level's parts.
        dropblock_rate: share that DropBlock drops of each result in training.
        dropblock_size: rows and columns of a dropped square.
        mask_padding: whether what fills up the images of a batch is kept out of the block.
    """

    CHOICES = {
        "kind": ("none", "paper", "released_code"),
        "gt_mode": (None, *Grounding.CHOICES["mode"]),
        "normalization": (None, *TransformerPyramid.CHOICES["normalization"]),
    }
    FLAT = {"kind": "transformer", "normalization": "fpt_norm"}

    kind: str = "none"
    st_mixtures: int | None = None
    st_pool_keys: bool | None = None
    gt_mode: str | None = None
    gt_mixtures: int | None = None
    gt_local: bool | None = None
    gt_square_size: int | None = None
    normalization: str | None = None
    dropblock_rate: float | None = None
    dropblock_size: int | None = None
    mask_padding: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        kind, *others = self.flat_names()
        if getattr(self, kind) == "none":
            for name in others:
                if getattr(self, name) is not None:
                    flat = self.flat_names()[name]
                    raise ValueError(f'{flat} is given, but transformer is "none".')
        rate = self.dropblock_rate
        if rate is not None and not 0 <= rate < 1:
            raise ValueError(f"dropblock_rate is {rate}, but must be at least 0 and below 1.")
        for name in ("st_mixtures", "gt_mixtures", "dropblock_size"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} is {value}, but must be at least 1.")
        # Refuses what does not go together.
        _ = self.pyramid()

    @property
    def masks_padding(self) -> bool:
        """Whether the block takes the true sizes of images."""
        if self.kind == "none":
            return False
        return self.kind == "paper" if self.mask_padding is None else self.mask_padding

    def pyramid(self) -> TransformerPyramid | None:
        """The block's options; None where there is no block."""
        if self.kind == "none":
            return None
        preset = TRANSFORMER_PYRAMIDS[self.kind]
        attention = {"mixtures": self.st_mixtures, "pool_keys": self.st_pool_keys}
        grounding = {
            "mode": self.gt_mode,
            "mixtures": self.gt_mixtures,
            "local": self.gt_local,
            "square_size": self.gt_square_size,
        }
        own = {
            "attention": _changed(preset.attention, attention),
            "grounding": _changed(preset.grounding, grounding),
            "normalization": self.normalization,
            "dropblock_rate": self.dropblock_rate,
            "dropblock_size": self.dropblock_size,
        }
        return _changed(preset, own)


def _changed(options: Any, values: dict[str, Any]) -> Any:
    """Options with those of the values that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    return dataclasses.replace(options, **given)


@dataclasses.dataclass(frozen=True)
class EvenPyramid(Options):
    """The levels of one size that a segmentation network joins.

    Attributes:
        kind: `ufp` (a convolution a stage), `ppm` (averages over grids), `aspp` (dilations).
        dim: channels of each level.
        head_channels: of the convolution before the classifier.
        aux_channels: of that before the auxiliary classifier.
    """

    CHOICES = {"kind": ("ufp", "ppm", "aspp")}
    FLAT = {"kind": "even_pyramid", "dim": "pyramid_dim"}

    kind: str = "ufp"
    dim: int = 256
    head_channels: int = 512
    aux_channels: int = 256


@dataclasses.dataclass(frozen=True)
class FeaturePyramid(Options):
    """The levels that a detector looks at; defaults are Detectron's.

    Attributes:
        kind: `fpn`, with a way down from the coarsest level (Lin et al. 2017), or `bfp`, a 1x1
            convolution a level and nothing else (Zhang et al. 2020).
        dim: channels of each level.
        normalization: behind each convolution, which then has no bias.
    """

    CHOICES = {
        "kind": ("fpn", "bfp"),
        "normalization": ("none", "group_norm", "batch_norm"),
    }
    FLAT = {"kind": "decoder", "dim": "pyramid_dim", "normalization": "pyramid_norm"}

    kind: str = "fpn"
    dim: int = 256
    normalization: str = "none"


@dataclasses.dataclass(frozen=True)
class Anchors(Options):
    """The boxes that an RPN begins with; defaults are Detectron's with a pyramid.

    Attributes:
        size: root of the area of the lowest level's anchors, pixels; it doubles from level to
            level.
        ratios: height / width.
        sizes: of a network with one level, in place of `size`.
    """

    FLAT = {"size": "anchor_size", "ratios": "anchor_ratios", "sizes": "anchor_sizes"}

    size: float = 32.0
    ratios: tuple = (0.5, 1.0, 2.0)
    sizes: tuple = ()

    def of_level(self, place: int) -> tuple:
        """The sizes of the level at a place, 0 for the lowest."""
        return self.sizes or (self.size * 2**place,)


@dataclasses.dataclass(frozen=True)
class RoIHeads(Options):
    """What classifies boxes and draws their masks; defaults are Detectron's.

    Attributes:
        box_head: `2fc` (two dense layers), `2fc_norm` (with a norm behind each), `4conv1fc` (four
            3x3 convolutions, one dense layer); `all_levels_2fc` (with norms) and
            `all_levels_4conv1fc` have a first layer for each level and take the maximum over all
            levels (PANet).
        box_dim: units of the dense layers.
        box_conv_dim: channels of `4conv1fc`'s convolutions.
        class_agnostic_boxes: whether one box serves all classes of an RoI.
        masks: whether there is a mask head.
        mask_head: `plain`; `all_levels` has a first convolution for each level and takes the
            maximum over all levels, `all_levels_fc` besides adds one mask of a dense layer to
            those of all classes (PANet); `hourglass` is deeper, for classes without masks
            (Deep-MAC).
        mask_dim: channels of the mask head.
        mask_convolutions: 3x3 convolutions before its deconvolution.
        class_specific_masks: whether each class has a mask of its own.
        normalization: behind the 3x3 convolutions, which then have no biases, and behind the dense
            layers of `2fc_norm` and `all_levels_2fc`.
    """

    CHOICES = {
        "box_head": ("2fc", "2fc_norm", "4conv1fc", "all_levels_2fc", "all_levels_4conv1fc"),
        "mask_head": ("plain", "all_levels", "all_levels_fc", "hourglass"),
        "normalization": ("none", "group_norm"),
    }
    FLAT = {"normalization": "head_norm"}

    box_head: str = "2fc"
    box_dim: int = 1024
    box_conv_dim: int = 256
    class_agnostic_boxes: bool = False
    masks: bool = True
    mask_head: str = "plain"
    mask_dim: int = 256
    mask_convolutions: int = 4
    class_specific_masks: bool = True
    normalization: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        least = {"all_levels": 1, "all_levels_fc": 2}.get(self.mask_head, 0)
        if self.mask_convolutions < least:
            raise ValueError(
                f"mask_convolutions is {self.mask_convolutions}, but mask_head {self.mask_head} "
                f"needs at least {least}."
            )

    @property
    def boxes_of_all_levels(self) -> bool:
        """Whether the box head sees a box on every level."""
        return self.box_head.startswith("all_levels")

    @property
    def masks_of_all_levels(self) -> bool:
        """Whether the mask head sees a box on every level."""
        return self.mask_head.startswith("all_levels")

    @property
    def adds_mask(self) -> bool:
        """Whether the features of masks end with one more mask, which is added to all classes'."""
        return self.mask_head == "all_levels_fc"


@dataclasses.dataclass(frozen=True)
class WeightTransfer(Options):
    """The last layer of masks, predicted from each class's box weights (MaskX R-CNN, section 3).

    Attributes:
        input: what a class is told by: its row of the classifier (`cls`), its four rows of the box
            regressor (`box`), both, a word vector (`glove`) or a random one (`random`); `none`
            learns the layer itself.
        layers: dense layers of the transfer function.
        activation: between them: `leaky` (slope 0.1) or `relu`.
        stop_gradient: whether masks leave the box weights alone.
        embedding_dim: numbers of a word vector.
        mlp: dense layers on all features of a mask, whose one mask for all classes is added.
    """

    CHOICES = {
        "input": ("none", "cls", "box", "cls+box", "glove", "random"),
        "layers": (1, 2, 3),
        "activation": ("leaky", "relu"),
        "mlp": ("none", "1_layer", "2_layer", "3_layer"),
    }
    FLAT = {
        "input": "transfer_input",
        "layers": "transfer_layers",
        "activation": "transfer_activation",
        "stop_gradient": "transfer_stop_gradient",
        "mlp": "mask_mlp",
    }

    input: str = "none"
    layers: int = 2
    activation: str = "leaky"
    stop_gradient: bool = True
    embedding_dim: int = 300
    mlp: str = "none"

    @property
    def uses_embedding(self) -> bool:
        """Whether classes are told by vectors from elsewhere."""
        return self.input in ("glove", "random")

    def check_boxes(self, class_agnostic: bool) -> None:
        """Refuses to read each class's box weights where all classes share them.

        Raises:
            ValueError: as it says.
        """
        if class_agnostic and "box" in self.input:
            raise ValueError(
                f'transfer_input is "{self.input}", but with class_agnostic_boxes no class has box '
                'weights of its own; take "cls" or a word vector.'
            )


@dataclasses.dataclass(frozen=True)
class Inference(Options):
    """From outputs to detections; defaults are Detectron's with a pyramid.

    Attributes:
        pre_nms: anchors with the best scores of a level that become boxes.
        post_nms: proposals of an image, and of each of its levels.
        rpn_nms: overlap from which on a proposal suppresses another.
        score_threshold: a detection scores more.
        nms: overlap from which on a detection suppresses another of its class.
        limit: detections of an image.
    """

    FLAT = {
        "pre_nms": "test_pre_nms",
        "post_nms": "test_post_nms",
        "rpn_nms": "test_rpn_nms",
        "nms": "test_nms",
        "limit": "detections",
    }

    pre_nms: int = 1000
    post_nms: int = 1000
    rpn_nms: float = 0.7
    score_threshold: float = 0.05
    nms: float = 0.5
    limit: int = 100


@dataclasses.dataclass(frozen=True)
class Conventions(Options):
    """Where implementations of one detector differ; defaults are Detectron's.

    Attributes:
        pixel: 1.0 where x2, y2 are the last pixel of a box, 0.0 where they are its edge.
        largest_log: the log of a ratio of sides up to which a box grows.
        box_weights: what deltas of RoIs are multiplied by when they are learnt.
        aligned: whether RoIAlign takes cell centres at half numbers.
        samples: RoIAlign's samples a bin and side; 0: as many as the bin has cells.
        rounded_anchors: whether anchors are made of whole pixels.
        canonical_scale: root of the area of a box that is pooled from level 4.
        clips_to_padding: whether proposals of inference may reach into what fills an image up.
        inclusive, later_first: as of `ops.detection.nms.nms`.
        ranks_logits: whether proposals are ranked before the sigmoid, which makes the highest
            scores equal.
    """

    CHOICES = {"pixel": (1.0, 0.0)}
    FLAT = {
        "pixel": "box_pixel",
        "aligned": "roi_aligned",
        "samples": "roi_samples",
        "inclusive": "nms_inclusive",
        "later_first": "nms_later_first",
    }

    pixel: float = 1.0
    largest_log: float = math.log(1000.0 / 16.0)
    box_weights: tuple = (10.0, 10.0, 5.0, 5.0)
    aligned: bool = False
    samples: int = 2
    rounded_anchors: bool = True
    canonical_scale: float = 224.0
    clips_to_padding: bool = True
    inclusive: bool = True
    later_first: bool = True
    ranks_logits: bool = False


# Those that most networks of today share.
_GARDEN = Conventions(
    pixel=0.0,
    aligned=True,
    rounded_anchors=False,
    clips_to_padding=False,
    inclusive=False,
    later_first=False,
)
CONVENTIONS = {
    "detectron": Conventions(),
    "garden": _GARDEN,
    "tensorpack": dataclasses.replace(
        _GARDEN, largest_log=math.log(1333.0 / 16.0), rounded_anchors=True, ranks_logits=True
    ),
}


# How the hourglass' units draw their weights.
PYRAMID_INITIALIZERS = ("branch_aware", "torch_default")


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """(x - mean) / std of RGB grey levels 0..255, then the channel order.

    Attributes:
        mean: subtracted, in grey levels, in R, G, B order.
        std: divisor, in grey levels, in R, G, B order.
        order: `rgb` or `bgr`, how the network takes its channels.
    """

    mean: tuple
    std: tuple
    order: str


_IMAGENET_BGR = (123.68, 116.779, 103.939)

PREPROCESSINGS = {
    "torch": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "rgb"),
    # The same numbers for networks that tensorpack trained.
    "imagenet_bgr": Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "bgr"),
    "caffe": Preprocessing(_IMAGENET_BGR, (1.0, 1.0, 1.0), "bgr"),
    # The means of the DeepLab authors, kept to three digits.
    "deeplab": Preprocessing((122.675, 116.669, 104.008), (1.0, 1.0, 1.0), "bgr"),
    # Printed in R, G, B order but subtracted in B, G, R order; old weights need it.
    "kitti": Preprocessing((93.5726928711, 96.4095153809, 89.592376709), (1.0, 1.0, 1.0), "bgr"),
    "mobilenet": Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), "rgb"),
    # Detectron's means.
    "detectron": Preprocessing((122.7717, 115.9465, 102.9801), (1.0, 1.0, 1.0), "bgr"),
    # Newell's means of MPII in 0..1 of 255 grey levels, nothing else.
    "pose": Preprocessing((112.302, 113.22, 110.3385), (255.0, 255.0, 255.0), "rgb"),
    "none": Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "rgb"),
}


@dataclasses.dataclass(frozen=True)
class Shares:
    """How the samples of a step are divided among hosts and replicas.

    Attributes:
        global_batch_size: samples of a step over all replicas.
        replicas: of all hosts; a batch is for one replica, a step's batches follow each other.
        pipeline_id: this host, 0..num_pipelines-1; it takes its contiguous share of each step.
        num_pipelines: hosts.
    """

    global_batch_size: int
    replicas: int = 1
    pipeline_id: int = 0
    num_pipelines: int = 1

    @property
    def host(self) -> int:
        """Samples of a step on this host."""
        return self.global_batch_size // self.num_pipelines

    @property
    def replica(self) -> int:
        """Samples of a replica's batch."""
        return self.global_batch_size // self.replicas

    def number(self, ordinal: Any) -> Any:
        """The sample index in the run of this host's sample `ordinal`, an int64 scalar."""
        step, place = ordinal // self.host, ordinal % self.host
        return step * self.global_batch_size + self.pipeline_id * self.host + place


def from_flat(default: Any, flat: dict[str, Any]) -> Any:
    """The options of a group under their flat names, in place of the default's.

    A default that is a backbone becomes the one that `flat["backbone"]` names, with what both have
    in common; names of the other backbones' options are left out.

    Args:
        default: an `Options`.
        flat: {name: value}; what was read is taken out.

    Returns:
        Options of the default's kind, lists as tuples.

    Example:
        >>> flat = {"bn_frozen": True, "classes": 19}
        >>> from_flat(Norm(decay=0.9), flat)
        Norm(decay=0.9, epsilon=None, unbiased=True, synchronized=True, frozen=True, \
kind='batch', groups=32)
        >>> flat
        {'classes': 19}
    """
    has_choice = isinstance(default, Backbone) and "backbone" in flat
    if has_choice:
        default = _backbone_of(flat.pop("backbone"), default)
    names = default.flat_names()
    values = {name: _value(flat.pop(key)) for name, key in names.items() if key in flat}
    for kind in BACKBONES.values() if has_choice else ():
        for key in kind.flat_names().values():
            flat.pop(key, None)
    return dataclasses.replace(default, **values)


def of_flat(kind: type[Options], flat: dict[str, Any]) -> Options:
    """The options of a kind, those that `flat` has under their flat names, the rest by default.

    Raises:
        ValueError: a value outside its choices, values that do not go together.
    """
    names = kind.flat_names()
    return kind(**{name: _value(flat[key]) for name, key in names.items() if key in flat})


def scale_output(scale: float) -> str:
    """The name of a scale's own logits: `logits_0.5` and the like."""
    return f"logits_{scale:g}"


def _backbone_of(name, default):
    """The default where it is of that name, else that kind with what both have in common."""
    kind = BACKBONES.get(name)
    if kind is None:
        raise ValueError(f'backbone is "{name}", but must be one of {", ".join(BACKBONES)}.')
    if isinstance(default, kind):
        return default
    common = kind.flat_names().keys() & default.flat_names().keys()
    return kind(**{name: getattr(default, name) for name in common})


def _check_stages(backbone):
    blocks = backbone.blocks or RESNET_BLOCKS[backbone.depth]
    if len(blocks) != 4 or min(blocks) < 1:
        raise ValueError(f"blocks are {list(blocks)}, but must be four numbers of at least 1.")
    if backbone.multi_grids and len(backbone.multi_grids) != blocks[3]:
        raise ValueError(f"multi_grids needs {blocks[3]} numbers, one per block of the last stage.")


def _value(value):
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value
