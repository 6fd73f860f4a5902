"""From people in images to their joints: crop, network, flip test, points in the image.

Joints are [J, 3]: x, y in pixels of the image, counted from 0 as in the records (Torch counts from
1), and the score, the heat map's height. All functions are TensorFlow operations, the same in
evaluation and in an exported graph.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from lfp_tf.data.pose.pipeline import MAP_STRIDE, person_views
from lfp_tf.errors import LfpError
from lfp_tf.images.skeleton import flip_order
from lfp_tf.ops.heatmaps import HeatmapCodec, flip_average
from lfp_tf.ops.pose import PIXELS_PER_SCALE
from lfp_tf.ops.preprocessing import preprocess
from lfp_tf.tasks.traced import traced


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How people are brought to the network and back.

    Attributes:
        flip: whether each crop is averaged with its mirror image.
        scales: factors of the person's size; several are averaged in the image.
        score: `pckh` (MPII) or `pck` (LSP), what an evaluation measures.
    """

    flip: bool
    scales: tuple[float, ...] = (1.0,)
    score: str = "pckh"

    def describe(self) -> dict:
        """Gives plain values, for JSON."""
        return {"name": "person", "flip": self.flip, "scales": list(self.scales)}


def protocol_of(
    recipe: Any, *, flip: bool | None = None, scales: Sequence[float] | None = None
) -> Protocol:
    """Gives the protocol of a `recipes.recipe.Recipe`, with what a user changes.

    Args:
        recipe: of the network.
        flip, scales: see `Protocol`; None takes the recipe's.
    """
    own = recipe.evaluation
    return Protocol(
        flip=own["flip"] if flip is None else flip,
        scales=tuple(scales or own["scales"]),
        score=own["score"],
    )


def network_function(model: tf_keras.Model) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes the graph function of crops to the last stack's heat maps.

    It is one graph for all callers: its nodes are stored once.

    Args:
        model: from `recipes.networks`; `recipe.crop` is the size of the crops, r x r.

    Returns:
        Function of preprocessed float32 [n, r, r, 3] to [n, r/4, r/4, J].
    """
    (height, width), joints = model.recipe.crop, len(model.recipe.classes)
    maps = [None, height // MAP_STRIDE, width // MAP_STRIDE, joints]

    def last_stack(images):
        outputs = model(images, training=False)
        last = max(outputs, key=lambda name: int(name.rpartition("_")[2]))
        return tf.ensure_shape(outputs[last], maps)

    signature = [tf.TensorSpec([None, height, width, 3], tf.float32)]
    return tf.function(last_stack, input_signature=signature, autograph=False)


def heatmap_function(model: tf_keras.Model, *, flip: bool) -> Callable[[tf.Tensor], tf.Tensor]:
    """Makes the graph function of crops to heat maps.

    Args:
        model: as of `network_function`.
        flip: whether the mirrored crop's heat maps are turned back and averaged in.

    Returns:
        Function of float32 [n, r, r, 3] RGB grey levels to float32 [n, r/4, r/4, J].
    """
    recipe, network = model.recipe, network_function(model)
    order = flip_order(recipe.classes)

    def heatmaps(crops):
        inputs = preprocess(crops, recipe.preprocess)
        if not flip:
            return network(inputs)
        # Both in one batch: the network stands in the graph once.
        both = network(tf.concat([inputs, inputs[:, :, ::-1]], axis=0))
        count = tf.shape(inputs)[0]
        return flip_average(both[:count], both[count:], flip_order=order)

    signature = [tf.TensorSpec([None, *recipe.crop, 3], tf.float32)]
    return tf.function(heatmaps, input_signature=signature, autograph=False)


def keypoints(heatmaps: tf.Tensor, centers: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """Finds the joints of people at one scale, to whole pixels of the image.

    Args:
        heatmaps: [B, R, R, J], R known.
        centers: [B, 2] (x, y) of the crops, in pixels of the image.
        scales: [B], their sides over 200 pixels.

    Returns:
        float32 [B, J, 3].
    """
    return HeatmapCodec(heatmaps.shape[1]).decode(heatmaps, centers, scales)


def fused_keypoints(
    heatmaps: tf.Tensor,
    center: tf.Tensor,
    scales: tf.Tensor,
    *,
    size: Any,
    resolution: int,
) -> tf.Tensor:
    """Finds the joints of one person at several scales: peaks of the mean in the image.

    Args:
        heatmaps: [S, R, R, J].
        center: [2] (x, y) of the crops, in pixels of the image.
        scales: [S], their sides over 200 pixels.
        size: (height, width) of the image, numbers or scalars.
        resolution: side of the crops in pixels, not of the maps.

    Returns:
        float32 [J, 3], without the quarter pixel of `keypoints`, as in the original.
    """
    codec = HeatmapCodec(heatmaps.shape[1])
    return codec.decode_views(heatmaps, center, scales, size=size, crop=resolution)


def joints_of(
    heatmaps: tf.Tensor,
    center: tf.Tensor,
    scale: tf.Tensor,
    factors: Sequence[float],
    *,
    size: Any,
    resolution: int,
) -> tf.Tensor:
    """Finds the joints of one person from the heat maps of its views, one or several.

    Args:
        heatmaps: [S, R, R, J] of `person_views` at `factors`.
        center: [2] (x, y) of the person, in pixels of the image.
        scale: scalar, the side of its crop over 200 pixels.
        factors: S numbers.
        size, resolution: as of `fused_keypoints`.

    Returns:
        float32 [J, 3].
    """
    scales = tf.cast(scale, tf.float32) * tf.constant(factors, tf.float32)
    if len(factors) == 1:
        return keypoints(heatmaps, center[None], scales)[0]
    return fused_keypoints(heatmaps, center, scales, size=size, resolution=resolution)


def box_frame(box: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Gives (centre [2], scale []) of the square crop about a box, as high as the box.

    A whole image as the box gives the image's own crop. A detector's boxes end where their
    people end: enlarge these by a quarter, as the training's crops are.

    Args:
        box: float [4]: ymin, xmin, ymax, xmax in pixels.
    """
    ymin, xmin, ymax, xmax = tf.unstack(box)
    center = tf.stack([(xmin + xmax) / 2.0, (ymin + ymax) / 2.0])
    return center, (ymax - ymin) / PIXELS_PER_SCALE


