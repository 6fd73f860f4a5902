"""The fields of a segmentation experiment's `task`, with a check a rule."""

import dataclasses

from lfp_tf.data.segmentation.steps import check_steps
from lfp_tf.errors import LfpError
from lfp_tf.fields import Fields, field
from lfp_tf.tasks.segmentation.networks import PSPNet
from lfp_tf.training.fields import CroppedData, CroppedTaskConfig, Losses, Network, check_size


@dataclasses.dataclass
class Augmentation(Fields):
    """What a training image goes through before the crop (semseg tool/train.py)."""

    # semseg, tf1, deeplab, deeplab_seed, lfp, lfp_original (with its colours), none (centre crop)
    recipe: str = "semseg"
    scale_min: float = 0.5
    scale_max: float = 2.0
    scale_choices: list[float] = field(list)  # deeplab: one of these
    base_size: int = 0  # deeplab: long side before scaling; 0: its own
    rotate_degrees: float = 10.0  # uniform in +- this
    rotate_probability: float = 0.5
    blur_probability: float = 0.5
    flip_probability: float = 0.5
    steps: list[dict | str] = field(list)  # the user's own list, in place of all of the above


@dataclasses.dataclass
class SegmentationData(CroppedData):
    """Images with a label a pixel."""

    warp: list[int] = field(list)  # height, width that images are squashed to; none: their own
    augmentation: Augmentation = field(Augmentation)


@dataclasses.dataclass
class SegmentationLosses(Losses):
    """Cross-entropy of all logits over the valid pixels."""

    ignore_label: int = 255
    aux_weight: float = 0.4
    # Labels at the size of logits: full (subsampled with zoom_factor), map (TF1's nearest rule),
    # pil_nearest or opencv_nearest (DeepLab 4.3).
    label_size: str = "full"
    class_weights: list[float] | str = field(list)  # one per class; or balanced: by their pixels
    label_smoothing: float = 0.0  # share of the truth spread over all classes
    focal_gamma: float = 0.0  # exponent of (1 - p) before the cross-entropy; 0: none
    # Only pixels count whose true class has at most this probability; 0: all count.
    ohem_threshold: float = 0.0
    ohem_least: int = 100000  # so many pixels of the global batch count in any case
    dice_weight: float = 0.0  # of the soft Dice loss of the main logits, beside the cross-entropy


@dataclasses.dataclass
class Evaluation(Fields):
    """How `lfp-tf evaluate` scores by default; training scores whole images in one pass."""

    protocol: str = "whole"  # whole, deeplab, semseg, matlab, tf1_whole, lfp
    flip: str = "none"  # none, softmax, logit_sum
    scales: list[float] = field(lambda: [1.0])
    base_size: int = 0  # semseg, matlab: long side in pixels at scale 1
    crop: list[int] = field(list)  # semseg, matlab, lfp: window; empty: the training crop
    min_size: list[int] = field(list)  # tf1_whole: padded to at least this
    logits_resize: str = "align_corners"  # whole, deeplab: align_corners, half_pixel
    warp: list[int] = field(list)  # deeplab: height, width of image and truth in scoring
    warp_labels: str = "pil_nearest"  # how that truth is resized: pil_nearest, opencv_nearest
    mean_iou: str = "all"  # all, present, truth
    ignore_truth: list[int] = field(list)  # classes; pixels whose truth is one are not scored


