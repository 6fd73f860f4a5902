"""Segmentation's options: what they make, what they refuse, and the printed table."""

import os

import pytest
from small_network import small_network
from words import parsed

from lfp_tf.errors import LfpError
from lfp_tf.tasks.segmentation import arguments as own
from lfp_tf.tasks.segmentation.crf import pydensecrf
from lfp_tf.tasks.segmentation.crf.crf import PRESETS, CrfOptions
from lfp_tf.tasks.segmentation.crf.options import Refinement
from lfp_tf.tasks.segmentation.lfp_protocol import PUBLISHED_SCALES
from lfp_tf.tasks.segmentation.protocols import Protocol


@pytest.fixture(scope="module")
def recipe():
    return small_network().recipe


def checked(command, *words):
    result = parsed(command, *words)
    own.check(result, command)
    return result


def test_without_the_flag_there_is_no_crf():
    assert own.crf_options(checked("evaluate")) is None


def test_flags_change_the_preset():
    assert own.crf_options(checked("evaluate", "--crf")) == CrfOptions()
    words = ["--crf", "--crf_preset=seed", "--crf_guide=wrapped_mean_subtracted"]
    words += ["--crf_class_threshold=0.01", "--crf_backend=numpy", "--crf_processes=3"]
    arguments = checked("predict", *words)
    assert own.crf_options(arguments) == CrfOptions(
        pos_xy_std=3,
        bi_xy_std=49,
        bi_rgb_std=5,
        guide="wrapped_mean_subtracted",
        class_threshold=0.01,
        backend="numpy",
    )
    assert own.crf_processes(arguments) == 3
    assert own.evaluation_options(arguments) == {"crf": Refinement(own.crf_options(arguments), 3)}


def test_the_number_of_processes_is_that_of_the_cores():
    assert own.crf_processes(checked("evaluate", "--crf")) == len(os.sched_getaffinity(0))


def test_the_protocol_lfp_has_its_own_crf_inside_its_windows():
    arguments = checked("predict", "--protocol=lfp", "--crf")
    assert own.crf_options(arguments) == PRESETS["lfp"] and own.final_crf_options(arguments) is None
    arguments = checked("predict", "--crf")
    assert own.final_crf_options(arguments) == own.crf_options(arguments) == PRESETS["newest"]


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("evaluate", ["--crf_preset=seed"], "--crf_preset says how the CRF is done; add --crf"),
        ("evaluate", ["--crf_processes=2"], "--crf_processes says how the CRF is done; add --crf"),
        ("evaluate", ["--crf", "--crf_preset=newst"], 'No preset "newst" of the CRF. Did you mean "newest"? There are newest, seed, lfp.'),
        ("evaluate", ["--crf", "--crf_guide=wrapped_mean"], 'Did you mean "wrapped_mean_subtracted"?'),
        ("evaluate", ["--crf", "--crf_class_threshold=2"], "class_threshold must be a probability from 0"),
        ("evaluate", ["--crf", "--crf_backend=numpi"], 'Did you mean "numpy"?'),
        ("evaluate", ["--crf", "--crf_processes=-1"], "--crf_processes must be 0 or more, not -1."),
        ("evaluate", ["--protocol=wole"], 'No protocol "wole" here. Did you mean "whole"? There are whole, deeplab, semseg, matlab, tf1_whole, lfp.'),
        ("evaluate", ["--protocol=semseg", "--second_softmax"], "--second_softmax is for --protocol lfp, not semseg."),
        ("evaluate", ["--flip", "--no_flip"], "--flip and --no_flip exclude each other; give one."),
        ("evaluate", ["--window_batch=0"], "--window_batch must be at least 1, not 0."),
        ("evaluate", ["--scales", "1", "x"], "--scales 1 x must be numbers above 0, as 0.5 1.0 1.5."),
        ("predict", ["--scales", "-1"], "--scales -1 must be numbers above 0"),
        ("predict", ["--long_side=0"], "--long_side must be at least 1, not 0."),
        ("export", ["--protocol=matlab"], 'No protocol "matlab" here. There are whole, deeplab, semseg.'),
        ("export", ["--scales", "0"], "--scales 0 must be numbers above 0"),
    ],
)  # fmt: skip
def test_mistakes_are_sentences(command, words, message):
    with pytest.raises(LfpError) as error:
        checked(command, *words)
    assert message in str(error.value)


def test_a_backend_that_is_missing_is_told(monkeypatch):
    monkeypatch.setattr(pydensecrf, "is_installed", lambda: False)
    with pytest.raises(LfpError, match="pydensecrf needs the package pydensecrf2"):
        checked("evaluate", "--crf", "--crf_backend=pydensecrf")


