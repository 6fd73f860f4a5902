"""What the pages say is so: commands parse, names exist, links lead somewhere, code runs.

`python -m tests.test_docs` writes the table of `experiments/README.md` anew.
"""

import itertools
import json
import pathlib
import re
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))  # `python -m` has no conftest.py.
from page_commands import PAGES, PLACEHOLDER, ROOT, command, fenced, name_of, parser, spans

from lfp_tf.checkpoints.presets import preset_names
from lfp_tf.cli.train import MODES
from lfp_tf.data.datasets.catalog import DATASETS
from lfp_tf.recipes import experiments
from lfp_tf.tasks.catalog import SEGMENTATION
from lfp_tf.tasks.segmentation.arguments import EXPORTED_PROTOCOLS, PROTOCOLS

TABLE = ROOT / "experiments" / "README.md"
OF_EVERY_KIND = (
    *("pspnet18_scenes", "deeplabv2_folder", "lfp_resnet101_voc"),
    *("lfp_resnet50_imagenet", "lfp_hourglass_mpii", "maskrcnn_small_scenes"),
    "fpt_seg_ufp_resnet101_ade20k",
)
RENEW = "run `python -m tests.test_docs`"


def check_names(verb, given):
    """Names among parsed arguments (a dict) that must exist."""
    choices = {
        "experiment": experiments.paths(),
        "name": experiments.paths() if verb == "experiments" else (),
        "dataset": DATASETS,
        "mode": MODES,
        "preset": preset_names(),
        "protocol": EXPORTED_PROTOCOLS if verb == "export" else PROTOCOLS,
    }
    for name, known in choices.items():
        value = given.get(name)
        if value is not None and not PLACEHOLDER.fullmatch(value):
            assert value in known, f"--{name} {value}"


def cases(find):
    return [
        pytest.param(line, id=f"{name_of(page)}: {line}")
        for page in PAGES
        for line in dict.fromkeys(find(page))
    ]


@pytest.mark.parametrize("line", cases(lambda page: filter(command, fenced(page))))
def test_fenced_commands_parse(line):
    verb, words = command(line)
    check_names(verb, vars(parser(verb).parse_args(words)))


@pytest.mark.parametrize("line", cases(lambda page: filter(command, spans(page))))
def test_commands_within_a_sentence_name_what_exists(line):
    verb, words = command(line)
    flags = {
        flag: action.dest for action in parser(verb)._actions for flag in action.option_strings
    }
    given = {}
    for word, after in itertools.pairwise([*words, None]):
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            assert flag in flags, f"{verb} has no {flag}"
            given[flags[flag]] = value if equals else after
    if verb == "data" and words and words[0].isidentifier():
        given["dataset"] = words[0]
    check_names(verb, given)


