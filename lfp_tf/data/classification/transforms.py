"""An image for a classifier: area crop, colours, light and flip, or the centre of the whole.

The rules are those of `wanggrun/Learning-Feature-Pyramids pyramid/ImageNet/imagenet_utils.py` and
of the tensorpack 0.8.5 beside it. Images are RGB grey levels and, as there, whole numbers within
0..255 after every step; what is no whole number is cut down to one, as a cast to uint8 does.
"""

import dataclasses

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.ops import randomness
from lfp_tf.ops.resize_cubic import centre_window, resize_cubic, shortest_edge_size

TRIES = 10
COLOR_STEPS = ("brightness", "contrast", "saturation", "lighting")
# Principal components of ImageNet's colours (R, G, B), the values in grey levels.
_EIGENVALUES = (0.2175 * 255.0, 0.0188 * 255.0, 0.0045 * 255.0)
_EIGENVECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)
# 0.299, 0.587, 0.114 as OpenCV has them for uint8 images.
_GREY = (9798 / 32768, 19235 / 32768, 3735 / 32768)
_SALT = 8


@dataclasses.dataclass(frozen=True)
class ClassificationAugmentation:
    """What `augment` may draw. Defaults: the original's.

    Attributes:
        areas: least and largest share of the image's area in the crop.
        aspect_ratios: least and largest width over height.
        brightness, contrast, saturation: factors lie within 1 +- this.
        lighting: deviation of the weights of the colours' principal components.
        flip_probability: of the left-right flip.
    """

    areas: tuple = (0.08, 1.0)
    aspect_ratios: tuple = (0.75, 1.333)
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    lighting: float = 0.1
    flip_probability: float = 0.5

    def __post_init__(self):
        for name in ("areas", "aspect_ratios"):
            values = tuple(float(value) for value in getattr(self, name))
            object.__setattr__(self, name, values)
            if len(values) != 2 or not 0 < values[0] <= values[1]:
                raise LfpError(
                    f"augmentation {name} must be [least, largest] above 0, not {list(values)}."
                )
        if self.areas[1] > 1:
            raise LfpError(f"augmentation areas must be at most 1, not {list(self.areas)}.")
        for name in ("brightness", "contrast", "saturation", "lighting", "flip_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise LfpError(f"augmentation {name} must lie in 0..1, not {getattr(self, name)}.")


def augment(image, key, *, size, augmentation):
    """Crops, colours and flips one image, every choice drawn from its key.

    Args:
        image: [H, W, 3] RGB grey levels.
        key: int32 [2], (seed, index of the sample in the run).
        size: pixels a side of the result; the original's is 224.
        augmentation: `ClassificationAugmentation`.

    Returns:
        float32 [size, size, 3] whole grey levels.
    """
    image = tf.cast(image, tf.float32)
    draws = randomness.uniforms(key, 5 * TRIES, salt=_SALT)
    places = tf.reshape(draws, [TRIES, 5])
    window, is_found = area_window(tf.shape(image)[:2], places, augmentation)
    image = tf.cond(
        is_found,
        lambda: resize_cubic(_cut(image, window)[None], (size, size), rounded=True)[0],
        lambda: centre(image, shortest=size, size=size),
    )
    image = tf.ensure_shape(image, [size, size, 3])
    draws = randomness.uniforms(key, 8, salt=_SALT + 1)
    lights = randomness.normals(key, 3, salt=_SALT + 2)
    image = jittered(image, draws[:7], lights, augmentation)
    return tf.cond(draws[7] < augmentation.flip_probability, lambda: image[:, ::-1], lambda: image)


def area_window(size, draws, augmentation):
    """The first of several drawn crops that fits into the image.

    Args:
        size: int32 [2], (height, width).
        draws: float64 [tries, 5] in 0..1: area, aspect ratio, exchange of the sides, row, column.
        augmentation: `ClassificationAugmentation`.

    Returns:
        int32 [4] (top, left, height, width), and whether any fits.
    """
    area = tf.cast(size[0], tf.float64) * tf.cast(size[1], tf.float64)
    areas = _between(draws[:, 0], augmentation.areas) * area
    ratios = _between(draws[:, 1], augmentation.aspect_ratios)
    sides = area_sides(areas, ratios, draws[:, 2] < 0.5)
    fits = tf.reduce_all(sides <= size, axis=1)
    chosen = tf.argmax(fits, output_type=tf.int32)
    side = sides[chosen]
    # The original never takes the last offset.
    offset = randomness.whole_number(draws[chosen, 3:5], tf.maximum(size - side - 1, 0))
    return tf.concat([offset, side], axis=0), fits[chosen]


def area_sides(areas, ratios, is_exchanged):
    """Heights and widths [n, 2] of crops of areas in pixels and ratios width / height, all [n]."""
    width = tf.cast(tf.sqrt(areas * ratios) + 0.5, tf.int32)
    height = tf.cast(tf.sqrt(areas / ratios) + 0.5, tf.int32)
    upright = tf.stack([height, width], axis=1)
    return tf.where(is_exchanged[:, None], upright[:, ::-1], upright)


def jittered(image, draws, lights, augmentation):
    """The four colour steps in a drawn order.

    Args:
        image: float32 [H, W, 3].
        draws: float64 [7] in 0..1: three factors, then what the order is sorted by.
        lights: float64 [3] of mean 0 and deviation 1.
    """
    ranges = (augmentation.brightness, augmentation.contrast, augmentation.saturation)
    values = [
        1.0 + share * (2.0 * draw - 1.0)
        for share, draw in zip(ranges, tf.unstack(draws[:3]), strict=True)
    ]
    values.append(augmentation.lighting * lights)
    order = tf.argsort(draws[3:7])
    for place in range(len(COLOR_STEPS)):
        branches = [
            lambda image=image, name=name, value=value: color_step(image, name, value)
            for name, value in zip(COLOR_STEPS, values, strict=True)
        ]
        image = tf.switch_case(order[place], branches)
    return image


def color_step(image, name, value):
    """One step of `COLOR_STEPS`.

    Args:
        image: float32 [H, W, 3] RGB, whole grey levels.
        name: `brightness` (times value), `contrast` (around each channel's mean), `saturation`
            (around the grey image), `lighting` (plus the principal components, weighted).
        value: a factor, or the weights [3]; float64.
    """
    if name == "brightness":
        changed = image * tf.cast(value, tf.float32)
    elif name == "contrast":
        mean = tf.reduce_mean(image, axis=(0, 1), keepdims=True)
        changed = (image - mean) * tf.cast(value, tf.float32) + mean
    elif name == "saturation":
        grey = tf.floor(tf.tensordot(image, tf.constant(_GREY), 1) + 0.5)[..., None]
        # In double precision as there: grey pixels stand on the edge between two whole numbers.
        image, grey = tf.cast(image, tf.float64), tf.cast(grey, tf.float64)
        changed = image * value + grey * (1.0 - value)
    else:
        axes = tf.constant(_EIGENVECTORS, tf.float64)
        light = tf.linalg.matvec(axes, value * tf.constant(_EIGENVALUES, tf.float64))
        changed = tf.cast(image, tf.float64) + light
    return tf.cast(tf.floor(tf.clip_by_value(changed, 0.0, 255.0)), tf.float32)


def centre(image, *, shortest, size):
    """The middle of the image whose shorter side was brought to `shortest`.

    Args:
        image: [H, W, 3] RGB grey levels.
        shortest: pixels; 256 in the original.
        size: pixels a side of the result, no more than `shortest`; 224 in the original.

    Returns:
        float32 [size, size, 3] whole grey levels.
    """
    shape = tf.shape(image)
    scaled = shortest_edge_size(shape[0], shape[1], shortest)
    image = resize_cubic(image[None], scaled, rounded=True)
    return centre_window(image, (size, size))[0]


def _cut(image, window):
    top, left, height, width = tf.unstack(window)
    return image[top : top + height, left : left + width]


def _between(draw, limits):
    return limits[0] + (limits[1] - limits[0]) * draw
