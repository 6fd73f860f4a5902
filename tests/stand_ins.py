"""Small stand-ins for what a command names: recipes, records, sources, weights, images."""

import dataclasses
import pathlib
import re

import numpy as np
import tensorflow as tf
from dataset_trees import ALL_TREES, leeds, save, shards
from drawn_video import numbered_frames, write_mp4
from page_commands import ROOT, command, parser
from PIL import Image
from small_network import random_images, save_npz
from small_recipes import changes, records_of

from lfp_tf.checkpoints.formats.detectron import write_detectron
from lfp_tf.checkpoints.presets import merge
from lfp_tf.checkpoints.surgery import with_classes
from lfp_tf.cli import demo
from lfp_tf.cli.convert import write_folder
from lfp_tf.cli.main import main, run_command
from lfp_tf.data.datasets import scenes
from lfp_tf.errors import WorkFailed
from lfp_tf.parity import runner
from lfp_tf.recipes import experiments, networks
from lfp_tf.recipes.shipped import shipped_names
from lfp_tf.tasks.catalog import SEGMENTATION

COUNTS = (4, 2, 2)
OWN_CLASSES = {"task": {"model": {"classes": 3}}}
OF_ONES_OWN = ("folder", "coco_json", "visual_genome")
VIDEOS = (".mp4", ".avi")
# Words that ask for much, or for a place of the reader's machine, and what becomes of them.
SMALLER = (
    (r"(?<=trainer\.train_steps=)\d+", "2"),
    (r"(?<=trainer\.validation_interval=)\d+", "2"),
    (r"(?<=task\.train_data\.crop=)\[\d+,\d+\]", "[41,41]"),
    (r"^\d+,\d+,\d+$", ",".join(map(str, COUNTS))),
    (r"^/(?=data/)", "disk/"),
)
_READ, _FIND_CASES = experiments.read, runner.find_cases


def use_small(monkeypatch):
    """Recipes are small, scenes and cases of parity few, and the demo stays in this process."""
    monkeypatch.setattr(experiments, "read", _read_small)
    monkeypatch.setitem(scenes.plan.__kwdefaults__, "counts", COUNTS)
    monkeypatch.setattr(demo, "_call", _call)
    monkeypatch.setattr(runner, "find_cases", lambda *a, **more: _FIND_CASES(*a, **more)[:1])


def _read_small(name, **options):
    experiment = _READ(name, **options)
    small = changes(experiment)
    if name in shipped_names():  # Its weights are as they ship.
        small["task"]["model"] = {}
    if name.endswith("resnet50_small"):  # PSPNets on CamVid begin with its whole backbone.
        small["task"]["model"].pop("blocks")
    if experiment.task is SEGMENTATION:  # Windows of a small crop over a large image are many.
        small["task"].setdefault("evaluation", {})["base_size"] = 65
    return dataclasses.replace(experiment, config=merge(experiment.config, small))


def _call(program, *words):
    """One command of the demo, which ends with it as it does where it is a process."""
    _, *words = [program, *map(str, words)]
    verb, *words = words
    status = run("train" if verb.endswith("train.py") else verb, words)
    if status:
        raise WorkFailed(f"{verb} {words} ended with {status}")


def run(verb, words):
    """The exit status of a command, run in this process."""
    return main([verb, *words])


def smaller(words):
    """The words of a command with smaller numbers, and absolute places below this one."""
    for pattern, replacement in SMALLER:
        words = [re.sub(pattern, replacement, word) for word in words]
    return words


def run_line(line):
    """Makes what a printed or documented line names, runs it, and gives its exit status."""
    verb, words = command(line)
    words = smaller(words)
    provide(verb, words)
    for start, script in (("python train.py", "train.py"), ("python export", "export.py")):
        if line.startswith(start):
            return run_command(verb, words, program=script)
    return run(verb, words)


def provide(verb, words):
    """Makes what a command reads and what is not there yet, in the working directory."""
    given = parser(verb).parse_args(words)
    kinds = {
        "data": _provide_source,
        "train": _provide_training,
        "evaluate": _provide_evaluation,
        "predict": _provide_prediction,
        "export": _provide_checkpoint,
        "convert": _provide_conversion,
        "inspect": lambda given: _weights(given.file, "pspnet18_scenes"),
        "parity": _provide_cases,
    }
    if verb in kinds:
        kinds[verb](given)


