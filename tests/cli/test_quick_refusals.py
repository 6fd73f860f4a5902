"""A misspelt field, another type or a misspelt name is answered without TensorFlow in the process."""

import json

import pytest
import tiny

# Every call one after the other in one process; what each said, and what was imported by then.
_CALLS = """
import contextlib, io, json, sys
from lfp_tf.cli.main import main
answers = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
        status = main(words)
    loaded = sorted({"tensorflow", "tf_keras", "official"} & set(sys.modules))
    answers.append([status, said.getvalue().strip(), loaded])
print(json.dumps(answers))
"""
_BUILDS = """
import json, sys
import lfp_tf
from lfp_tf.errors import LfpError
answers = []
for name, options in json.loads(sys.argv[1]):
    try:
        lfp_tf.build(name, **options)
    except LfpError as error:
        loaded = sorted({"tensorflow", "tf_keras", "official"} & set(sys.modules))
        answers.append([error.exit_status, str(error), loaded])
print(json.dumps(answers))
"""
SCENES = "--experiment=pspnet18_scenes"


def answers(code, calls, cwd):
    done = tiny.run("-c", code, json.dumps(calls), cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check(code, cases, cwd):
    replies = answers(code, [words for words, _ in cases], cwd)
    for (words, sentence), (status, said, loaded) in zip(cases, replies, strict=True):
        assert (status, loaded) == (2, []), words
        assert sentence in said and len(said.splitlines()) == 1, (words, said)


OF_FIELDS = [
    ("trainer.train_step=3", 'There is no field "trainer.train_step". Did you mean "train_steps"?'),
    ("task.modle.depth=18", 'There is no field "task.modle". Did you mean "model"?'),
    ("task.losses.aux_wieght=1", 'Did you mean "aux_weight"?'),
    ("trainer.train_steps=many", "trainer.train_steps is 'many', but must be a whole number."),
    ("task.train_data.crop=33", "task.train_data.crop is 33, but must be a list such as [1, 2]."),
    ("task.model.depth=19", "task.model.depth is 19, but must be one of 18, 34, 50, 101, 152."),
    ("trainer.optimizer_config.optimizer.type=lars", "optimizer.type is 'lars', but must be one of"),
    ("task.losses.label_size=map", "task.losses.label_size=map needs task.model.zoom_factor=1."),
    ("trainer.train_steps", "is not of the form a.b=1,c=[1,2]"),
]  # fmt: skip


def test_train(tmp_path):
    cases = [
        (["train", SCENES, f"--params_override={text}"], sentence) for text, sentence in OF_FIELDS
    ]
    (tmp_path / "mine.yaml").write_text("trainer: {train_step: 3}\n")
    cases += [
        (["train", SCENES, "--config_file=mine.yaml"], 'Did you mean "train_steps"?'),
        (["train", SCENES, "--cpu_replicas=two"], "--cpu_replicas: invalid int value: 'two'"),
        (["train", "--experiment=pspnet18_scene"], 'Did you mean "pspnet18_scenes"?'),
        (["train", SCENES, "--mode=trian"], 'No mode "trian". Did you mean "train"?'),
        (["train", SCENES, "--preset=cafe"], 'No preset "cafe". Did you mean "caffe"?'),
        (["train", SCENES, "--preset=seed"], "Preset seed is not for pspnet, which has caffe, kit"),
        (["train", SCENES, "--init=no.pth"], "--init no.pth does not exist."),
        (["train", SCENES], "There is no folder data/scenes; `lfp-tf data scenes --out data/scene"),
        (["train", SCENES, "--data_dir=."], "has no dataset.json, so its classes are unknown"),
        (["train", "--experiment=lfp_resnet50_small", "--params_override=task.train_data.crop=[64,65]"], "crops are squares"),
        (["train", "--experiment=hourglass_small", "--params_override=task.model.stack=2"], 'Did you mean "stacks"?'),
    ]  # fmt: skip
    check(_CALLS, cases, tmp_path)


def test_train_looks_at_records_and_runs_without_tensorflow(tmp_path):
    records = tiny.make_records(tmp_path / "scenes", train=1, val=1)
    given = ["train", f"--data_dir={records}"]
    (tmp_path / "other").mkdir()
    about = json.loads((records / "dataset.json").read_text())
    about |= {"classes": ["sky"], "colors": [[0, 0, 0]]}
    (tmp_path / "other" / "dataset.json").write_text(json.dumps(about))
    cases = [
        ([*given, SCENES, "--mode=eval", "--model_dir=run"], "run holds no checkpoint to evaluate"),
        (
            [*given, SCENES, "--model_dir=other"],
            "other is a run on the 1 classes of scenes, not on",
        ),
        (
            [*given, SCENES, "--params_override=task.model.classes=3"],
            "with 8 classes, but task.mod",
        ),
        ([*given, SCENES, "--params_override=task.train_data.split=trian"], "has no split 'trian'"),
        ([*given, "--experiment=pspnet18_camvid"], "records of scenes, but this experiment is for"),
        (
            [*given, "--experiment=hourglass_small"],
            "of scenes for segmentation and detection, but this is pose",
        ),
    ]
    check(_CALLS, cases, tmp_path)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["evaluate", "predict", "export"])