def image_box(image: tf.Tensor) -> tf.Tensor:
    """Gives the box [4] of a whole image [H, W, 3]: 0, 0, H, W."""
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    return tf.stack([0.0, 0.0, height, width])


def person_function(
    model: tf_keras.Model, *, flip: bool, factors: Sequence[float] = (1.0,)
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes the function of an image [H, W, 3] and a box [4] to joints [J, 3], for graphs.

    Args:
        model, flip: as of `heatmap_function`.
        factors: of the crop's size; see `joints_of`.
    """
    heatmaps, resolution = heatmap_function(model, flip=flip), model.recipe.crop[0]

    def person(image, box):
        center, scale = box_frame(box)
        views = person_views(image, center, scale, factors, resolution=resolution)
        return joints_of(
            heatmaps(views),
            center,
            scale,
            factors,
            size=tf.shape(image)[:2],
            resolution=resolution,
        )

    return person


def predictor(
    model: tf_keras.Model, protocol: Protocol
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Makes the graph function of an image and its people to their joints, one by one.

    Args:
        model: as of `network_function`.
        protocol: of one scale or several.

    Returns:
        Function of uint8 [H, W, 3] RGB and float32 [P, 4] boxes to float32 [P, J, 3].
    """
    person = person_function(model, flip=protocol.flip, factors=protocol.scales)
    joints = len(model.recipe.classes)

    def predict(image, boxes):
        return tf.map_fn(
            lambda box: person(image, box),
            boxes,
            fn_output_signature=tf.TensorSpec([joints, 3], tf.float32),
            parallel_iterations=1,
        )

    signature = [tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([None, 4], tf.float32)]
    return tf.function(predict, input_signature=signature, autograph=False)


def array_function(
    model: tf_keras.Model, protocol: Protocol
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Gives `predictor` as a function of arrays, traced once."""
    predict = traced(model, predictor, protocol)
    return lambda image, boxes: predict(image, boxes).numpy()


def box_rows(boxes: Any, image: np.ndarray) -> np.ndarray:
    """Gives the boxes of people in an image as float32 [P, 4]; None is one as large as the image.

    Args:
        boxes: [P, 4] (ymin, xmin, ymax, xmax in pixels), or None.
        image: [H, W, 3].

    Raises:
        LfpError: another shape, or a box without a pixel.
    """
    if boxes is None:
        return np.array([[0, 0, *image.shape[:2]]], np.float32)
    try:
        rows: Any = np.asarray(boxes, np.float32)
    except (ValueError, TypeError):
        rows = np.zeros(1, np.float32)
    rows = rows if rows.size else np.zeros((0, 4), np.float32)
    is_good = rows.ndim == 2 and rows.shape[1] == 4
    # Comparisons with NaN are false.
    if not (is_good and np.all(rows[:, 2:] - rows[:, :2] >= 1)):
        raise LfpError(
            "boxes must be [P, 4], ymin, xmin, ymax, xmax in pixels, each at least one pixel high "
            "and wide."
        )
    return rows