def _provide_source(given):
    if not given.source or pathlib.Path(given.source).exists():
        return
    source = pathlib.Path(given.source)
    source.parent.mkdir(parents=True, exist_ok=True)
    if given.dataset == "folder":
        values = [int(pair.split("=")[0]) for pair in (given.values or "0=,1=").split(",")]
        own_images(source, values)
    elif given.dataset == "lsp" and source.name == "lspet_dataset":
        leeds(source.parent, source.name)
    elif "tfrecords" in source.name:
        shards(source, [1, 2, 1000])
    else:
        ALL_TREES[given.dataset](source)


def own_images(folder, values=(0, 1)):
    """Five images with labels of these values, not divided into splits."""
    for number, image in enumerate(random_images(*[(49, 65)] * 5)):
        labels = np.resize(np.repeat(values, 8), image.shape[:2])
        save(folder / f"images/{number}.jpg", image)
        save(folder / f"labels/{number}.png", labels)


def _provide_training(given):
    if given.list:
        return
    experiment = experiments.read(given.experiment, preset=given.preset, training=True)
    _provide_records(experiment, given.data_dir)
    if given.init:
        _weights(given.init, given.experiment, given.preset)


def _provide_evaluation(given):
    experiment = experiments.read(given.experiment, preset=given.preset)
    _provide_records(experiment, given.data_dir, given.split)
    _provide_checkpoint(given)


def _provide_records(experiment, data_dir, *more):
    folder = pathlib.Path(data_dir or f"data/{experiment.dataset}")
    if not folder.exists():
        # The usual split of `evaluate` comes by its own word only: it may be missing.
        splits = [split for split in more if split != "val"]
        records_of(experiment, folder, more=splits)


def _provide_checkpoint(given):
    if given.checkpoint:
        _weights(given.checkpoint, given.experiment, given.preset)


def _provide_prediction(given):
    if given.saved_model and not pathlib.Path(given.saved_model).exists():
        words = "--experiment pspnet18_scenes --checkpoint exported_from --export_dir"
        _weights("exported_from", "pspnet18_scenes")
        assert run("export", [*words.split(), given.saved_model]) == 0
    elif given.checkpoint:
        _provide_checkpoint(given)
    for name in given.inputs:
        _provide_input(pathlib.Path(name))


def _provide_input(path):
    if path.exists():
        return
    (image,) = random_images((49, 65))
    if path.suffix in VIDEOS:
        write_mp4(path, numbered_frames(3))
    elif path.suffix:
        Image.fromarray(image).save(path)
    else:
        save(path / "inside.png", image)


def _provide_conversion(given):
    if given.classes is None:
        _weights(given.file, given.experiment, given.preset)
    elif not pathlib.Path(given.file).exists():
        # As many classes as Visual Genome has, or as COCO where the others are to be put back.
        rows = {"cls_score": 3002, "bbox_pred": 4 * 3002}
        blobs = {f"{name}_w": np.zeros((count, 2), "f4") for name, count in rows.items()}
        blobs |= {f"{name}_b": np.zeros(count, "f4") for name, count in rows.items()}
        if int(given.classes) == 3001:
            blobs = with_classes(blobs, 80, file=given.file)
        write_detectron(given.file, blobs)


def _provide_cases(given):
    for folder in given.folders:
        place = pathlib.Path(folder)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(ROOT / folder)


def _weights(name, experiment, preset=None):
    """A checkpoint of a small network: a run's folder, a prefix, or a file under any name."""
    path = pathlib.Path(name)
    if path.exists() or name in shipped_names():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if re.search(r"\.ckpt-\d+$", name):
        tf.train.Checkpoint(kernel=tf.Variable([1.0])).write(name)
        return
    is_run = path.parent.name == "runs"
    # A folder of runs is called as its experiment.
    if is_run and path.name in experiments.paths():
        experiment = path.name
    recipe = experiments.read(experiment)
    has_own = recipe.dataset in OF_ONES_OWN and not recipe.config["task"]["model"].get("classes")
    model = networks.build(experiment, preset=preset, changes=OWN_CLASSES if has_own else None)
    # The content tells what a file is, so ours may bear the name of another program's.
    write_folder(path, model) if is_run else save_npz(model, path)