def test_commands_on_a_network(tmp_path, command):
    more = {"evaluate": [], "predict": ["a.png", "--out=out"], "export": ["--export_dir=out"]}
    given = [command, *more[command], "--checkpoint=."]
    shapes = {
        "evaluate": [("--limit=few", "--limit: invalid int value: 'few'"), ("--split=vla", "no split")],
        "predict": [("--every=0", "--every must be at least 1"), ("--long_side=x", "invalid int")],
        "export": [("--dtype=half", '--dtype is "half"'), ("--input_size=3x4", "HEIGHT,WIDTH")],
    }  # fmt: skip
    (tmp_path / "a.png").write_text("")
    records = tiny.make_records(tmp_path / "data" / "scenes", train=1, val=1)
    assert records == tmp_path / "data" / "scenes"
    cases = [
        ([*given, "--experiment=pspnet18_scene"], 'Did you mean "pspnet18_scenes"?'),
        ([*given, SCENES, "--preset=cafe"], 'No preset "cafe". Did you mean "caffe"?'),
        ([*given[:-1], SCENES, "--checkpoint=no.pth"], "--checkpoint no.pth does not exist."),
        ([*given, SCENES, "--protocol=semsec"], 'No protocol "semsec" here. Did you mean "semseg"?'),
        ([*given, SCENES, "--scales", "1", "two"], "--scales 1 two must be numbers above 0"),
        ([*given, "--experiment=lfp_resnet50_small", "--protocol=whole"], "--protocol is for segmentation, but this network is for classification."),
        ([*given, "--experiment=hourglass_small", "--protocol=whole"], "--protocol is for segmentation, but this network is for pose."),
        *(([*given, SCENES, word], sentence) for word, sentence in shapes[command]),
    ]  # fmt: skip
    check(_CALLS, cases, tmp_path)
    assert not (tmp_path / "out").exists()


def test_the_crf_is_looked_at_in_time(tmp_path):
    given = ["evaluate", SCENES, "--checkpoint=.", "--crf"]
    sentence = 'No preset "sed" of the CRF. Did you mean "seed"? There are newest, seed, lfp.'
    check(_CALLS, [([*given, "--crf_preset=sed"], sentence)], tmp_path)


def test_build_from_python(tmp_path):
    cases = [
        (["pspnet18_scene", {}], 'No experiment "pspnet18_scene". Did you mean "pspnet18_scenes"?'),
        (["pspnet18_scenes", {"preset": "cafe"}], 'No preset "cafe". Did you mean "caffe"?'),
        (["pspnet18_scenes", {"preset": "newest"}], "Preset newest is not for pspnet"),
        (["pspnet18_scenes", {"changes": {"task": {"modle": {"depth": 18}}}}], 'Did you mean "model"'),
        (["pspnet18_scenes", {"changes": {"task": {"model": {"depth": "18"}}}}], "task.model.depth is '18', but must be a whole number."),
        (["pspnet18_scenes", {"changes": {"task": {"model": {"depth": 20}}}}], "must be one of 18, 34"),
        (["hourglass_small", {"changes": {"task": {"model": {"width": 0.5}}}}], "give features."),
    ]  # fmt: skip
    check(_BUILDS, cases, tmp_path)
