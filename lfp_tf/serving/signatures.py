"""What an export answers: three graph functions from pictures to labels.

| signature | in | out |
| --- | --- | --- |
| `serving_default` | `image_bytes` string [B] | `labels_png` string [B], `sizes` int32 [B, 2] |
| `images` | `images` uint8 [B, H, W, 3] | `labels` [B, H, W] |
| `probabilities` | `images` | `probabilities` float32 [B, H, W, C], `labels` |

Labels are uint8, above 256 classes int32 (a PNG of 16 bits). Pictures pass the network one after
the other, so that memory is bounded by the largest one, not by the batch.
"""

import dataclasses

import tensorflow as tf

from lfp_tf.errors import LfpError
from lfp_tf.evaluation.protocols import probabilities
from lfp_tf.ops.resize import resize_opencv
from lfp_tf.serving.limits import check_pixels, decode_picture

EXPORTED_PROTOCOLS = ("whole", "deeplab", "semseg")
MAX_PIXELS = 8_388_608  # 4096 x 2048
MAX_BATCH = 16


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        max_pixels: of one picture; above, the request is an error.
        max_batch: pictures a request.
        input_size: (height, width) that every picture is resized to before the network and its
            probabilities back from; None runs each at its own size.
    """

    max_pixels: int = MAX_PIXELS
    max_batch: int = MAX_BATCH
    input_size: tuple | None = None

    def __post_init__(self):
        for name in ("max_pixels", "max_batch"):
            if getattr(self, name) < 1:
                raise LfpError(f"--{name} must be at least 1, not {getattr(self, name)}.")
        size = self.input_size
        if size and (len(size) != 2 or min(size) < 1):
            raise LfpError(f"--input_size must be HEIGHT,WIDTH in pixels, not {list(size)}.")


def signature_functions(model, *, protocol, limits):
    """The functions of the three signatures, by name; each a `tf.function` of one shape.

    Args:
        model: network with a `recipe`, see `serving.network`.
        protocol: `evaluation.protocols.Protocol`, one of `EXPORTED_PROTOCOLS`.
        limits: `Limits`.

    Raises:
        LfpError: a protocol that is not exported.
    """
    if protocol.name not in EXPORTED_PROTOCOLS:
        raise LfpError(
            f"Protocol {protocol.name} is for scores and not exported; "
            f"there are {', '.join(EXPORTED_PROTOCOLS)}."
        )
    classes = len(model.recipe.classes)
    dtype = tf.uint8 if classes <= 256 else tf.int32
    see = _seer(model, protocol, limits.input_size)

    def serving_default(image_bytes):
        with tf.control_dependencies([_check_batch(tf.size(image_bytes), limits.max_batch)]):
            image_bytes = tf.identity(image_bytes)
        labels_png, sizes = tf.map_fn(
            lambda contents: _answer(contents, see, limits.max_pixels, classes),
            image_bytes,
            fn_output_signature=(
                tf.TensorSpec([], tf.string),
                tf.TensorSpec([2], tf.int32),
            ),
            parallel_iterations=1,
        )
        return {"labels_png": labels_png, "sizes": sizes}

    def images_(images):
        labels = _each(images, limits, lambda image: _labels(see(image), dtype), (dtype, ()))
        return {"labels": labels}

    def probabilities_(images):
        found = _each(images, limits, see, (tf.float32, (classes,)))
        return {"probabilities": found, "labels": _labels(found, dtype)}

    text = tf.TensorSpec([None], tf.string, "image_bytes")
    pictures = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    return {
        "serving_default": _graph(serving_default, text),
        "images": _graph(images_, pictures),
        "probabilities": _graph(probabilities_, pictures),
    }


def _seer(model, protocol, input_size):
    """A function from one picture [h, w, 3] to its probabilities [h, w, C]."""
    # One graph of the network for all signatures: its nodes are stored once.
    inputs = _network_input(protocol, input_size)
    network = tf.function(
        lambda images: model(images, training=False)["logits"],
        input_signature=[tf.TensorSpec(inputs, tf.float32)],
        autograph=False,
    )

    def see(image):
        size = tf.shape(image)[:2]
        if input_size:
            image = resize_opencv(tf.cast(image, tf.float32)[None], size=input_size)[0]
        found = probabilities(
            protocol,
            network,
            image,
            preprocess_name=model.recipe.preprocess,
            classes=len(model.recipe.classes),
        )["probabilities"]
        if input_size:
            found = resize_opencv(found[None], size=size)[0]
        return tf.ensure_shape(found, [None, None, len(model.recipe.classes)])

    return see


def _network_input(protocol, input_size):
    """The network's input shape: static where protocol and export know it, to be folded."""
    if protocol.name == "semseg":
        return [None, *protocol.crop, 3]
    if protocol.warp:
        return [None, *protocol.warp, 3]
    if input_size and protocol.scales == (1.0,):
        return [None, *input_size, 3]
    return [None, None, None, 3]


def _answer(contents, see, max_pixels, classes):
    image = decode_picture(contents, max_pixels=max_pixels)
    labels = _labels(see(image), tf.uint8 if classes <= 256 else tf.uint16)
    return tf.io.encode_png(labels[..., None]), tf.shape(image)[:2]


def _each(images, limits, function, output):
    """Applies a function of one picture to each of a batch, after the limits have passed."""
    shape = tf.shape(images)
    checks = [
        _check_batch(shape[0], limits.max_batch),
        check_pixels(shape[1], shape[2], limits.max_pixels),
    ]
    with tf.control_dependencies(checks):
        images = tf.identity(images)
    dtype, tail = output
    return tf.map_fn(
        function,
        images,
        fn_output_signature=tf.TensorSpec([None, None, *tail], dtype),
        parallel_iterations=1,
    )


def _labels(found, dtype):
    """The most probable class; the first of equal ones."""
    return tf.cast(tf.argmax(found, -1, tf.int32), dtype)


def _check_batch(count, max_batch):
    text = tf.strings.join(
        [
            "The request has ",
            tf.strings.as_string(count),
            f" pictures, at most {max_batch} are served.",
        ]
    )
    return tf.debugging.Assert(count <= max_batch, [text])


def _graph(function, spec):
    return tf.function(function, input_signature=[spec], autograph=False)