@dataclasses.dataclass
class Config(CroppedTaskConfig):
    """One class per pixel."""

    METRIC = "mean_iou"

    model: Network = field(PSPNet)
    train_data: SegmentationData = field(SegmentationData)
    validation_data: SegmentationData = field(
        lambda: SegmentationData(split="val", is_training=False)
    )
    losses: SegmentationLosses = field(SegmentationLosses)
    evaluation: Evaluation = field(Evaluation)
    head_lr_multiplier: float = 10.0  # pyramid, cls and aux
    head_bias_lr_multiplier: float = 10.0  # the classifiers' biases
    head_norm_lr_multiplier: float = 10.0  # gamma and beta of the heads; 1 in the TF1 port

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {
            "train_data.augmentation.recipe": (
                *("semseg", "tf1", "deeplab", "deeplab_seed", "lfp", "lfp_original", "none"),
            ),
            "losses.label_size": ("full", "map", "pil_nearest", "opencv_nearest"),
            "evaluation.protocol": ("whole", "deeplab", "semseg", "matlab", "tf1_whole", "lfp"),
            "evaluation.flip": ("none", "softmax", "logit_sum"),
            "evaluation.logits_resize": ("align_corners", "half_pixel"),
            "evaluation.warp_labels": ("pil_nearest", "opencv_nearest"),
            "evaluation.mean_iou": ("all", "present", "truth"),
        }

    def check(self) -> None:
        """Labels stand where the network's logits do, and every loss has its output."""
        super().check()
        for path in ("train_data.warp", "evaluation.warp"):
            group, name = path.split(".")
            if size := getattr(getattr(self, group), name):
                check_size(size, f"task.{path}")
        zoom = getattr(self.model, "zoom_factor", None)
        if zoom is None and self.losses.label_size == "full":
            raise LfpError(
                "task.losses.label_size=full is for networks with a zoom_factor; use pil_nearest."
            )
        if self.losses.label_size != "full" and zoom not in (None, 1):
            raise LfpError(
                f"task.losses.label_size={self.losses.label_size} needs task.model.zoom_factor=1."
            )
        if self.losses.aux_weight and "aux_logits" not in self.model.outputs():
            raise LfpError("task.losses.aux_weight needs task.model.aux_head=true, or set it to 0.")
        self._check_losses()
        if min(self.evaluation.ignore_truth, default=0) < 0:
            raise LfpError("task.evaluation.ignore_truth must hold classes, numbers from 0 on.")
        augmentation = self.train_data.augmentation
        check_steps(augmentation.steps)
        if augmentation.recipe == "deeplab" and not augmentation.scale_choices:
            raise LfpError(
                "task.train_data.augmentation.scale_choices is empty with recipe=deeplab."
            )

    def _check_losses(self):
        losses = self.losses
        weights = losses.class_weights
        if isinstance(weights, str):
            if weights != "balanced":
                raise LfpError(
                    f'task.losses.class_weights is "{weights}", but must be a list of numbers or '
                    "balanced."
                )
        elif weights and (min(weights) < 0 or max(weights) == 0):
            raise LfpError(
                "task.losses.class_weights must be numbers of at least 0, not all of them 0."
            )
        elif weights and self.model.classes not in (0, len(weights)):
            raise LfpError(
                f"task.losses.class_weights has {len(weights)} numbers for {self.model.classes} "
                "classes; give one per class."
            )
        if not 0 <= losses.label_smoothing < 1:
            raise LfpError(
                f"task.losses.label_smoothing must lie in 0..1, not {losses.label_smoothing}."
            )
        if not 0 <= losses.ohem_threshold <= 1:
            raise LfpError(
                f"task.losses.ohem_threshold must lie in 0..1, not {losses.ohem_threshold}."
            )
        if losses.ohem_least < 1:
            raise LfpError(f"task.losses.ohem_least must be at least 1, not {losses.ohem_least}.")
        for name in ("focal_gamma", "dice_weight"):
            if getattr(losses, name) < 0:
                raise LfpError(f"task.losses.{name} must be at least 0.")
        if losses.focal_gamma and losses.label_smoothing:
            raise LfpError(
                "task.losses.focal_gamma does not go with label_smoothing; set one of them to 0."
            )

    def warnings(self, *, replicas: int, pieces: int) -> list[str]:
        """Logits that stand beside their labels; a pyramid that cannot learn its largest bin."""
        model, data, sentences = self.model, self.train_data, []
        if hasattr(model, "zoom_factor") and any(side % 8 != 1 for side in data.crop):
            sentences.append(
                f"a crop of {data.crop} is not 8k+1 a side, so logits do not stand exactly on the "
                "pixels of their labels."
            )
        shares = pieces * (1 if model.bn_synchronized else replicas)
        one = data.global_batch_size == shares
        if one and getattr(model, "use_ppm", False) and not model.bn_frozen:
            sentences.append(
                "batch norm sees one image at a time, so the pyramid's bin 1 is normalized to "
                "its beta; freeze it (task.model.bn_frozen=true) or enlarge the batch."
            )
        return sentences
