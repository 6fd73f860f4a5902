"""From people in images to their joints: crop, network, flip test, points in the image.

Joints are [J, 3]: x, y in pixels of the image, counted from 0 as the records' are (Torch counts
from 1), and the score, the heat map's height. Everything here is TensorFlow operations, the same in
evaluation and in an exported graph.
"""

import dataclasses

import tensorflow as tf

from lfp_tf.data.pose.pipeline import MAP_STRIDE, person_views
from lfp_tf.images.skeleton import flip_order
from lfp_tf.ops.heatmaps import HeatmapCodec, flip_average
from lfp_tf.ops.pose import PIXELS_PER_SCALE
from lfp_tf.ops.preprocessing import preprocess


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How people are looked at.

    Attributes:
        flip: whether each crop is averaged with its mirror image.
        scales: factors of the person's size; several are averaged in the image.
        score: `pckh` (MPII) or `pck` (LSP), what an evaluation measures.
    """

    flip: bool
    scales: tuple = (1.0,)
    score: str = "pckh"

    def describe(self):
        """Plain values for JSON."""
        return {"name": "person", "flip": self.flip, "scales": list(self.scales)}


def protocol_of(recipe, *, flip=None, scales=None):
    """The protocol of a recipe, with what a user changes; None takes the recipe's."""
    own = recipe.evaluation
    return Protocol(
        flip=own["flip"] if flip is None else flip,
        scales=tuple(scales or own["scales"]),
        score=own["score"],
    )


def network_function(model):
    """The graph function of preprocessed crops [n, r, r, 3] to the last stack's heat maps.

    One graph for all who call it: its nodes are stored once.
    """
    (height, width), joints = model.recipe.crop, len(model.recipe.classes)
    maps = [None, height // MAP_STRIDE, width // MAP_STRIDE, joints]

    def last_stack(images):
        found = model(images, training=False)
        last = max(found, key=lambda name: int(name.rpartition("_")[2]))
        return tf.ensure_shape(found[last], maps)

    signature = [tf.TensorSpec([None, height, width, 3], tf.float32)]
    return tf.function(last_stack, input_signature=signature, autograph=False)


def heatmap_function(model, *, flip):
    """The graph function of crops to heat maps.

    Args:
        model: from `recipes.networks`; `recipe.crop` is the size of the crops, r x r.
        flip: whether the mirrored crop's heat maps are turned back and averaged in.

    Returns:
        Function of float32 [n, r, r, 3] RGB grey levels to float32 [n, r/4, r/4, J].
    """
    recipe, network = model.recipe, network_function(model)
    order = flip_order(recipe.classes)

    def heatmaps(crops):
        seen = preprocess(crops, recipe.preprocess)
        if not flip:
            return network(seen)
        # Both in one batch: the network stands in the graph once.
        both = network(tf.concat([seen, seen[:, :, ::-1]], axis=0))
        count = tf.shape(seen)[0]
        return flip_average(both[:count], both[count:], flip_order=order)

    signature = [tf.TensorSpec([None, *recipe.crop, 3], tf.float32)]
    return tf.function(heatmaps, input_signature=signature, autograph=False)


def keypoints(heatmaps, centers, scales):
    """The joints of people seen at one size, to whole pixels of the image.

    Args:
        heatmaps: [B, R, R, J], R known.
        centers: [B, 2] (x, y) of the crops, in pixels of the image.
        scales: [B], their sides over 200 pixels.

    Returns:
        float32 [B, J, 3].
    """
    return HeatmapCodec(heatmaps.shape[1]).decode(heatmaps, centers, scales)


def fused_keypoints(heatmaps, center, scales, *, size, resolution):
    """The joints of one person seen at several sizes: peaks of the mean in the image.

    Args:
        heatmaps: [S, R, R, J].
        center: [2].
        scales: [S].
        size: (height, width) of the image.
        resolution: pixels a side of the crops, not of the maps.

    Returns:
        float32 [J, 3], without the quarter pixel of `keypoints`, as the original.
    """
    codec = HeatmapCodec(heatmaps.shape[1])
    return codec.decode_views(heatmaps, center, scales, size=size, crop=resolution)


def joints_of(heatmaps, center, scale, factors, *, size, resolution):
    """The joints of one person from the heat maps of its views, one or several.

    Args:
        heatmaps: [S, R, R, J] of `person_views` at `factors`.
        center, scale: of the person.
        factors: S numbers.
        size, resolution: as of `fused_keypoints`.

    Returns:
        float32 [J, 3].
    """
    scales = tf.cast(scale, tf.float32) * tf.constant(factors, tf.float32)
    if len(factors) == 1:
        return keypoints(heatmaps, center[None], scales)[0]
    return fused_keypoints(heatmaps, center, scales, size=size, resolution=resolution)


def box_frame(box):
    """(centre [2], scale) of the square crop about a box's middle, as high as the box.

    The whole image as a box gives the image's own crop. People found by a detector reach to
    the edges of their boxes: enlarge these by a quarter, as the training's crops are.

    Args:
        box: [4] float: ymin, xmin, ymax, xmax in pixels.
    """
    ymin, xmin, ymax, xmax = tf.unstack(box)
    center = tf.stack([(xmin + xmax) / 2.0, (ymin + ymax) / 2.0])
    return center, (ymax - ymin) / PIXELS_PER_SCALE


def image_box(image):
    """The box [4] of a whole image [H, W, 3]."""
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    return tf.stack([0.0, 0.0, height, width])


def person_function(model, *, flip, factors=(1.0,)):
    """A function of an image [H, W, 3] and a box [4] to the joints [J, 3]; for use in graphs.

    Args:
        model, flip: as of `heatmap_function`.
        factors: of the crop's size, see `joints_of`.
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


def predictor(model, protocol):
    """A graph function of one image and its people to their joints, one person after the other.

    Args:
        model: as of `heatmap_function`.
        protocol: `Protocol`.

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