def test_there_are_commands_to_check():
    found = [line for page in PAGES for line in fenced(page) if command(line)]
    assert {command(line)[0] for line in found} >= {"data", "train", "export", "convert", "inspect"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_targets_scripts_and_paths_exist(page):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for line in [*fenced(page), *spans(page)]:
        words = line.split()
        if words and words[0] == "make":
            wanted = {word for word in words[1:] if "=" not in word}
            assert wanted <= set(targets), line
        if (
            words
            and words[0].endswith("python")
            and len(words) > 1
            and words[1].startswith("export/")
        ):
            assert (ROOT / words[1]).is_file(), line
        for word in words:
            if re.match(r"(lfp_tf|tests|export|docs|benchmarks)/[\w/]+\.\w+$", word):
                assert (ROOT / word).exists(), word


def test_the_request_program_takes_what_pages_say(monkeypatch):
    options = re.findall(r'add_argument\("(--\w+)"', (ROOT / "export/request.py").read_text())
    lines = [line for page in PAGES for line in fenced(page) if "export/request.py" in line]
    assert lines
    for line in lines:
        assert set(re.findall(r"--\w+", line)) <= set(options)


@pytest.mark.parametrize("name", ["README.md", "docs/serving.md"])
def test_what_is_exported_is_what_the_compose_file_serves(name):
    service = yaml.safe_load((ROOT / "export/compose.yaml").read_text())["services"]["serving"]
    (default,) = re.findall(r"\$\{LFP_EXPORT:-\./(\w+)\}", " ".join(service["volumes"]))
    lines = fenced(ROOT / name)
    before = lines[lines.index("docker compose -f export/compose.yaml up") - 1]
    assert f"--export_dir export/{default}" in before, f"{name} exports where no server looks"


def anchors(page):
    """What may stand behind # in a link to a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere_and_nothing_is_of_one_machine(page):
    text = page.read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\(([^)#\s]+)#?([^)]*)\)", text):
        if not re.match(r"\w+:", target):
            assert (page.parent / target).exists(), target
            assert not anchor or anchor in anchors(page.parent / target), f"{target}#{anchor}"
    for machine in ("/work/", "/root/", "/home/"):
        assert machine not in text


def test_fields_that_pages_name_exist():
    from lfp_tf.errors import LfpError
    from lfp_tf.recipes import config, overrides

    pattern = re.compile(r"((?:task|trainer|runtime)(?:\.(?!py\b)\w+)+)(=\S+)?")
    for page in PAGES:
        for span in spans(page):
            found = pattern.fullmatch(span)
            if not found:
                continue
            problems = []
            for name in OF_EVERY_KIND:
                params = config.of_recipe(experiments.read(name).config)
                try:
                    if found[2]:
                        overrides.apply(params, overrides.parse(span))
                        config.validate(params)
                    else:
                        config.value_at(params, found[1])
                except (LfpError, AttributeError) as error:
                    problems.append(f"{name_of(page)}: {span}: {error}")
            assert len(problems) < len(OF_EVERY_KIND), problems


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    import numpy as np
    from PIL import Image
    from small_network import CHANGES, random_images, save_npz, small_network

    page = (ROOT / "README.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    (image,) = random_images((33, 41))
    monkeypatch.chdir(tmp_path)
    # The content decides what a file is, so ours may bear the name that the page gives.
    save_npz(small_network(), "pspnet101_cityscapes.caffemodel")
    Image.fromarray(image).save("street.jpg")
    before = 'build("pspnet101_cityscapes", preset="caffe")'
    assert before in code
    code = code.replace(before, 'build("pspnet18_scenes", changes=CHANGES)')
    names = {"CHANGES": CHANGES}
    exec(code, names)
    assert names["labels"].shape == (33, 41) and names["labels"].dtype == np.uint8
    assert np.asarray(Image.open("overlay.png")).shape == (33, 41, 3)
    assert capsys.readouterr().out.strip()


def test_the_python_of_the_page_on_keras_runs(tmp_path, monkeypatch):
    import numpy as np

    page = (ROOT / "docs" / "keras.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    names = {}
    for code in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(code, names)
    assert np.isfinite(names["history"].history["loss"]).all()
    assert names["labels"].shape == (97, 129) and (tmp_path / "street.png").is_file()
    for ours, theirs in zip(names["again"].weights, names["model"].weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    # Everything but the two classifiers was taken over for other classes.
    pairs = zip(names["other"].weights, names["model"].weights, strict=True)
    differing = {a.name.split("/")[0] for a, b in pairs if not np.array_equal(a, b)}
    assert differing == {"cls_logits", "aux_logits"}


def test_the_notebook_runs_and_is_small(tmp_path, monkeypatch, capsys):
    path = ROOT / "docs" / "quickstart.ipynb"
    assert path.stat().st_size < 20_000
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            exec(text, names)
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            assert (ROOT / "docs" / target).exists(), target
    assert "11 classes" in capsys.readouterr().out
    assert names["labels"].shape == (181, 241) and names["shown"].size[0] >= 241


def experiment_table():
    """The table of `experiments/README.md`, from the YAML files."""
    lines = [
        "| experiment | network | data set | protocol | published | steps | batch |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, path in experiments.paths().items():
        experiment = experiments.read(name)
        about, config = experiment.about, experiment.config
        cells = (
            f"[`{name}`]({path.parent.name}/{path.name})",
            about["network"],
            experiment.dataset,
            about["protocol"],
            about["published"] or "none",
            config["trainer"]["train_steps"],
            config["task"]["train_data"]["global_batch_size"],
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def test_the_table_of_experiments_is_that_of_the_yaml_files():
    assert experiment_table() in TABLE.read_text(encoding="utf-8"), RENEW


def test_what_a_recipe_says_about_itself_is_what_it_does():
    for name in experiments.paths():
        experiment = experiments.read(name)
        task = experiment.config["task"]
        assert experiment.about["dataset"] == task["dataset"], name
        if experiment.task is SEGMENTATION:
            assert experiment.about["protocol"] == task["evaluation"]["protocol"], name
        assert experiment.about["batch"] == task["train_data"]["global_batch_size"], name


def test_recipes_read_splits_that_their_data_set_makes():
    for name in experiments.paths():
        experiment = experiments.read(name)
        splits = DATASETS[experiment.dataset].splits
        for data in ("train_data", "validation_data"):
            assert experiment.config["task"][data]["split"] in splits, name


if __name__ == "__main__":
    page = TABLE.read_text(encoding="utf-8")
    rows = re.search(r"^\| experiment .*?(?=\n\n|\Z)", page, re.MULTILINE | re.DOTALL)
    TABLE.write_text(page.replace(rows[0], experiment_table()), encoding="utf-8")
