"""The commands that pages, helps and recipes tell: where they stand, and their words."""

import argparse
import importlib
import pathlib
import re
import shlex

from lfp_tf.cli.main import SUB_COMMANDS

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "experiments").rglob("*.md")),
]
# What a page writes where a name of the reader's stands.
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
PROGRAMS = (
    ("lfp-tf", None),
    ("python train.py", "train"),
    ("python export/export_saved_model.py", "export"),
)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise AssertionError(message)


def name_of(page):
    return str(page.relative_to(ROOT))


def lines_of(text):
    """The lines to type, comments gone and broken lines joined."""
    lines = text.replace("\\\n", " ").splitlines()
    return [" ".join(line.split(" #")[0].split()) for line in lines]


def fenced(page):
    """The command lines inside a page's fences."""
    return lines_of("\n".join(FENCE.findall(page.read_text(encoding="utf-8"))))


def spans(page):
    """The words in single backticks outside of fences; of tables that translate, our column."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for table in re.findall(r"^\| the original \|.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL):
        text = text.replace(table, "\n".join(row.split(" | ")[1] for row in table.splitlines()))
    return SPAN.findall(text)


def command(line):
    """(sub-command, its words) of a line that calls one of ours, or None."""
    for start, verb in PROGRAMS:
        if line == start or line.startswith(f"{start} "):
            words = shlex.split(line.removeprefix(start))
            return (verb, words) if verb else (words[0], words[1:]) if words else None
    return None


def parser(verb):
    assert verb in SUB_COMMANDS, f"no sub-command {verb}"
    made = Parser(allow_abbrev=False)
    importlib.import_module(f"lfp_tf.cli.{verb}").add_arguments(made)
    return made
