"""The programs of the CRF benchmark: ours, and `pydensecrf2` in an environment that has it.

Spec: size, classes, image (`smooth`, `noisy`), images, backend, processes (0: no pool),
threshold.
"""

import numpy as np

from benchmarks.rivals import serve, timed
from lfp_tf.parity.golden import fill
from lfp_tf.tasks.segmentation.crf import crf, mean_field, pool

# Classes that an image shows; the others are unlikely everywhere.
SHOWN = 5


def make(spec):
    """The facts and commands of `serve`."""
    options = crf.CrfOptions(backend=spec["backend"], class_threshold=spec["threshold"])
    image = drawn_image(spec["image"], spec["size"])
    probabilities = drawn_probabilities(spec["size"], spec["classes"])
    is_ours = spec["backend"] == "numpy"
    # Its processes end with this one.
    workers = pool.CrfPool(options, processes=spec["processes"]) if spec["processes"] else None

    def measure(calls, part):
        if workers:
            items = [(key, probabilities, image) for key in range(spec["images"])]
            return timed(lambda: list(workers.map(items)), calls=calls)
        if part == "all of it":
            return timed(lambda: once(probabilities, image, options), calls=calls)
        return mean_field_alone(probabilities, image, options, calls)

    def outputs(path):
        np.save(path, crf.refine(probabilities, image, options))
        return {}

    vertices = [k.vertices for k in crf.kernels(image, options)] if is_ours else None
    return {"vertices": vertices}, {"measure": measure, "outputs": outputs}


def once(probabilities, image, options):
    """One image as if it were the first of its size."""
    crf._spatial.cache_clear()
    return crf.refine(probabilities, image, options)


def mean_field_alone(probabilities, image, options, calls):
    """Seconds of the iterations, the lattices being there."""
    classes = probabilities.shape[2]
    kept = crf._kept_classes(probabilities, options.class_threshold)
    flat = np.ascontiguousarray(probabilities.reshape(-1, classes)[:, kept])
    log_probabilities = np.log(np.maximum(flat, np.float32(options.floor)))
    if options.backend == "numpy":
        found = crf.kernels(image, options)
        return timed(
            lambda: mean_field.mean_field(log_probabilities, found, iterations=options.iterations),
            calls=calls,
        )
    from lfp_tf.tasks.segmentation.crf.pydensecrf import densecrf

    model = densecrf(log_probabilities, image, options)
    return timed(lambda: model.inference(options.iterations), calls=calls)


def drawn_image(kind, size):
    """uint8 [*size, 3]: waves and boxes with noise of 6 grey levels, or with none to speak of."""
    image = fill(["image_u8"], "crf", "image", (*size, 3), "uint8")
    if kind == "noisy":
        return image
    # The mean over 7 x 7 pixels leaves less than one grey level of the noise.
    padded = np.pad(image.astype(np.float64), ((3, 3), (3, 3), (0, 0)), mode="edge")
    for axis in (0, 1):
        count = padded.shape[axis] - 6
        padded = sum(np.take(padded, range(i, i + count), axis=axis) for i in range(7)) / 7
    return np.rint(padded).astype(np.uint8)


def drawn_probabilities(size, classes):
    """float32 [*size, classes]: softmax of logits that are linear between points 8 pixels apart."""
    height, width = size
    shape = (-(-height // 8) + 1, -(-width // 8) + 1, classes)
    coarse = fill(["normal", 0.0, 2.0], "crf", "logits", shape)
    coarse[..., :SHOWN] += 11
    logits = _between(_between(coarse, height, 0), width, 1)
    logits = np.exp(logits - logits.max(axis=2, keepdims=True))
    return (logits / logits.sum(axis=2, keepdims=True)).astype(np.float32)


def _between(values, count, axis):
    places = np.arange(count) / 8
    low = places.astype(int)
    shape = [1, 1, 1]
    shape[axis] = count
    share = (places - low).reshape(shape)
    below, above = (np.take(values, low + i, axis=axis) for i in (0, 1))
    return below * (1 - share) + above * share


if __name__ == "__main__":
    serve(make)
