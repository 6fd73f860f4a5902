"""`lfp-tf export` and its script: a version a call, mistakes in a sentence before TensorFlow."""

import json

import tensorflow as tf
import tiny
from small_network import random_images

from lfp_tf.cli.main import main
from lfp_tf.files import sha256
from lfp_tf.tasks.segmentation.prediction import predictor, protocol_of


def test_it_writes_one_version_after_the_other(network, tmp_path, capsys):
    model, folder = network
    (folder / "evaluation").mkdir(exist_ok=True)
    (folder / "evaluation" / "metrics.json").write_text('{"split": "val", "scores": {"all": 1}}')
    words = ["export", "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    words += [f"--export_dir={tmp_path}", "--max_pixels=5000"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / '1'}\n"
    assert f"next: lfp-tf predict --saved_model {tmp_path / '1'}" in said.err
    assert main([*words, "--version=7", "--flip", "--no-optimize", "--input_size=33,41"]) == 0
    facts = json.loads((tmp_path / "7" / "export.json").read_text())
    assert facts["limits"] == {
        "max_pixels": 5000,
        "max_batch": 16,
        "input_size": [33, 41],
        "max_boxes": 100,
    }
    assert facts["protocol"]["flip"] == "softmax" and facts["batch_norm_folded"] is False
    assert facts["scores"] == {"scores": {"all": 1}, "split": "val"}
    digests = facts["checkpoint"]["sha256"]
    assert digests["ckpt-0.index"] == sha256(folder / "ckpt-0.index") and len(digests) == 2
    (image,) = random_images((33, 41))
    predict = predictor(model, protocol_of(model.recipe, name="whole", flip="softmax"))
    loaded = tf.saved_model.load(str(tmp_path / "7"))
    labels = loaded.signatures["images"](images=tf.constant(image[None]))["labels"][0]
    assert (labels.numpy() == predict(tf.constant(image))["labels"].numpy()).mean() > 0.999
    assert main([*words, "--version=7"]) == 2
    assert f"{tmp_path / '7'} exists already; leave --version out." in capsys.readouterr().err


def test_mistakes_are_sentences(tmp_path, capsys):
    given = ["--experiment=pspnet18_scenes", f"--checkpoint={tmp_path}", "--export_dir=x"]
    for words, sentence in (
        (given[:2], "--export_dir is missing"),
        ([*given, "--dtype=float16"], '--dtype is "float16", but must be float32 or bfloat16.'),
        ([*given, "--version=0"], "--version must be at least 1, not 0."),
        ([*given, "--max_batch=0"], "--max_batch must be at least 1, not 0."),
        ([*given, "--input_size=3x4"], "--input_size 3x4 must be HEIGHT,WIDTH"),
        (
            [*given, "--protocol=matlab"],
            'No protocol "matlab" here. There are whole, deeplab, semseg.',
        ),
        (["--experiment=pspnet50_voc", "--export_dir=x"], "no trained pspnet50_voc ships"),
        (["--experiment=pspnet50_voc", "--checkpoint=no", "--export_dir=x"], "no does not exist"),
    ):
        assert main(["export", *words]) == 2
        assert sentence in capsys.readouterr().err, words


def test_the_script_is_the_command(tmp_path):
    done = tiny.run(tiny.ROOT / "export" / "export_saved_model.py", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: export_saved_model.py") and "--max_pixels" in done.stdout
