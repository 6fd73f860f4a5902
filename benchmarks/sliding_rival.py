"""The programs of the sliding benchmark: one evaluation of one image, then the end.

Spec: kind (`ours`, `torch`), width, size of the image, scales, window_batch, base_size, crop,
classes. The peak of resident memory is that of the process, so each evaluation has its own.
"""

import resource
import time

import numpy as np

from benchmarks import drawn
from benchmarks.rivals import serve


def make(spec):
    """The facts and commands of `serve`."""
    image = drawn.images(1, spec["size"])[0] * np.float32(58.0) + np.float32(120.0)
    image = image.round().astype(np.uint8)
    predict = {"ours": _ours, "torch": _torch}[spec["kind"]](spec)
    before = _peak_bytes()

    def measure(calls=1):
        del calls  # one evaluation takes minutes
        begin = time.perf_counter()
        labels = predict(image)
        assert labels.shape == tuple(spec["size"])
        return {"seconds": time.perf_counter() - begin, "peak_bytes": _peak_bytes()}

    def save(path):
        np.save(path, predict(image))
        return {}

    return {"peak_bytes_before": before}, {"measure": measure, "outputs": save}


def _ours(spec):
    from lfp_tf.checkpoints.variables import assign, variables_by_name
    from lfp_tf.recipes import networks
    from lfp_tf.tasks.segmentation import prediction

    changes = {"task": {"model": {"width": spec["width"], "aux_head": True}}}
    changes["task"]["train_data"] = {"crop": spec["crop"]}
    changes["task"]["evaluation"] = {"base_size": spec["base_size"]}
    model = networks.build("pspnet50_cityscapes", changes=changes)
    variables = variables_by_name(model)
    assign(variables, {n: drawn.weight_of_ours(n, v.shape) for n, v in variables.items()})
    protocol = prediction.protocol_of(
        model.recipe,
        name="semseg",
        scales=tuple(spec["scales"]),
        window_batch=spec["window_batch"],
    )
    predict = prediction.predictor(model, protocol)
    return lambda image: predict(image)["labels"].numpy()


def _torch(spec):
    """`hszhao/semseg tool/test.py`: a window and its mirror image at a time, sums in float64."""
    import cv2
    import torch

    from benchmarks.opencv_transforms import MEAN, STD
    from benchmarks.torch_pspnet import PSPNet

    torch.set_num_threads(len(spec["cores"]))
    network = PSPNet(depth=50, classes=spec["classes"], width=spec["width"])
    state = {
        name: torch.from_numpy(drawn.weight(name, tuple(value.shape)))
        for name, value in network.state_dict().items()
        if not drawn.is_counter(name)
    }
    network.load_state_dict(state, strict=False)
    network.eval().to(memory_format=torch.channels_last)

    def window(pixels):
        tensor = torch.from_numpy(np.ascontiguousarray((pixels - MEAN) / STD, np.float32))
        tensor = tensor.permute(2, 0, 1)[None]
        with torch.inference_mode():
            seen = torch.softmax(network(torch.cat([tensor, tensor.flip(3)])), 1)
        return ((seen[0] + seen[1].flip(2)) / 2).permute(1, 2, 0).numpy()

    def at_scale(image, scale):
        height, width = image.shape[:2]
        long_side = round(scale * spec["base_size"])
        size = [long_side, long_side]
        size[int(height > width)] = round(long_side / max(height, width) * min(height, width))
        scaled = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
        missing = [max(side - own, 0) for side, own in zip(spec["crop"], size, strict=True)]
        (top, bottom), (left, right) = ((m // 2, m - m // 2) for m in missing)
        framed = cv2.copyMakeBorder(
            scaled, top, bottom, left, right, cv2.BORDER_CONSTANT, value=MEAN
        )
        seen = _slide(window, framed, spec["crop"], spec["classes"])
        seen = seen[top : top + size[0], left : left + size[1]]
        return cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR)

    def predict(pixels):
        image = pixels.astype(np.float32)
        total = sum(at_scale(image, scale) for scale in spec["scales"])
        return np.argmax(total, axis=2)

    return predict


def _slide(window, framed, crop, classes):
    height, width = framed.shape[:2]
    total, count = np.zeros((height, width, classes)), np.zeros((height, width))
    for top in _starts(height, crop[0]):
        for left in _starts(width, crop[1]):
            place = slice(top, top + crop[0]), slice(left, left + crop[1])
            total[place] += window(framed[place])
            count[place] += 1
    return total / count[..., None]


def _starts(length, crop):
    stride = -(-2 * crop // 3)
    count = -(-(length - crop) // stride) + 1
    return [min(number * stride, length - crop) for number in range(count)]


def _peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    serve(make)
