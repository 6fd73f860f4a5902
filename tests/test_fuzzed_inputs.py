"""Inputs with random damage: what comes out is a value or one sentence of ours, in little memory.

Checkpoints stand in tests/checkpoints/formats/test_fuzzed_files.py.
"""

import io
import json
import pathlib
import random
import resource
import time

import numpy as np
import pytest
import scipy.io
import yaml
from damage import damaged
from PIL import Image
from words import parsed

from lfp_tf.data.datasets.matlab_labels import read_matlab_labels
from lfp_tf.data.datasets.matlab_tree import read_matlab_tree
from lfp_tf.data.datasets.people_files import read_json
from lfp_tf.data.description import FORMAT, read_dataset
from lfp_tf.data.example import encode_example
from lfp_tf.data.records import read_record, record_index
from lfp_tf.data.tfrecord import frame
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import image_size, plain_format, read_colors, read_image, read_labels
from lfp_tf.images.skeleton import JOINTS
from lfp_tf.recipes.overrides import read_yaml
from lfp_tf.tasks.pose.arguments import read_annotations

MAX_PIXELS = 1_000_000
SECONDS_EACH = 5
MOST_KILOBYTES = 300_000  # What all of a test may add to the process.
JOINT_NAMES = JOINTS["lsp"]


def image_files():
    """{name: bytes} of every format, with and without what makes it odd."""
    rgb = Image.fromarray(np.random.RandomState(0).randint(0, 256, (24, 31, 3), np.uint8))
    files = {}

    def add(name, image, kind, **options):
        stream = io.BytesIO()
        image.save(stream, kind, **options)
        files[name] = stream.getvalue()

    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"):
        add(f"rgb.{kind}", rgb, kind)
        add(f"grey.{kind}", rgb.convert("L"), kind)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        add(f"turned.{kind}", rgb, kind, exif=exif)
    add("palette.png", rgb.convert("P"), "PNG", transparency=1)
    add("deep.png", Image.fromarray(np.arange(600, dtype=np.uint16).reshape(20, 30)), "PNG")
    add("moving.gif", rgb, "GIF", save_all=True, append_images=[rgb.rotate(90)], disposal=2)
    add("moving.webp", rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)])
    add("moving.png", rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)])
    add("cmyk.jpg", rgb.convert("CMYK"), "JPEG")
    for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        add(f"{name}.tif", rgb, "TIFF", compression=name)
    add("bits.tif", rgb.convert("1"), "TIFF", compression="group4")
    return files


def read_every_way(path):
    for read in (image_size, read_image, read_labels, read_colors, plain_format):
        _answered(lambda read=read: read(path, max_pixels=MAX_PIXELS), path)


def record_files():
    features = {"a": b"x" * 30, "numbers": [1, -2, 300], "floats": [0.5, 1.5], "none": []}
    records = [encode_example(features | {"number": number}) for number in range(5)]
    return {"train-00000-of-00001.tfrecord": b"".join(map(frame, records))}


def read_all_records(path):
    def read():
        index = record_index(path.parent, "train")
        return [read_record(index, number) for number in range(len(index))]

    _answered(read, path)


def examples():
    """A record whose frame is whole, so that the damage reaches the message."""
    return {"example": encode_example({"a": b"x" * 30, "n": [1, -2, 300], "f": [0.5, 1.5]})}


def read_example(path):
    folder = path.parent / "whole"
    folder.mkdir(exist_ok=True)
    shard = folder / "train-00000-of-00001.tfrecord"
    shard.write_bytes(frame(path.read_bytes()))
    _answered(lambda: read_record(record_index(folder, "train"), 0), shard)


def dataset_files():
    splits = {"train": {"count": 3, "same_size": True, "label_pixels": [1, 2]}}
    content = {
        "format": FORMAT,
        "format_version": 2,
        "name": "mine",
        "ignore_label": 255,
        "classes": ["a", "b"],
        "colors": [[0, 0, 0], [1, 1, 1]],
        "splits": splits,
        "tasks": ["segmentation"],
    }
    return {"dataset.json": json.dumps(content).encode()}


