"""The fields of a detection experiment's `task`."""

import dataclasses
from collections.abc import Callable
from typing import Any

from lfp_tf.checkpoints.embeddings import seed_of
from lfp_tf.errors import LfpError, printable
from lfp_tf.fields import Fields, field
from lfp_tf.images.palette import numbered_table
from lfp_tf.options import WeightTransfer, of_flat
from lfp_tf.tasks.detection.networks import RCNN
from lfp_tf.tasks.detection.subsets import labels_of
from lfp_tf.training.fields import Data, Losses, Network, TaskConfig


@dataclasses.dataclass
class DetectionData(Data):
    """Images with objects, and the size at which they are trained."""

    short_sides: list[int] = field(lambda: [800])  # pixels; of several each batch draws one
    max_size: int = 1333  # no side is longer, pixels
    flip: bool = True  # every image once more as its mirror image


@dataclasses.dataclass
class Proposals(Fields):
    """Proposals of the RPN in training."""

    pre_nms: int = 2000  # boxes of the best scores, a level
    post_nms: int = 2000  # boxes that a level keeps, and an image in all
    nms: float = 0.7  # overlap from which on a box suppresses another
    min_size: float = 0.0  # shortest side, pixels of the image before scaling
    collect: str = "image"  # the best of each image, or of a piece's images together (Detectron)


@dataclasses.dataclass
class Sampling(Fields):
    """Which anchors and boxes are learnt from, an image."""

    anchors: int = 256
    anchor_foreground: float = 0.5  # the largest share of them that are objects
    anchor_positive: float = 0.7  # overlap from which on an anchor is an object
    anchor_negative: float = 0.3  # overlap below which it is background
    # Whether an object's best anchors are objects even below `anchor_negative`.
    weak_best_anchors: bool = True
    anchor_crowd: float = 1.0  # anchors that overlap a crowd more do not count; 1: all do
    rois: int = 512
    roi_foreground: float = 0.25
    roi_positive: float = 0.5
    roi_negative: list[float] = field(lambda: [0.0, 0.5])  # from, to below
    roi_crowds: bool = True  # whether a box may take the class of a crowd (Detectron)
    # Whether masks are learnt in the objects' own boxes, not in sampled ones (Deep-MAC).
    use_gt_boxes_for_masks: bool = False
    mask_candidates: str = "set_a"  # whose outline a box may take: set_a (of mask_classes), all


@dataclasses.dataclass
class DetectionLosses(Losses):
    """Cross-entropies and smooth L1 of anchors and boxes, cross-entropy of mask pixels."""

    weight_decay_covers: str = "kernels"
    # What the loss of anchors' scores is divided by: `sampling.anchors` an image whatever their
    # number (Detectron), or the anchors that count (tensorpack).
    rpn_divisor: str = "sampling"  # sampling, counted
    rpn_beta: float = 1 / 9  # difference from which on the loss of anchors' boxes is straight
    box_beta: float = 1.0
    mask_weight: float = 1.0


@dataclasses.dataclass
class DetectionEvaluation(Fields):
    """How images are scaled and what becomes a detection."""

    short_side: int = 800
    max_size: int = 1333
    pre_nms: int = 1000
    post_nms: int = 1000
    rpn_nms: float = 0.7
    score_threshold: float = 0.05
    nms: float = 0.5
    limit: int = 100  # detections an image


