"""Images of every odd kind through `lfp-tf predict`, from a checkpoint and from an export."""

import io
import json
import os

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_network import random_images

from lfp_tf.cli.items import find_items
from lfp_tf.cli.main import main
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import read_image, read_labels
from lfp_tf.images.geometry import resize_labels, resize_long_side
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, refine
from lfp_tf.tasks.segmentation.prediction import predictor, protocol_of


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A folder of odd images, three of which cannot be read."""
    folder = tmp_path_factory.mktemp("odd")
    (image,) = random_images((33, 41))
    whole = Image.fromarray(image)
    whole.save(folder / "plain.png")
    whole.convert("L").save(folder / "grey.png")
    whole.convert("CMYK").save(folder / "cmyk.jpg")
    whole.convert("RGBA").save(folder / "alpha.png")
    Image.fromarray(image[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    whole.save(folder / "turned.jpg", exif=exif)
    (folder / "inner").mkdir()
    Image.fromarray(image[:1, :1]).save(folder / "inner" / "pixel.png")
    stream = io.BytesIO()
    whole.save(stream, "PNG")
    (folder / "cut.png").write_bytes(stream.getvalue()[:200])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "qoi.png").write_bytes(b"qoif\0\0\0\4\0\0\0\4\3\0\xfe\1\2\3")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_odd_images_are_done_bad_ones_named_and_the_rest_goes_on(network, odd, tmp_path, capsys):
    model, folder = network
    words = ["predict", str(odd), "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, f"--out={tmp_path}"]) == 1
    said = capsys.readouterr()
    assert f"{odd / 'cut.png'} cannot be read: it is cut short." in said.err
    assert f"{odd / 'empty.jpg'} is empty." in said.err
    assert f"{odd / 'qoi.png'} is no image of a format that can be read (JPEG, PNG" in said.err
    assert said.err.rstrip().endswith("3 of 10 images were refused; they are named above.")
    names = ["alpha", "cmyk", "deep", "grey", "inner/pixel", "plain", "turned"]
    assert said.out.split() == [str(tmp_path / f"{name}.labels.png") for name in names]
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    for path in (odd / "plain.png", odd / "turned.jpg", odd / "cmyk.jpg"):
        labels = read_labels(str(tmp_path / f"{path.stem}.labels.png"))
        expected = predict(tf.constant(read_image(str(path))))["labels"]
        np.testing.assert_array_equal(labels, expected)
    assert read_labels(str(tmp_path / "turned.labels.png")).shape == (41, 33)
    assert read_labels(str(tmp_path / "inner" / "pixel.labels.png")).shape == (1, 1)
    assert not (tmp_path / "cut.json").exists()


def test_a_name_that_is_no_utf8_is_written_as_it_is(network, odd, tmp_path, capsys):
    _, folder = network
    path = tmp_path / os.fsdecode(b"\xff.png")
    path.write_bytes((odd / "plain.png").read_bytes())
    words = ["predict", str(path), "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, f"--out={tmp_path / 'out'}"]) == 0
    (facts,) = (json.loads(file.read_text()) for file in (tmp_path / "out").glob("*.json"))
    assert facts["file"] == str(path)
    assert "\\udcff.labels.png" in capsys.readouterr().out


def test_the_json_tells_classes_by_share(network, odd, tmp_path):
    _, folder = network
    words = ["predict", str(odd / "plain.png"), "--experiment=pspnet18_scenes"]
    words += [f"--checkpoint={folder}", f"--out={tmp_path}", "--flip", "--scales", "0.5,1"]
    assert main(words) == 0
    facts = json.loads((tmp_path / "plain.json").read_text())
    labels = read_labels(str(tmp_path / "plain.labels.png"))
    assert (facts["height"], facts["width"]) == labels.shape == (33, 41)
    assert facts["protocol"] == {
        "name": "whole", "flip": "softmax", "scales": [0.5, 1.0], "logits_resize": "align_corners",
    }  # fmt: skip
    assert sum(entry["pixels"] for entry in facts["classes"]) == labels.size
    for entry in facts["classes"]:
        assert entry["pixels"] == np.sum(labels == entry["id"])
    shares = [entry["share"] for entry in facts["classes"]]
    assert shares == sorted(shares, reverse=True) and facts["seconds"] > 0
    drawn = read_image(str(tmp_path / "plain.overlay.png"))
    assert drawn.shape[0] > 33  # The legend lies below.


def exported(folder, place, *words):
    network = ["--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main(["export", *network, f"--export_dir={place}", *words]) == 0


def test_an_export_predicts_what_its_network_does(network, odd, tmp_path, capsys):
    _, folder = network
    exported(folder, tmp_path / "export", "--max_pixels=2000")
    (large,) = random_images((50, 60))
    Image.fromarray(large).save(tmp_path / "large.png")
    inputs = [str(odd / "plain.png"), str(tmp_path / "large.png")]
    words = ["predict", *inputs, f"--saved_model={tmp_path / 'export'}"]
    assert main([*words, f"--out={tmp_path / 'a'}"]) == 1
    assert (
        f"{tmp_path / 'large.png'}: The image has 60x50 pixels, but at most 2000 are served"
        in capsys.readouterr().err
    )
    words = ["predict", inputs[0], "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, f"--out={tmp_path / 'b'}"]) == 0
    one, other = (read_labels(str(tmp_path / name / "plain.labels.png")) for name in "ab")
    np.testing.assert_array_equal(one, other)


def test_results_are_overwritten_only_when_told(network, odd, tmp_path, capsys):
    _, folder = network
    (tmp_path / "plain.json").write_text("mine")
    words = ["predict", str(odd / "plain.png"), "--experiment=pspnet18_scenes"]
    words += [f"--checkpoint={folder}", f"--out={tmp_path}"]
    assert main(words) == 2
    assert "plain.json exists already; give another --out, or --overwrite." in (
        capsys.readouterr().err
    )
    assert (tmp_path / "plain.json").read_text() == "mine"
    assert main([*words, "--overwrite"]) == 0
    assert json.loads((tmp_path / "plain.json").read_text())["width"] == 41


def test_images_that_differ_in_their_ending_keep_it(tmp_path):
    for name in ("a.png", "a.jpg", "b.png", "inner/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    items = find_items([str(tmp_path)], tmp_path / "out")
    names = [str(item.target.relative_to(tmp_path / "out")) for item in items]
    assert names == ["a.jpg", "a.png", "b", "inner/a"]
    with pytest.raises(LfpError, match="Two inputs would both be written as a.png"):
        find_items([str(tmp_path / "a.png"), str(tmp_path / "inner" / "a.png")], tmp_path / "out")


def test_hidden_files_of_a_folder_are_no_inputs(tmp_path):
    for name in ("a.png", "._a.png", ".ipynb_checkpoints/a.png", "b/.c/d.png"):
        (tmp_path / ".data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".data" / name).write_text("")
    items = find_items([str(tmp_path / ".data")], tmp_path / "out")
    assert [item.source.name for item in items] == ["a.png"]


def test_images_smaller_than_a_crop_are_padded_to_it(network, tmp_path):
    model, folder = network
    (image,) = random_images((10, 12))
    Image.fromarray(image).save(tmp_path / "small.png")
    words = ["predict", str(tmp_path / "small.png"), "--experiment=pspnet18_scenes"]
    words += [f"--checkpoint={folder}", f"--out={tmp_path}", "--protocol=semseg"]
    assert main([*words, "--scales", "0.5", "1"]) == 0
    chosen = protocol_of(model.recipe, name="semseg", scales=(0.5, 1.0))
    expected = predictor(model, chosen)(tf.constant(image))["labels"]
    np.testing.assert_array_equal(read_labels(str(tmp_path / "small.labels.png")), expected)


def test_the_network_sees_the_long_side_and_labels_come_back(network, odd, tmp_path):
    model, folder = network
    words = ["predict", str(odd / "plain.png"), "--experiment=pspnet18_scenes"]
    words += [f"--checkpoint={folder}", f"--out={tmp_path}", "--long_side=64"]
    assert main(words) == 0
    small = resize_long_side(read_image(str(odd / "plain.png")), 64)
    assert small.shape == (52, 64, 3)
    prediction = predictor(model, protocol_of(model.recipe, name="whole"))(tf.constant(small))[
        "labels"
    ]
    labels = read_labels(str(tmp_path / "plain.labels.png"))
    np.testing.assert_array_equal(labels, resize_labels(prediction.numpy(), (33, 41)))
    facts = json.loads((tmp_path / "plain.json").read_text())
    assert facts["long_side"] == 64 and facts["height"] == 33


@pytest.mark.parametrize("processes", [0, 2])
def test_the_crf_refines_at_the_networks_size(network, odd, tmp_path, processes):
    model, folder = network
    inputs = [str(odd / name) for name in ("plain.png", "cut.png", "turned.jpg")]
    words = ["predict", *inputs, "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    words += [f"--out={tmp_path}", "--long_side=30", "--crf", "--crf_preset=seed"]
    assert main([*words, f"--crf_processes={processes}"]) == 1
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    for path in (odd / "plain.png", odd / "turned.jpg"):
        image = read_image(str(path))
        small = resize_long_side(image, 30)
        probabilities = predict(tf.constant(small))["probabilities"].numpy()
        refined = refine(probabilities, small, PRESETS["seed"]).argmax(axis=-1)
        labels = read_labels(str(tmp_path / f"{path.stem}.labels.png"))
        np.testing.assert_array_equal(labels, resize_labels(refined, image.shape[:2]))
    facts = json.loads((tmp_path / "plain.json").read_text())
    assert facts["crf"]["bi_xy_std"] == 49 and facts["seconds"] > 0


def test_the_crf_takes_scores_and_exports_too(network, odd, tmp_path):
    model, folder = network
    (image,) = random_images((33, 41))
    given = ["predict", str(odd / "plain.png"), "--crf"]
    words = [*given, "--experiment=pspnet18_scenes", f"--checkpoint={folder}"]
    assert main([*words, "--protocol=tf1_whole", f"--out={tmp_path / 'a'}"]) == 0
    chosen = protocol_of(model.recipe, name="tf1_whole")
    scores = predictor(model, chosen)(tf.constant(image))["scores"]
    expected = refine(tf.nn.softmax(scores).numpy(), image).argmax(axis=-1)
    np.testing.assert_array_equal(read_labels(str(tmp_path / "a" / "plain.labels.png")), expected)
    exported(folder, tmp_path / "export")
    words = [*given, f"--saved_model={tmp_path / 'export'}", f"--out={tmp_path / 'b'}"]
    assert main(words) == 0
    predict = predictor(model, protocol_of(model.recipe, name="whole"))
    expected = refine(predict(tf.constant(image))["probabilities"].numpy(), image).argmax(axis=-1)
    labels = read_labels(str(tmp_path / "b" / "plain.labels.png"))
    # Folding rounds otherwise where two classes are equal.
    assert np.mean(labels == expected) > 0.99


def test_mistakes_are_told_before_tensorflow_is_loaded(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    image = tmp_path / "a.png"
    image.write_text("")
    video = tmp_path / "a.mp4"
    video.write_text("no video")
    network = ["--experiment=pspnet18_scenes", f"--checkpoint={tmp_path}"]
    given = [*network, "--out=x"]
    for words, sentence in (
        ([str(image)], "--out is missing"),
        ([str(image), "--out=x"], "--experiment is missing"),
        ([str(image), "--experiment=pspnet18_scen", "--out=x"], "Did you mean"),
        ([str(image), *given, "--protocol=semsec"], 'Did you mean "semseg"?'),
        ([str(image), *given, "--scales", "0"], "--scales 0 must be numbers above 0"),
        ([str(tmp_path / "no.png"), *given], "There is no image, video or folder"),
        ([str(tmp_path / "empty"), *given], "holds no images"),
        ([str(image), "--saved_model=no", "--out=x"], "--saved_model no does not exist"),
        (
            [str(image), f"--saved_model={tmp_path / 'empty'}", "--out=x"],
            "holds no export.json",
        ),
        ([str(image), "--saved_model=no", "--flip", "--out=x"], "--flip is fixed"),
        (given, "Nothing to predict; give images, videos, folders, or --camera 0."),
        ([str(image), *given, "--long_side=0"], "--long_side must be at least 1, not 0."),
        ([str(image), *given, "--crf_guide=original"], "add --crf, or leave it out"),
        ([str(image), *given, "--crf", "--crf_preset=sed"], 'Did you mean "seed"?'),
        ([str(image), *given, "--every=2"], "--every is for videos, but there is none"),
        ([str(image), *given, "--frames"], "--frames is for videos"),
        ([str(video), *given, "--every=0"], "--every must be at least 1, not 0."),
        ([str(video), *given, "--max_frames=0"], "--max_frames must be at least 1, not 0."),
        ([str(video), *given, "--port=0"], "--port belongs to a live view; add --live or"),
        ([str(video), *given, "--view=web"], "--view belongs to a live view"),
        ([str(video), *given, "--live"], "--out is for results in files; a live view only shows."),
        ([str(video), *network, "--live", "--frames"], "--frames is for results in files"),
        ([str(video), *network, "--live", "--view=wed"], 'Did you mean "web"?'),
        ([str(video), *network, "--live", "--port=70000"], "--port must be 0 to 65535, not 70000."),
        ([str(video), *network, "--live"], "a.mp4 cannot be read as a video"),
        ([str(video), str(video), *network, "--live"], "--live shows one video file or --camera 0"),
        ([*network, "--live"], "one video file or --camera 0, not 0 inputs."),
        ([str(tmp_path), *network, "--live"], "There is no video file"),
        ([str(video), *network, "--camera=0"], "either --camera or a video file, not both"),
        ([*network, "--camera=-1"], "--camera must be 0 or more, not -1."),
        ([*network, "--camera=97"], "There is no camera 97, or another program uses it"),
    ):
        assert main(["predict", *words]) == 2
        assert sentence in capsys.readouterr().err, words


@pytest.mark.parametrize(
    ("experiment", "words", "owner"),
    [
        ("lfp_resnet50_small", ["--protocol=whole"], "segmentation"),
        ("lfp_resnet50_small", ["--crf"], "segmentation"),
        ("lfp_resnet50_small", ["--long_side=65"], "segmentation"),
        ("lfp_resnet50_small", ["--flip"], "segmentation and pose"),
        ("lfp_resnet50_small", ["--people=boxes.json"], "pose"),
        ("pspnet18_scenes", ["--people=boxes.json"], "pose"),
        ("hourglass_small", ["--protocol", "whole"], "segmentation"),
        ("hourglass_small", ["--crf"], "segmentation"),
        ("hourglass_small", ["--long_side", "100"], "segmentation"),
    ],
)
def test_options_of_another_task_are_refused(experiment, words, owner, tmp_path, capsys):
    given = [f"--experiment={experiment}", f"--checkpoint={tmp_path}", f"--out={tmp_path / 'out'}"]
    assert main(["predict", "a.png", *given, *words]) == 2
    name = words[0].partition("=")[0]
    task = {"l": "classification", "p": "segmentation", "h": "pose"}[experiment[0]]
    sentence = f"{name} is for {owner}, but this network is for {task}."
    assert capsys.readouterr().err.strip() == sentence
    assert not (tmp_path / "out").exists()
