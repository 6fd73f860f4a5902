"""Labels of MATLAB files are read as they are; every other file is told in one sentence."""

import numpy as np
import pytest
import scipy.io

from lfp_tf.data.datasets.matlab_labels import read_matlab_labels
from lfp_tf.errors import LfpError
from lfp_tf.images.decode import NotLabels

LABELS = np.arange(12).reshape(3, 4)


def mat(path, **variables):
    scipy.io.savemat(path, variables, do_compression=bool(len(variables) % 2))
    return str(path)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int32", "int64", "uint64"])
def test_any_type_of_whole_numbers_is_read(tmp_path, dtype):
    path = mat(tmp_path / "a.mat", S=LABELS.astype(dtype))
    labels = read_matlab_labels(path)
    np.testing.assert_array_equal(labels, LABELS)
    assert labels.dtype == dtype


def test_other_variables_are_not_read(tmp_path):
    captions = np.array(["a dog", "grass"], object)
    path = mat(tmp_path / "a.mat", S=LABELS.astype("uint8"), captions=captions, names={"x": 1.0})
    np.testing.assert_array_equal(read_matlab_labels(path), LABELS)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"T": LABELS, "U": 1}, "has no variable S, which holds the labels; it holds T, U."),
        ({"S": LABELS.astype("uint8").reshape(3, 2, 2)}, "holds a S of 3x2x2; a matrix of"),
        ({"S": LABELS.astype(float)}, "holds S as double; labels are whole numbers"),
        ({"S": LABELS.astype("float32")}, "holds S as single; labels are whole numbers"),
        ({"S": "sky and sea"}, "holds S as char; labels are whole numbers"),
        ({"S": LABELS > 3}, "holds S as logical; labels are whole numbers"),
        ({"S": {"labels": 1}}, "holds S as struct; labels are whole numbers"),
    ],
)
def test_what_is_no_label_map_is_told(tmp_path, variables, text):
    path = mat(tmp_path / "a.mat", **variables)
    with pytest.raises(NotLabels) as caught:
        read_matlab_labels(path)
    assert str(caught.value).startswith(f"{path} ") and text in str(caught.value)


def test_hdf5_is_told_by_its_version(tmp_path):
    path = tmp_path / "a.mat"
    path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512) + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(NotLabels, match=r"a\.mat is a MATLAB 7.3 file \(HDF5\), .* take v1.1, or"):
        read_matlab_labels(path)


def test_files_that_are_cut_short_or_are_something_else(tmp_path):
    whole = (tmp_path / "whole.mat").absolute()
    mat(whole, S=np.random.RandomState(0).randint(0, 99, (40, 40)).astype("uint8"))
    path = tmp_path / "a.mat"
    for length in (0, 5, 100, 130, 150, 200, 700, len(whole.read_bytes()) - 1):
        path.write_bytes(whole.read_bytes()[:length])
        with pytest.raises(LfpError, match=r"a\.mat (is empty|is no whole MATLAB 5 file|has no)"):
            read_matlab_labels(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    with pytest.raises(LfpError, match=r"a\.mat is no whole MATLAB 5 file"):
        read_matlab_labels(path)
    with pytest.raises(LfpError, match=r"b\.mat cannot be read \(No such file"):
        read_matlab_labels(tmp_path / "b.mat")


def test_a_header_with_too_many_pixels_is_refused_before_they_are_read(tmp_path):
    path = mat(tmp_path / "a.mat", S=np.zeros((300, 400), np.uint8))
    with pytest.raises(LfpError, match=r"has 120000 pixels \(400x300\), more than the 1000"):
        read_matlab_labels(path, max_pixels=1000)


def test_changed_bytes_give_a_sentence_or_labels(tmp_path):
    random = np.random.RandomState(1)
    for compressed in (False, True):
        whole = tmp_path / f"{compressed}.mat"
        scipy.io.savemat(
            whole,
            {"S": LABELS.astype("uint8"), "names": np.array(["a", "b"], object)},
            do_compression=compressed,
        )
        content = np.frombuffer(whole.read_bytes(), np.uint8)
        for number in range(150):
            changed = content.copy()
            places = random.randint(0, len(content), 1 + number % 4)
            changed[places] = random.randint(0, 256, len(places))
            whole.write_bytes(changed.tobytes())
            try:
                assert read_matlab_labels(whole, max_pixels=10**6).dtype.kind in "iu"
            except LfpError as error:
                assert str(whole) in str(error) and "\n" not in str(error)
