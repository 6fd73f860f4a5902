import numpy as np
import pytest
import tensorflow as tf
from checkpoints.formats import torch_writer as write

from lfp_tf.checkpoints.load import match
from lfp_tf.checkpoints.parts import split_part
from lfp_tf.checkpoints.read import identify, read_checkpoint
from lfp_tf.errors import LfpError

NAME = "layer0.0.weight"  # A PSPNet is known by it.
VALUES = {key: np.full(4, number, "f4") for number, key in enumerate("abcdefgh")}


def training(path, parts, name=NAME):
    """Writes a training checkpoint: {key: storage of its array called `name`}, counters beside."""
    inner = {
        key: write.dictionary({name: write.whole(stored, VALUES[stored])})[2:-1]
        for key, stored in parts.items()
    }
    optimizer = write.dictionary({"exp_avg": write.whole("h", VALUES["h"])})[2:-1]
    pickled = write.dictionary({"epoch": b"K\x07", **inner, "optimizer": optimizer})
    used = {stored: VALUES[stored] for stored in [*parts.values(), "h"]}
    return write.write_zip(path, pickled, used)


KEYS = ["model_state_dict", "model_state", "net", "network", "weight", "generator"]


@pytest.mark.parametrize("key", KEYS)
def test_the_only_known_dictionary_is_taken_and_said(tmp_path, key):
    arrays = read_checkpoint(training(tmp_path / "old.pth", {key: "b"}))
    assert list(arrays) == [NAME] and arrays[NAME].tolist() == [1] * 4
    assert arrays.notes == [f'the weights under "{key}" were taken']


def test_a_usual_key_gives_way_to_known_names_and_stands_where_there_are_none(tmp_path):
    known = write.dictionary({NAME: write.whole("b", VALUES["b"])})[2:-1]
    other = write.dictionary({"alpha": write.whole("a", VALUES["a"])})[2:-1]
    pickled = write.dictionary({"model": other, "net": known})
    used = {key: VALUES[key] for key in "ab"}
    assert list(read_checkpoint(write.write_zip(tmp_path / "a.pth", pickled, used))) == [NAME]
    path = training(tmp_path / "b.pth", {"model": "a", "net": "b"}, name="alpha")
    arrays = read_checkpoint(path)
    assert arrays["alpha"].tolist() == [0] * 4 and arrays.notes == []


@pytest.mark.parametrize("average", ["ema", "state_dict_ema", "model_ema", "swa_model", "averaged"])
@pytest.mark.parametrize("raw", ["state_dict", "net"])
def test_an_averaged_copy_is_told_and_can_be_chosen(tmp_path, raw, average):
    path = training(tmp_path / "old.pth", {average: "c", raw: "b"})
    arrays = read_checkpoint(path)
    assert arrays[NAME].tolist() == [1] * 4
    assert arrays.notes[-1] == (
        f'an averaged copy, "{average}", stands beside these weights; {path}::{average} takes it'
    )
    assert identify(f"{path}::{average}") == "torch"
    chosen = read_checkpoint(f"{path}::{average}")
    assert list(chosen) == [NAME] and chosen[NAME].tolist() == [2] * 4


def test_an_average_alone_is_the_network(tmp_path):
    arrays = read_checkpoint(training(tmp_path / "old.pth", {"ema": "c"}))
    assert list(arrays) == [NAME] and arrays.notes == ['the weights under "ema" were taken']


def test_several_networks_are_a_choice(tmp_path):
    path = training(tmp_path / "old.pth", {"teacher": "a", "student": "b"})
    arrays = read_checkpoint(path)
    assert arrays.networks == ["teacher", "student"] and f"teacher/{NAME}" in arrays
    with pytest.raises(LfpError, match=r"networks \(teacher, student\); choose.*pth::teacher\."):
        match(arrays, {}, network="pspnet", options={}, file=str(path))
    assert read_checkpoint(f"{path}::student")[NAME].tolist() == [1] * 4


def test_parts_that_are_not_there(tmp_path):
    path = training(tmp_path / "old.pth", {"net": "a"})
    with pytest.raises(LfpError, match='no part "ema"; it has net, optimizer'):
        read_checkpoint(f"{path}::ema")
    bare = write.write_zip(
        tmp_path / "bare.pth",
        b"\x80\x02" + write.whole("a", VALUES["a"]) + b".",
        {"a": VALUES["a"]},
    )
    np.savez(tmp_path / "a.npz", a=np.ones(3))
    for other in (bare, tmp_path / "a.npz"):
        with pytest.raises(LfpError, match=f'{other.name} has no part "x"; it has no parts'):
            read_checkpoint(f"{other}::x")
    with pytest.raises(LfpError, match=r"no\.pth does not exist"):
        read_checkpoint(tmp_path / "no.pth::ema")


def test_a_file_whose_name_has_the_separator_is_itself(tmp_path):
    path = tmp_path / "old::ema"
    np.savez(path.with_name("x.npz"), a=np.ones(3))
    path.with_name("x.npz").rename(path)
    assert split_part(path) == (path, None) and list(read_checkpoint(path)) == ["a"]


def test_averages_of_tensorflow_stand_beside_their_variables(tmp_path):
    average = "conv6/weights/ExponentialMovingAverage"
    names = {"conv6/weights": 1.0, average: 2.0, "conv6/moving_mean": 3.0}
    prefix = tmp_path / "model.ckpt-7"
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(names),
        shape_and_slices=[""] * 3,
        tensors=[tf.constant([value]) for value in names.values()],
    )
    arrays = read_checkpoint(prefix)
    assert arrays["conv6/weights"] == [1] and average in arrays
    assert f"{prefix}::ExponentialMovingAverage takes it" in arrays.notes[0]
    averages = read_checkpoint(f"{prefix}::ExponentialMovingAverage")
    assert {name: float(array[0]) for name, array in averages.items()} == {
        "conv6/weights": 2,
        "conv6/moving_mean": 3,
    }
    assert averages.notes == ["1 averages were taken in place of their variables"]
    with pytest.raises(LfpError, match='no part "ema"; it has ExponentialMovingAverage'):
        read_checkpoint(f"{prefix}::ema")