@dataclasses.dataclass
class Config(TaskConfig):
    """Boxes and masks of objects."""

    METRIC = "box_ap"
    KEPT = ("class_names", "mask_classes")

    model: Network = field(RCNN)
    train_data: DetectionData = field(DetectionData)
    validation_data: Data = field(lambda: Data(split="val", is_training=False))
    proposals: Proposals = field(Proposals)
    sampling: Sampling = field(Sampling)
    losses: DetectionLosses = field(DetectionLosses)
    evaluation: DetectionEvaluation = field(DetectionEvaluation)
    # Classes whose masks are learnt: names, numbers from 1, or a set of COCO's classes (voc,
    # nonvoc, E1_A20B60, ...; coco: all 80). Empty: all.
    mask_classes: list[str | int] = field(list)
    # What tells classes where task.model.transfer_input is glove or random: GloVe's text, a .npy
    # table or random:SEED. Empty: the table is in init_checkpoint.
    embeddings: str = ""
    # Names of the classes where no records are at hand, as of a network that ships, or where
    # records have the first of them alone.
    class_names: list[str] = field(list)

    def usual_size(self) -> tuple[int, int]:
        """A lying image, as large as an evaluation makes any."""
        return self.evaluation.short_side, self.evaluation.max_size

    def evaluated(self) -> dict[str, Any]:
        """See `TaskConfig`; the classes whose masks are learnt are scored apart."""
        return super().evaluated() | {"mask_classes": list(self.mask_classes)}

    def choices(self) -> dict[str, tuple]:
        """{field: its values}."""
        return super().choices() | {
            "trainable": ("all", "heads", "mask_head"),
            "proposals.collect": ("image", "piece"),
            "sampling.mask_candidates": ("set_a", "all"),
            "losses.rpn_divisor": ("sampling", "counted"),
        }

    def check(self) -> None:
        """Counts are at least 1, shares and overlaps lie in 0..1."""
        super().check()
        if self.trainable == "mask_head" and not getattr(self.model, "masks", True):
            raise LfpError("task.trainable is mask_head, but task.model.masks is false.")
        self._check_embeddings()
        sides = self.train_data.short_sides
        if not sides or min(sides) < 1 or max(sides) > self.train_data.max_size:
            raise LfpError(
                f"task.train_data.short_sides is {sides}, but must be numbers from 1 to "
                f"max_size, {self.train_data.max_size}."
            )
        evaluation = self.evaluation
        if not 1 <= evaluation.short_side <= evaluation.max_size:
            raise LfpError(
                f"task.evaluation.short_side is {evaluation.short_side}, but must lie in 1 to "
                f"max_size, {evaluation.max_size}."
            )
        for path in _COUNTS:
            if (value := _at(self, path)) < 1:
                raise LfpError(f"task.{path} is {value}, but must be at least 1.")
        for path in _SHARES:
            if not 0 < (value := _at(self, path)) <= 1:
                raise LfpError(f"task.{path} is {value}, but must be above 0 and at most 1.")
        low_high = self.sampling.roi_negative
        if len(low_high) != 2 or not 0 <= low_high[0] < low_high[1] <= 1:
            raise LfpError(
                f"task.sampling.roi_negative is {low_high}, but must be [from, to below] in 0..1."
            )
        if not 0 <= evaluation.score_threshold < 1:
            raise LfpError(
                f"task.evaluation.score_threshold is {evaluation.score_threshold}, but must be at "
                "least 0 and below 1."
            )

    def _check_embeddings(self):
        transfer: Any = of_flat(WeightTransfer, self.model.as_dict())
        if not self.embeddings:
            return
        if not transfer.uses_embedding:
            raise LfpError(
                f'task.embeddings is "{printable(self.embeddings)}", but task.model.transfer_input '
                f'is "{transfer.input}", which needs none; make it glove or random.'
            )
        is_drawn = seed_of(self.embeddings) is not None
        if is_drawn and transfer.input == "glove":
            raise LfpError(
                f"task.embeddings is {self.embeddings}, but task.model.transfer_input is glove; "
                "give a file, or make it random."
            )

    def take_classes(self, names: list[str], start: Callable[[], list[str]]) -> bool:
        """See `TaskConfig`; where masks alone are trained, records may lack the last classes.

        So a detector of thousands of classes learns masks from COCO's eighty, its first: its rows
        of the others stay (the original cuts them off and puts them back: `checkpoints.surgery`).

        Raises:
            LfpError: the records' classes are not the first ones.
        """
        if super().take_classes(names, start):
            return True
        count, num_classes = len(names), self.model.classes
        if self.trainable != "mask_head" or count > num_classes:
            return False
        own = [some for some in (self.class_names, start()) if len(some) == num_classes]
        known = own[0] if own else [*names, *numbered_table(num_classes).names[count:]]
        for ours, theirs in zip(known, names, strict=False):
            if ours != theirs:
                raise LfpError(
                    f"The records' {count} classes must be the first of the network's "
                    f'{num_classes}, but where these have "{printable(ours)}" the records have '
                    f'"{printable(theirs)}"; give records of the same order.'
                )
        self.class_names = list(known)
        return True

    def mask_labels(self, names: list[str]) -> list[int]:
        """Gives the classes of `mask_classes` as labels from 1.

        Args:
            names: of all classes.

        Raises:
            LfpError: a name or number that is no class, or a set of COCO's classes on others.
        """
        return labels_of(self.mask_classes, names, where="task.mask_classes")


_COUNTS = (
    "proposals.pre_nms",
    "proposals.post_nms",
    "sampling.anchors",
    "sampling.rois",
    "evaluation.pre_nms",
    "evaluation.post_nms",
    "evaluation.limit",
)
_SHARES = (
    "proposals.nms",
    "sampling.anchor_foreground",
    "sampling.anchor_positive",
    "sampling.anchor_crowd",
    "sampling.anchor_negative",
    "sampling.roi_foreground",
    "sampling.roi_positive",
    "evaluation.rpn_nms",
    "evaluation.nms",
)


def _at(config, path):
    group, name = path.split(".")
    return getattr(getattr(config, group), name)
