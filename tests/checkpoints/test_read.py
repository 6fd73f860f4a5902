import pathlib

import numpy as np
import pytest
from golden_cases import cases

from lfp_tf.checkpoints.read import FORMATS, identify, read_checkpoint
from lfp_tf.errors import LfpError

GOLDEN = pathlib.Path(__file__).parents[1] / "golden" / "pspnet"
ALL = [case for case in cases(GOLDEN) if case.kind.startswith("checkpoint")]
READ = [case for case in ALL if case.kind == "checkpoint"]
REFUSED = [case for case in ALL if case.kind == "checkpoint_refused"]


@pytest.mark.parametrize("case", READ, ids=lambda case: case.id)
def test_golden_file_gives_every_array(case):
    path = GOLDEN / case.inputs()["file"]
    arrays = read_checkpoint(path)
    assert identify(path) == case.config["format"]
    assert case.problems({"names": sorted(arrays), **arrays}) == []
    for name, expected in case.expected().items():
        if isinstance(expected, np.ndarray):
            assert arrays[name].dtype == expected.dtype


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_golden_file_is_refused_by_name(case, capsys):
    path = GOLDEN / case.inputs()["file"]
    with pytest.raises(LfpError) as error:
        read_checkpoint(path)
    assert path.name in str(error.value)
    assert case.problems({"refused": True, "message_names": str(error.value)}) == []
    assert capsys.readouterr() == ("", "")


def test_there_are_golden_files_of_both_kinds():
    assert len(READ) >= 9 and len(REFUSED) >= 2


def test_content_decides_not_the_ending(tmp_path):
    path = tmp_path / "weights.caffemodel"
    np.savez(path.with_suffix(".npz"), a=np.ones(3, "f4"))
    path.with_suffix(".npz").rename(path)
    assert identify(path) == "npz" and identify(path) in FORMATS


def test_index_file_means_its_checkpoint():
    index = GOLDEN / "files" / "tf1" / "model.ckpt-60000.index"
    assert identify(index) == "tf1"
    assert "conv6/weights" in read_checkpoint(index)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"<html>404</html>", "no checkpoint of a known format"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "no checkpoint of a known format"),
        (b"version https://git-lfs.github.com/spec/v1\n", "no checkpoint of a known format"),
        (b"PK\x03\x04 and then nothing", "zip directory is missing"),
    ],
)
def test_other_files_get_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    for function in (identify, read_checkpoint):
        with pytest.raises(LfpError, match=sentence) as error:
            function(path)
        assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_missing_path_is_told(tmp_path):
    with pytest.raises(LfpError, match=r"nowhere\.pth does not exist"):
        identify(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "", "."])
def test_names_that_no_file_has(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LfpError):
        read_checkpoint(name)


def test_folder_without_checkpoint_is_told(tmp_path):
    with pytest.raises(LfpError, match="folder without a checkpoint"):
        read_checkpoint(tmp_path)


def test_control_signs_of_a_file_never_reach_the_message(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(b"\x80\x02cos\x1b[2J\nsystem\n.")
    with pytest.raises(LfpError) as error:
        read_checkpoint(path)
    assert "\x1b" not in str(error.value) and r"os\x1b[2J.system" in str(error.value)


def test_a_training_file_tells_its_step():
    files = GOLDEN.parent / "fpt" / "files"
    assert read_checkpoint(files / "model_step19999-tiny.pth").step == 19999
    assert read_checkpoint(files / "resnet50_caffe-tiny.pth").step is None