def test_every_protocol_of_the_evaluation_may_be_asked_for():
    for name in own.PROTOCOLS:
        given = {"base_size": 8, "crop": (8, 8)} if name in ("semseg", "matlab") else {}
        given = {"crop": (8, 8)} if name == "lfp" else given
        Protocol(name, **given | ({"min_size": (8, 8)} if name == "tf1_whole" else {}))


def test_an_evaluation_goes_by_the_recipe_and_others_by_the_whole_image(recipe):
    recipe = type(recipe)(**vars(recipe) | {"evaluation": recipe.evaluation | {
        "protocol": "semseg", "flip": "softmax", "scales": [0.5, 1.0], "base_size": 50,
    }})  # fmt: skip
    result = own.protocol(recipe, parsed("evaluate"), "evaluate")
    assert (result.name, result.scales, result.base_size) == ("semseg", (0.5, 1.0), 50)
    for command in ("predict", "export"):
        assert own.protocol(recipe, parsed(command), command) == Protocol("whole")


def test_the_mirrored_image_can_be_left_out(recipe):
    evaluation = recipe.evaluation | {"protocol": "whole", "flip": "softmax"}
    recipe = type(recipe)(**vars(recipe) | {"evaluation": evaluation})
    assert own.protocol(recipe, parsed("evaluate"), "evaluate").flip == "softmax"
    assert own.protocol(recipe, parsed("evaluate", "--no_flip"), "evaluate").flip == "none"
    with pytest.raises(LfpError, match="The protocol lfp always flips; leave --no_flip out."):
        own.protocol(recipe, parsed("evaluate", "--protocol=lfp", "--no_flip"), "evaluate")


def test_words_reach_the_protocol(recipe):
    words = ["--protocol=semseg", "--scales", "1", "1.5", "--window_batch=2"]
    result = own.protocol(recipe, parsed("evaluate", *words), "evaluate")
    assert (result.name, result.scales, result.window_batch) == ("semseg", (1.0, 1.5), 2)
    result = own.protocol(
        recipe, parsed("predict", "--protocol=lfp", "--second_softmax"), "predict"
    )
    assert result.second_softmax and result.scales == PUBLISHED_SCALES


@pytest.mark.parametrize(
    ("name", "flip"),
    [
        ("whole", "softmax"),
        ("deeplab", "softmax"),
        ("tf1_whole", "logit_sum"),
        ("semseg", "softmax"),
    ],
)
def test_a_flip_is_the_protocols_own(recipe, name, flip):
    result = own.protocol(recipe, parsed("predict", f"--protocol={name}", "--flip"), "predict")
    assert result.flip == flip
    plain = own.protocol(recipe, parsed("predict", f"--protocol={name}"), "predict")
    assert plain.flip == ("softmax" if name == "semseg" else "none")


def test_an_evaluation_says_what_it_does():
    protocol = Protocol("whole", flip="softmax", scales=(0.5, 1))
    plain = "by the protocol whole (flip softmax, scales [0.5, 1.0])"
    for words, expected in (
        ([], plain),
        (["--crf", "--crf_processes=3"], f"{plain}, then the dense CRF in 3 processes beside it"),
        (["--crf", "--crf_processes=0"], f"{plain}, then the dense CRF in its process"),
    ):
        assert own.describe(protocol, parsed("evaluate", *words)) == expected
    windows = Protocol("lfp", crop=(8, 8), scales=(1,))
    assert own.describe(windows, parsed("evaluate", "--crf")) == (
        "by the protocol lfp (flip softmax, scales [1.0]), then the dense CRF in every window"
    )


def test_the_table_lines_up():
    facts = {
        "classes": [
            {"name": "a", "iou": 0.5, "accuracy": None, "pixels": 10},
            {"name": "long name", "iou": None, "accuracy": 1.0, "pixels": 200},
        ],
        "scores": {"all": {"mIoU": 0.25, "mAcc": 0.5, "allAcc": 1.0, "fwIoU": 0.75}},
        "mean_iou_definition": "present",
    }
    lines = [
        "class         IoU  accuracy        pixels",
        "a           50.00         -            10",
        "long name       -    100.00           200",
        "mean IoU 25.00, mean accuracy 50.00, pixel accuracy 100.00, weighted IoU 75.00 "
        "(definition all)",
    ]
    assert own.table(facts).splitlines() == lines
    before = {"scores": facts["scores"], "mean_iou_definition": "all"}
    assert own.table(facts | {"without_crf": before}).splitlines() == [
        *lines,
        "without CRF: mean IoU 25.00, mean accuracy 50.00, pixel accuracy 100.00, weighted IoU "
        "75.00 (definition all, the experiment's)",
    ]
