"""The benchmarks measure what they say: tables by value, rivals that compute what we compute."""

import argparse
import importlib.util
import json
import subprocess
import sys
import types

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import drawn, rivals, table
from benchmarks.agreement import AGREEMENT, difference
from lfp_tf.checkpoints.names.pspnet import TRANSLATIONS
from lfp_tf.errors import LfpError, WorkFailed


def options(tmp_path, **more):
    values = {"quick": True, "rounds": 1, "calls": 1, "only": (), "torch_python": None}
    values |= {"out": tmp_path}
    return argparse.Namespace(**values | {"cores": rivals.available_cores(1)} | more)


def test_ratios_are_of_the_same_round_and_the_middle_one_is_shown():
    comparison = table.compare("t", {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 2.0, 6.0]})
    assert comparison["rows"][0]["ratio"] == [1.0, 1.0, 1.0]
    assert comparison["rows"][1]["ratio"] == [1.0, 1.5, 3.0]
    assert "| theirs | 2000 | 3000 | 6000 | 1.50 (1.00-3.00) |" in table.text(comparison)


def test_speed_counts_two_operations_a_multiply_add():
    work = {"ours": 4e9, "theirs": 2e9}
    rows = table.compare("t", {"ours": [2.0], "theirs": [2.0]}, work=work)["rows"]
    assert [row["gflops"] for row in rows] == [4.0, 2.0]
    assert [row["ratio_a_mac"] for row in rows] == [1.0, 2.0]


def test_report_tells_machine_and_threads(tmp_path, capsys):
    table.report("t", [table.compare("t", {"ours": [1.0]})], out=tmp_path, threads=1)
    content = json.loads((tmp_path / "t.json").read_text())
    assert content["machine"]["threads"] == 1
    assert {"processor", "cores", "load", "versions"} <= set(content["machine"])
    assert "| ours |" in capsys.readouterr().out


def test_rivals_take_turns_and_who_begins_changes():
    asked = []

    def rival(name):
        def ask(**_):
            asked.append(name)
            return {"seconds": float(len(asked))}

        return types.SimpleNamespace(name=name, ask=ask)

    seconds = rivals.interleave([rival("a"), rival("b")], rounds=2)
    # The first round of each does not count.
    assert "".join(asked) == "ababba"
    assert seconds == {"a": [3.0, 6.0], "b": [4.0, 5.0]}


def test_a_rival_that_fails_is_named():
    with (
        pytest.raises(rivals.RivalFailed, match="broken ended with status 1"),
        rivals.running(rivals.Rival("broken", "benchmarks.no_such_program", {})),
    ):
        pass


def test_weights_are_the_same_array_under_both_names():
    ours = drawn.weight_of_ours("stage1_block1_conv1/kernel", (1, 1, 8, 4))
    theirs = drawn.weight("layer1.0.conv1.weight", (4, 8, 1, 1))
    assert np.array_equal(
        TRANSLATIONS["torch"].to_theirs(ours, "stage1_block1_conv1/kernel"), theirs
    )


def test_the_pyramids_weights_lie_as_torch_has_them():
    names = {"stage1_block1/conv1/kernel": (1, 1, 8, 4), "fc/kernel": (8, 3), "fc/bias": (3,)}
    kernel, matrix, bias = (drawn.weight_of_our_lfp(name, shape) for name, shape in names.items())
    torchs = drawn.weight("stage1_block1.conv1.weight", (4, 8, 1, 1))
    assert np.array_equal(kernel[0, 0], torchs[:, :, 0, 0].T)
    assert np.array_equal(matrix, drawn.weight("fc.weight", (3, 8)).T)
    assert np.array_equal(bias, drawn.weight("fc.bias", (3,)))


def test_another_network_is_no_rival():
    ours = np.array([[-1.0, 1.0]])
    assert difference(ours, ours + 1e-5, "logits") == pytest.approx(1e-5)
    assert difference(np.array(2.0), np.array(2.0001), "loss") == pytest.approx(5e-5)
    with pytest.raises(WorkFailed, match="PyTorch's logits differ from ours by 0.001 "):
        difference(ours, ours + 1e-3, "logits")


