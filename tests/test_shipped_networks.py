"""The networks that lie in the package: small, loadable without anything else, and with a card."""

import json

import numpy as np
import pytest

from lfp_tf.images.decode import read_labels
from lfp_tf.recipes.shipped import FOLDER

FILES = sorted(FOLDER.glob("*.npz"))


def test_a_network_of_each_kind_ships():
    names = ["maskrcnn_mobilenetv2_pennfudan", "pspnet_mobilenetv2_camvid"]
    assert [path.stem for path in FILES] == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_network_is_small_and_has_a_card(path):
    assert path.stat().st_size <= 8_000_000
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for word in ("Data", "Licence", "Scores", "Limits"):
        assert f"## {word}" in card


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_network_holds_plain_finite_arrays(path):
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            assert np.isfinite(archive[name]).all(), name
            assert archive[name].dtype == (np.float16 if archive[name].ndim == 4 else np.float32)


def test_predict_needs_neither_a_checkpoint_nor_a_download(tmp_path):
    import tiny
    from PIL import Image

    from lfp_tf.data.datasets.scenes import draw_scene

    image = draw_scene(0, 0, size=(97, 129))[0]
    Image.fromarray(image).save(tmp_path / "street.png")
    done = tiny.command(
        "predict", "--experiment", "pspnet_mobilenetv2_camvid", tmp_path / "street.png",
        "--out", tmp_path / "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    labels = read_labels(tmp_path / "out" / "street.labels.png")
    assert labels.shape == (97, 129) and labels.max() < 11
    # A drawn street is far from its photographs; the sky is sky all the same.
    assert np.mean(labels[:10] == 0) > 0.5


def test_the_detector_finds_nobody_where_there_is_nothing(tmp_path):
    import tiny
    from PIL import Image

    Image.fromarray(np.full((120, 160, 3), 127, np.uint8)).save(tmp_path / "wall.png")
    done = tiny.command(
        "predict", "--experiment", "maskrcnn_mobilenetv2_pennfudan", tmp_path / "wall.png",
        "--out", tmp_path / "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    objects = json.loads((tmp_path / "out" / "wall.json").read_text())["objects"]
    assert all(found["class"] == "person" and found["score"] < 0.5 for found in objects)
