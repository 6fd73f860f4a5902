"""What a user changes, as words or as YAML: read as it is meant, refused by name where it cannot be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfp_tf.errors import LfpError
from lfp_tf.recipes import config, overrides
from lfp_tf.recipes.experiments import read
from lfp_tf.recipes.overrides import apply, parse, read_yaml
from lfp_tf.training.fields import Experiment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b=1,c=[1,2]", {"a": {"b": 1}, "c": [1, 2]}),
        ("a.b.c=x,a.b.d=y,a.e=z", {"a": {"b": {"c": "x", "d": "y"}, "e": "z"}}),
        (" a = 1 , b = x y ,", {"a": 1, "b": "x y"}),
        ("a=true,b=False,c=null,d=~", {"a": True, "b": False, "c": None, "d": None}),
        # Numbers as Python writes them.
        ("a=1e-3,b=-2E5,c=1.5e+2,d=.5", {"a": 1e-3, "b": -2e5, "c": 150.0, "d": 0.5}),
        ("a=1e-05,b=-7,c=+7", {"a": 1e-5, "b": -7, "c": 7}),
        ("a=runs/x,b=c=d", {"a": "runs/x", "b": "c=d"}),
        # Quotes hold commas and brackets together; within a word an apostrophe is a letter.
        ("a='x,y=z',b=\"[\"", {"a": "x,y=z", "b": "["}),
        ("a=/home/o'neil,b=it's", {"a": "/home/o'neil", "b": "it's"}),
        ("a=['^(x|y)','z]'],b=[]", {"a": ["^(x|y)", "z]"], "b": []}),
        ("a=[[1,2],[3]],b={c: {d: 1, e: [2]}}", {"a": [[1, 2], [3]], "b": {"c": {"d": 1, "e": [2]}}}),
        # YAML, on one line or on many.
        ("a: {b: 5e-4}", {"a": {"b": 5e-4}}),
        ("a:\n  b: 5e-4\nc: x=y", {"a": {"b": 5e-4}, "c": "x=y"}),
    ],
)  # fmt: skip
def test_every_form_is_read_as_it_is_meant(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "nonsense", "- 1\n- 2", "a: [1", "a=[1,2", "a=1]", "a=[1}", "a='x", "a=1,,b=2", ",a=1",
        "a[0]=3", "1a=2", "a.=1", "a..b=1", "a-b=1", "a.b=1,a=2", "a=2,a.b=1", "a=!tuple [1]",
    ],
)  # fmt: skip
def test_other_forms_are_refused_as_they_were_typed(text):
    with pytest.raises(LfpError) as caught:
        parse(text)
    assert str(caught.value) == (
        f"--params_override {text!r} is not of the form a.b=1,c=[1,2] nor a YAML text of fields."
    )


def test_no_object_is_made_of_yaml():
    with pytest.raises(LfpError, match="is not of the form"):
        parse("a: !!python/object/apply:os.getcwd []")


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 ./-_", max_size=8)
VALUES = st.one_of(
    st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), WORDS
)
LEAVES = VALUES | st.lists(VALUES, max_size=3)
NESTED = st.recursive(
    st.dictionaries(NAMES, LEAVES, min_size=1, max_size=3),
    lambda inner: st.dictionaries(NAMES, LEAVES | inner, min_size=1, max_size=3),
    max_leaves=5,
)


def written(value):
    """A value as a user types it; words in quotes, as `no` and `1:30` mean something to YAML."""
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def pairs(values, path=""):
    for name, value in values.items():
        if isinstance(value, dict):
            yield from pairs(value, f"{path}{name}.")
        else:
            yield f"{path}{name}={written(value)}"


@settings(max_examples=200, deadline=None, derandomize=True)
@given(NESTED)
def test_what_is_written_as_words_is_read_back(values):
    content = parse(",".join(pairs(values)))
    assert content == values
    # 1 == True == 1.0 for Python.
    assert repr(content) == repr(values)


def test_fields_are_changed_at_any_depth_and_the_rest_stays():
    params = Experiment(task=config.of_network("pspnet").task)
    before = params.as_dict()
    apply(params, {"task": {"model": {"bins": [1, 2]}}, "trainer": {"optimizer_config": {"optimizer": {"type": "sgd"}}}})  # fmt: skip
    assert params.task.model.bins == [1, 2] and params.trainer.optimizer_config.optimizer.get()
    after = params.as_dict()
    after["task"]["model"]["bins"] = [1, 2, 3, 6]
    after["trainer"]["optimizer_config"]["optimizer"] = {"type": None}
    assert after == before


def test_nothing_is_changed_where_anything_is_wrong():
    params = config.of_network("pspnet")
    before = params.as_dict()
    with pytest.raises(LfpError):
        apply(params, {"trainer": {"train_steps": 3, "train_step": 3}})
    assert params.as_dict() == before


def test_what_was_handed_in_is_not_shared():
    params, bins = config.of_network("pspnet"), [1, 2]
    apply(params, {"task": {"model": {"bins": bins}}})
    bins.append(9)
    assert params.task.model.bins == [1, 2]


def test_older_names_of_fields_are_still_read():
    params = config.of_network("pspnet")
    apply(params, {"trainer": {"preview_pictures": 7}})
    assert params.trainer.preview_images == 7
    assert "preview_pictures" not in params.as_dict()["trainer"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.train_step=3", 'There is no field "trainer.train_step". Did you mean "train_steps"?'),
        ("task.modell.depth=18", 'There is no field "task.modell". Did you mean "model"?'),
        ("tsk.model.depth=18", 'There is no field "tsk". Did you mean "task"? Fields of the experiment: task, trainer, runtime.'),
        ("task.losses.aux_weigth=0.1", "Fields of task.losses: normalization, weight_decay"),
        ("trainer.train_steps=many", "trainer.train_steps is 'many', but must be a whole number"),
        ("trainer.train_steps=1.5", "must be a whole number"),
        ("trainer.train_steps=true", "trainer.train_steps is True, but must be a whole number"),
        ("task.losses.aux_weight=false", "task.losses.aux_weight is False, but must be a number."),
        ("task.model.use_ppm=1", "must be true or false"),
        ("task.losses.normalization=off", "is False, but must be a text. Quote it if you mean the text: 'off'"),
        ("task.dataset=on", "Quote it if you mean the text: 'on'"),
        ("task.train_data.crop=33", "must be a list such as [1, 2]"),
        ("task.train_data.crop=[33,a]", "task.train_data.crop is [33, 'a'], but must be a list such as [1, 2]"),
        ("task.evaluation.scales=[a]", "must be a list such as [0.5, 1.0]"),
        ("task.freeze=[1]", "must be a list such as [a, b]"),
        ("task.model.bn_eps=x", "must be a number or null"),
        ("trainer.optimizer_config.ema={type: x}", "but must be null"),
        ("task.model=18", "task.model is a group of fields; give one, as in task.model.NAME=VALUE."),
        ("task.model.depth=19", "task.model.depth is 19, but must be one of 18, 34, 50, 101, 152"),
        ("trainer.train_steps=0", "trainer.train_steps is 0, but must be at least 1"),
        ("trainer.summary_interval=5,trainer.steps_per_loop=2", "must be a multiple of"),
        ("task.model.bins[0]=3", "is not of the form"),
        ("nonsense", "is not of the form"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_answered_before_anything_is_built(override, message):
    with pytest.raises(LfpError) as caught:
        config.of_recipe(read("pspnet18_scenes").config, changes=[overrides.parse(override)])
    assert message in str(caught.value)


def test_whole_numbers_are_numbers():
    params = config.of_network("pspnet")
    apply(params, parse("task.losses.aux_weight=1,task.model.bn_eps=1e-3,task.model.bn_decay=null"))
    assert (params.task.losses.aux_weight, params.task.model.bn_eps) == (1, 1e-3)
    assert params.task.model.bn_decay is None


def test_a_file_of_fields_is_read_or_refused_by_its_name(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("trainer: {train_steps: 7}\n")
    assert read_yaml(path) == {"trainer": {"train_steps": 7}}
    for content, words in (
        ("a: [1", "mine.yaml is not YAML of plain values: line 1: expected ',' or ']'"),
        ("a: 2001-12-14", "plain values: 2001-12-14 is read as date; quote it if it is meant as a"),
        ("a: !!int ''", r"plain values: a value is not what it is read as \(IndexError: "),
        ("a: " + "[" * 3000, "mine.yaml is not YAML of plain values: it nests too deep."),
        ("- 1", "must hold fields such as"),
    ):
        path.write_text(content)
        with pytest.raises(LfpError, match=words):
            read_yaml(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LfpError, match="mine.yaml is not YAML of plain values: "):
        read_yaml(path)
    with pytest.raises(LfpError, match="no.yaml cannot be read: No such file or directory."):
        read_yaml(tmp_path / "no.yaml")