def test_multiply_adds_of_a_convolution_by_hand():
    import tensorflow as tf

    from lfp_tf.ops.convolution import convolution, kernels
    from lfp_tf.recipes.cost import multiply_adds

    kernel, unused = tf.ones([3, 3, 2, 5]), tf.ones([1, 1, 2, 50])

    @tf.function
    def network(images):
        tf.nn.conv2d(images, unused, 1, "SAME")
        return tf.nn.conv2d(images, kernel, 2, "SAME")

    concrete = network.get_concrete_function(tf.TensorSpec([1, 8, 6, 2]))
    # 4 x 3 outputs of 5 channels, each of 3 x 3 x 2 products; the other one is not needed.
    assert multiply_adds(concrete) == 4 * 3 * 5 * 3 * 3 * 2
    assert multiply_adds(concrete, without=("Conv2D",)) == 0
    dilated = tf.function(lambda images: convolution(images, kernel, dilation=2))
    found = multiply_adds(dilated.get_concrete_function(tf.TensorSpec([1, 8, 6, 2])))
    # Kernels filled up for speed do not count; images taken apart have borders that do.
    assert found == 8 * 6 * 5 * 3 * 3 * 2 or kernels() == "eigen"


@pytest.mark.slow
def test_multiply_adds_of_pspnet_50_are_the_published_order():
    import tensorflow as tf

    from lfp_tf.models.catalog import build_network
    from lfp_tf.recipes.cost import multiply_adds

    model = build_network("pspnet", classes=19, depth=50, width=0.25, input_shape=(241, 241, 3))
    forward = tf.function(lambda images: model(images, training=False)["logits"])
    found = multiply_adds(forward.get_concrete_function(tf.TensorSpec([1, 241, 241, 3])))
    # 86.3 GFLOP at full width; a quarter of the width is nearly a sixteenth of the work.
    assert 43.15e9 / 16 < found < 1.1 * 43.15e9 / 16


def test_opencv_transforms_scale_nothing_when_nothing_is_drawn(tmp_path):
    import cv2

    from benchmarks import opencv_transforms

    pixels = np.arange(9 * 11 * 3, dtype=np.uint8).reshape(9, 11, 3)
    labels = (np.arange(99, dtype=np.uint8) % 19).reshape(9, 11)
    paths = [str(tmp_path / name) for name in ("image.png", "labels.png")]
    cv2.imwrite(paths[0], pixels[..., ::-1])
    cv2.imwrite(paths[1], labels)
    draws = iter([1 / 3, 0.9, 0.9, 0.9])  # scale 1; no rotation, no blur, no flip
    drawing = types.SimpleNamespace(random=lambda: next(draws), randint=lambda _, last: last)
    image, found = opencv_transforms.sample(paths, (5, 13), drawing)
    assert np.array_equal(found[:, 1:12], labels[4:])
    assert (found[:, [0, 12]] == opencv_transforms.IGNORE_LABEL).all()
    want = (np.float32(pixels[4:]) - np.float32(opencv_transforms.MEAN)) / opencv_transforms.STD
    np.testing.assert_allclose(image[:, 1:12], want, atol=1e-5)


