"""The PyTorch program of the detection benchmark: torchvision's Mask R-CNN and its operators.

Spec: as of `detect_rival`. The masks stay 28x28, as ours do; torchvision would paste them.
"""

import numpy as np
import torch
import torchvision
from torchvision.models.detection import maskrcnn_resnet50_fpn

from benchmarks import drawn
from benchmarks.rivals import serve, timed

RATE, MOMENTUM, DECAY = 0.01, 0.9, 1e-4
_MEAN, _DEVIATION = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def make(spec):
    """The facts and commands of `serve`."""
    torch.set_num_threads(len(spec["cores"]))
    torch.manual_seed(0)
    if spec["mode"] == "nms":
        facts, call = {}, _nms(spec)
    elif spec["mode"].startswith("roi_align"):
        facts, call = {}, _roi_align(spec)
    else:
        facts, call = _network(spec)
    call()
    return facts, {"measure": lambda calls=1: timed(call, calls=calls)}


def _network(spec):
    network = maskrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=81,
        trainable_backbone_layers=5,
        min_size=min(spec["size"]),
        max_size=max(spec["size"]),
        image_mean=_MEAN,
        image_std=_DEVIATION,
        norm_layer=torchvision.ops.FrozenBatchNorm2d,
    ).to(memory_format=torch.channels_last)
    # What `trainable_backbone_layers=3` keeps fixed; without pretrained weights it is ignored.
    for name, parameter in network.backbone.body.named_parameters():
        if name.startswith(("conv1.", "layer1.")):
            parameter.requires_grad_(False)
    network.transform.postprocess = lambda found, *_: found
    image = torch.from_numpy(drawn.images(1, spec["size"])[0]).permute(2, 0, 1)
    if spec["mode"] == "training":
        return {}, _training(network.train(), image)
    network.eval()
    _spread(network, image, spec["spread"])

    def call():
        with torch.inference_mode():
            return network([image])[0]["masks"].numpy()

    return {"detections": len(call())}, call


def _spread(network, image, spread):
    scores = network.roi_heads.box_predictor.cls_score
    found = []
    hook = scores.register_forward_hook(lambda module, inputs, logits: found.append(logits))
    with torch.inference_mode():
        network([image])
    hook.remove()
    with torch.no_grad():
        scores.weight *= spread / float(np.std(found[0].numpy()))


def _training(network, image):
    height, width = image.shape[1:]
    boxes = torch.from_numpy(drawn.boxes(8, height, width))
    masks = torch.zeros([8, height, width], dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    target = {"boxes": boxes, "labels": torch.arange(1, 9), "masks": masks}
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)

    def call():
        loss = sum(network([image], [target]).values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        # Drawn weights: a step of any size would soon end in numbers that are none.
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return float(loss)

    return call


def _roi_align(spec):
    maps = torch.from_numpy(drawn.maps((1, *spec["map"], spec["channels"]))).permute(0, 3, 1, 2)
    boxes = torch.from_numpy(drawn.boxes(spec["boxes"], *(4 * side for side in spec["map"])))
    maps = maps.requires_grad_(spec["mode"].endswith("gradient"))

    def call():
        pooled = torchvision.ops.roi_align(maps, [boxes], spec["size"], 0.25, 2)
        if maps.requires_grad:
            return torch.autograd.grad(pooled.sum(), maps)[0].numpy()
        return pooled.numpy()

    return call


def _nms(spec):
    boxes = torch.from_numpy(drawn.boxes(spec["boxes"], 800, 1216))
    scores = torch.from_numpy(drawn.scores(spec["boxes"]))
    return lambda: torchvision.ops.nms(boxes, scores, 0.7).numpy()


if __name__ == "__main__":
    serve(make)
