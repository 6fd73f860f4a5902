"""How quick is Mask R-CNN R-50-FPN, beside torchvision's and the host's own?

Inference and a training step, RoIAlign and NMS alone, and the input pipeline beside pycocotools and
OpenCV in a loop; on drawn scenes, with drawn weights. The host's network needs a square of one
size, so it gets one of equal area. Detections of drawn weights would be none or all: the kernel of
the class scores is scaled until they spread as much in every rival (`SPREAD`).
"""

import json
import pathlib
import tempfile

import numpy as np

from benchmarks import drawn, rivals, table
from benchmarks.pipeline import draw
from lfp_tf.data.census import take_census
from lfp_tf.data.datasets import coco_json
from lfp_tf.data.prepare import write_plan
from lfp_tf.images.video import encode_jpeg

# Standard deviation of the class logits over proposals and classes.
SPREAD = 0.8
# (height, width) of ours and torchvision's, side of the host's square.
SIZES = {"inference": ((800, 1333), 1024), "training": ((512, 512), 512)}
QUICK = {"inference": ((96, 128), 128), "training": ((128, 128), 128)}
# Boxes, channels and map of RoIAlign; boxes of NMS.
ROIS = {"boxes": 512, "size": 7, "channels": 256, "map": (200, 304)}
NMS_BOXES = (1000, 2000)
# Objects of an image and corners of each, of the input pipeline.
OBJECTS, CORNERS = 7, 20
# Images of the input pipeline, (height, width), and short and longest side they are scaled to.
PIPELINE = ((480, 640), 32, 800, 1333)
QUICK_PIPELINE = ((96, 128), 4, 64, 96)


def run(options):
    """Measures and reports; `options` are those of `python -m benchmarks`."""
    comparisons, facts = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for mode, (size, square) in (QUICK if options.quick else SIZES).items():
            records = draw(pathlib.Path(folder) / mode, size, 2)["records"]
            spec = {"mode": mode, "size": size, "records": records, "spread": SPREAD}
            with rivals.running(*_networks(spec, square, options)) as found:
                seconds = rivals.interleave(found, rounds=options.rounds, calls=options.calls)
                facts[mode] = {rival.name: rival.facts for rival in found}
            comparisons.append(table.compare(f"Mask R-CNN R-50-FPN, {mode}, {size}", seconds))
        comparisons += _operators(options)
        comparisons.append(_pipeline(pathlib.Path(folder) / "pipeline", options))
    table.report("detect", comparisons, out=options.out, threads=len(options.cores), facts=facts)


def _networks(spec, square, options):
    yield _ours("ours", spec | {"network": "ours"}, options)
    yield from _torch("torchvision, channels last", spec, options)
    yield _ours("host's Mask R-CNN", spec | {"network": "host", "square": square}, options)


def _operators(options):
    rois = ROIS | ({"boxes": 16, "map": (20, 30)} if options.quick else {})
    specs = {
        f"RoIAlign of {rois['boxes']} boxes, {kind}": rois | {"mode": f"roi_align {kind}"}
        for kind in ("forward", "and gradient")
    }
    specs |= {f"NMS of {n} boxes": {"mode": "nms", "boxes": n} for n in NMS_BOXES}
    for title, spec in specs.items():
        pair = [_ours("ours", spec, options), *_torch("torchvision", spec, options)]
        with rivals.running(*pair) as found:
            yield table.compare(
                title, rivals.interleave(found, rounds=options.rounds, calls=5 * options.calls)
            )


def _pipeline(folder, options):
    size, count, short_side, max_size = QUICK_PIPELINE if options.quick else PIPELINE
    source = _coco_file(folder / "source", size, count)
    records = folder / "records"
    plan = coco_json.plan(source)
    write_plan(plan, take_census(plan), records)
    spec = {"short_side": short_side, "max_size": max_size, "batch": 2}
    spec |= {"records": str(records), "source": str(source)}
    pair = [
        rivals.Rival(name, "benchmarks.detect_input_rival", spec | {"kind": kind}, cores=cores)
        for name, kind, cores in (
            ("ours", "ours", options.cores[:1]),
            ("pycocotools, OpenCV", "loop", options.cores[:1]),
        )
    ]
    with rivals.running(*pair) as found:
        seconds = rivals.interleave(found, rounds=options.rounds, calls=2 if options.quick else 10)
    title = f"2 images of {size} and their objects for training, one core"
    return table.compare(title, seconds, unit="s", amounts=dict.fromkeys(seconds, 2))


def _coco_file(folder, size, count):
    """A folder with images and polygons as COCO has them: seven objects of twenty corners each."""
    (folder / "train").mkdir(parents=True)
    height, width = size
    images, annotations = [], []
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    for number in range(count):
        name = f"{number}.jpg"
        (folder / "train" / name).write_bytes(encode_jpeg(drawn.photo(number, size)))
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        for box in drawn.boxes(OBJECTS * count, height, width)[number::count]:
            centre, radii = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
            corners = centre + radii * np.stack([np.cos(angles), np.sin(angles)], axis=1)
            x, y, w, h = (float(value) for value in (*box[:2], *(2 * radii)))
            row = {"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": 0}
            row |= {"segmentation": [corners.round(2).ravel().tolist()], "bbox": [x, y, w, h]}
            annotations.append(row | {"area": float(np.pi * radii.prod())})
    categories = [{"id": 1, "name": "thing"}]
    whole = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances_train.json").write_text(json.dumps(whole))
    return folder


def _ours(name, spec, options):
    return rivals.Rival(name, "benchmarks.detect_rival", spec, cores=options.cores)


def _torch(name, spec, options):
    if options.torch_python:
        yield rivals.Rival(
            name,
            "benchmarks.torch_detect_rival",
            spec,
            python=options.torch_python,
            cores=options.cores,
        )