def test_help_lists_every_question(capsys):
    with pytest.raises(SystemExit, match="0"):
        command.main(["--help"])
    text = capsys.readouterr().out
    assert all(importlib.util.find_spec(f"benchmarks.{name}") for name in command.QUESTIONS)
    assert all(name in text for name in command.QUESTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", command.QUESTIONS)
def test_every_question_runs_at_tiny_size(name, tmp_path):
    torch = sys.executable if importlib.util.find_spec("torch") else None
    importlib.import_module(f"benchmarks.{name}").run(options(tmp_path, torch_python=torch))
    rows = json.loads((tmp_path / f"{name}.json").read_text())["comparisons"][0]["rows"]
    assert len(rows) >= 2 and all(row["seconds"][0] > 0 for row in rows)


@pytest.mark.slow
def test_torchs_network_computes_what_ours_does(tmp_path):
    pytest.importorskip("torch", reason="a package of the benchmarks only")
    from benchmarks import network

    found = network.agreement(options(tmp_path, torch_python=sys.executable), width=0.125)
    assert max(found.values()) < AGREEMENT


@pytest.mark.slow
@pytest.mark.parametrize("network", ["classifier", "hourglass"])
def test_torchs_pyramids_compute_what_ours_do(network, tmp_path):
    pytest.importorskip("torch", reason="a package of the benchmarks only")
    from benchmarks import pyramid

    found = pyramid.agreement(network, options(tmp_path, torch_python=sys.executable))
    assert found and max(found.values()) < AGREEMENT


def test_a_part_of_the_pyramids_tables_that_is_none_is_named(tmp_path):
    from benchmarks import pyramid

    with pytest.raises(LfpError, match="has the words block, predict in its title"):
        pyramid.run(options(tmp_path, only=["block", "predict"]))


def test_tables_of_the_pyramid_pair_what_is_alike():
    from benchmarks import pyramid

    ours = ["plain", "pyramid", "plain, oneDNN off", "pyramid, oneDNN off"]
    theirs = ["PyTorch, plain", "PyTorch, pyramid by matrices"]
    assert list(pyramid._groups(ours).values()) == [ours[:2], ours[2:]]
    groups = pyramid._groups(ours + theirs)
    assert groups[", PyTorch"] == theirs
    assert groups[", beside PyTorch"] == [ours[1], ours[3], theirs[1]]


@pytest.mark.slow
def test_exported_programs_name_every_argument_and_what_updates_it(tmp_path):
    manifest = export(tmp_path)
    inference, training = (
        manifest["programs"][f"{mode}_float32"] for mode in ("inference", "training")
    )
    assert [a["role"] for a in inference["arguments"][:2]] == ["images", "weight"]
    roles = [a["role"] for a in training["arguments"]]
    updated = {training["arguments"][place]["name"] for place in training["updates"].values()}
    weights = {a["name"] for a in training["arguments"] if a["role"] == "weight"}
    assert roles.count("momentum") == len([n for n in weights if "/moving_" not in n])
    assert updated == weights
    assert len(set(training["updates"].values())) == len(training["updates"])


@pytest.mark.slow
def test_stablehlo_through_jax_and_torch_agree_with_tensorflow(tmp_path):
    pytest.importorskip("jax", reason="a package of the benchmarks only")
    pytest.importorskip("torch", reason="a package of the benchmarks only")
    export(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.run_gpu", "--device=cpu", "--rounds=1",
         "--calls=1", f"--folder={tmp_path}", f"--out={tmp_path}", "--peak_tflops", "0.2", "0.4"],
        cwd=rivals.ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "gpu.json").read_text())["comparisons"]) == 4


def export(folder):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu.export_stablehlo", f"--out={folder}",
         "--depth=18", "--width=0.125", "--size=65", "--classes=5"],
        cwd=rivals.ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "manifest.json").read_text())


def test_a_profile_adds_up_what_operations_took(tmp_path):
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    from benchmarks.profile import by_operation

    space = xplane_pb2.XSpace()
    plane = space.planes.add(name="/host:CPU")
    line = plane.lines.add()
    for number, (name, times) in enumerate(
        (("a/conv:Conv2D", [2, 3]), ("b/conv:Conv2D", [4]), ("Run", [50]), ("c:Relu", [1]))
    ):
        plane.event_metadata[number].name = name
        for milliseconds in times:
            line.events.add(metadata_id=number, duration_ps=milliseconds * 10**9)
    space.planes.add(name="/host:metadata").lines.add().events.add(duration_ps=10**12)
    (tmp_path / "a.xplane.pb").write_bytes(space.SerializeToString())
    assert by_operation(tmp_path / "a.xplane.pb") == {"Conv2D": (9.0, 3), "Relu": (1.0, 1)}