def people_files():
    points = np.random.RandomState(0).uniform(5, 25, (14, 2)).round(1).tolist()
    ours = {"image": "a.png", "joints": points, "visible": [1] * 14, "center": [3, 4], "scale": 1.5}
    theirs = {
        "joint_self": [[*point, 1] for point in points],
        "img_paths": "a.png",
        "objpos": [3, 4],
        "scale_provided": 1.5,
        "isValidation": 0,
    }
    contents = {"ours": {"joint_names": list(JOINT_NAMES), "train": [ours]}, "theirs": [theirs]}
    return {f"{name}.json": json.dumps(content).encode() for name, content in contents.items()}


def read_people(path):
    _answered(lambda: read_json(path, JOINT_NAMES), path)
    words = parsed("predict", "--people", str(path))
    _answered(lambda: read_annotations(words, []), path)


def matlab_files():
    tree = {"a": 2.5, "t": "text", "m": np.eye(3), "c": np.array(["x", {"d": 1.0}], object)}
    files = {}
    for compressed in (False, True):
        for name, value in (("S", np.arange(600, dtype=np.uint8).reshape(20, 30)), ("R", tree)):
            stream = io.BytesIO()
            scipy.io.savemat(stream, {name: value}, do_compression=compressed)
            files[f"{name}{compressed}.mat"] = stream.getvalue()
    return files


def read_matlab(path):
    _answered(lambda: read_matlab_tree(path, path.name[0]), path)
    _answered(lambda: read_matlab_labels(path, max_pixels=MAX_PIXELS), path)


def yaml_files():
    fields = {"trainer": {"steps": 7, "rate": 1e-3, "list": [1, "a", None, True]}, "task": {}}
    odd = "a: &b [1, 2001-12-14, !!int '3']\nc: *b\n<<: {d: 1e-3}\n? [x]\n: !!binary aGk=\n"
    return {"mine.yaml": yaml.safe_dump(fields).encode(), "odd.yaml": odd.encode()}


KINDS = {
    "images": (image_files, read_every_way),
    "records": (record_files, read_all_records),
    "examples": (examples, read_example),
    "dataset.json": (
        dataset_files,
        lambda path: _answered(lambda: read_dataset(path.parent), path),
    ),
    "people": (people_files, read_people),
    "matlab": (matlab_files, read_matlab),
    "yaml": (yaml_files, lambda path: _answered(lambda: read_yaml(path), path)),
}
ROUNDS = {"images": 150, "matlab": 200, "yaml": 150}
_counts = {"read": 0, "refused": 0}


def _answered(read, path):
    """Calls a reader; what it may raise is one sentence that names the file."""
    try:
        read()
    except LfpError as error:
        assert path.name in str(error) and "\n" not in str(error), str(error)
        _counts["refused"] += 1
    else:
        _counts["read"] += 1


def attack(folder, kind, rounds, seed):
    make, read = KINDS[kind]
    files, draw = make(), random.Random(seed)
    others = list(files.values())
    _counts.update(read=0, refused=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(rounds):
        name = draw.choice(sorted(files))
        path = pathlib.Path(folder) / name
        path.write_bytes(damaged(files[name], others, draw))
        start = time.process_time()
        try:
            read(path)
        except Exception as error:
            raise AssertionError((kind, seed, number, name)) from error
        assert time.process_time() - start < SECONDS_EACH, (kind, seed, number, name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_KILOBYTES
    # Checksums let no damaged shard through.
    assert _counts["refused"] > rounds // 10 and (_counts["read"] > 0 or kind == "records")


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_end_in_a_value_or_one_sentence(tmp_path, kind):
    attack(tmp_path, kind, ROUNDS.get(kind, 300), 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_inputs(tmp_path, kind, seed):
    attack(tmp_path, kind, 10_000, seed)
