"""What a wheel and a source archive hold, and that the wheel works where no checkout is.

Both are built from a copy: a build in the checkout would leave its own files there, and take what
an earlier one left.
"""

import ast
import configparser
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
import tiny

ROOT = tiny.ROOT
FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "constraints.txt")
# The last two must be left out.
FOLDERS = ("lfp_tf", "experiments", "tests", "benchmarks")
DATA = {".css", ".html", ".js", ".json", ".npz", ".svg", ".txt", ".yaml"}
UNIX_ALONE = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
# A program of its own, started only where `resource` is.
RUN_ALONE = "lfp_tf/checkpoints/formats/h5_child.py"


def build(kind, source, out):
    """Builds an sdist or a wheel as pip would, with what is installed; returns its path."""
    code = f"import sys; from setuptools import build_meta as b; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return out / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """What a build needs of the checkout, and what it must leave out."""
    folder = tmp_path_factory.mktemp("source")
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    left_out = shutil.ignore_patterns("__pycache__", "golden")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=left_out)
    return folder


@pytest.fixture(scope="module")
def sdist(source, tmp_path_factory):
    return build("sdist", source, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel of the unpacked sdist: what pip builds where there is no wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder)
    (unpacked,) = folder.iterdir()
    return build("wheel", unpacked, folder)


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory):
    """A folder of installed packages with ours in it."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def installed(site, cwd, *words):
    """Runs `lfp-tf` of the installed package in a folder that is no checkout."""
    code = (
        "import sys, lfp_tf; from lfp_tf.cli.main import main;"
        "assert lfp_tf.__file__.startswith(sys.argv.pop(1)), lfp_tf.__file__; sys.exit(main())"
    )
    done = tiny.run("-c", code, site, *words, cwd=cwd, PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
    return done


def package_files():
    """The modules and data files of the checkout's package, the recipes behind the link too."""
    return {
        str(pathlib.Path(folder, name).relative_to(ROOT))
        for folder, _, names in os.walk(ROOT / "lfp_tf", followlinks=True)
        for name in names
        if pathlib.Path(name).suffix in DATA | {".py"}
    }


def test_the_wheel_holds_every_module_and_every_data_file(wheel):
    expected = package_files()
    assert {pathlib.Path(name).suffix for name in expected} == DATA | {".py"}
    assert expected - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_wheel_holds_the_package_alone(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"lfp_tf"}


def test_a_wheel_of_the_checkout_is_the_one_of_the_source_archive(source, wheel, tmp_path):
    ours, theirs = (zipfile.ZipFile(path) for path in (build("wheel", source, tmp_path), wheel))
    digests = [
        {item.filename: item.CRC for item in archive.infolist() if "dist-info" not in item.filename}
        for archive in (ours, theirs)
    ]
    assert digests[0] == digests[1]


def test_the_source_archive_holds_no_test_that_could_not_run(sdist):
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"constraints.txt", "LICENSE", "README.md", "setup.cfg"} <= names
    assert not {name.split("/")[0] for name in names} & {"tests", "benchmarks"}


def test_the_package_tells_where_it_comes_from_and_runs_where_ci_tries_it(wheel):
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = archive.read(name).decode()
    for line in ("Documentation, https://", "Source, https://", "Issues, https://"):
        assert f"\nProject-URL: {line}" in metadata
    for version in ("3.11", "3.12"):
        assert f"\nClassifier: Programming Language :: Python :: {version}\n" in metadata
    entry_points = configparser.ConfigParser()
    entry_points.read_string(archive.read(name.replace("METADATA", "entry_points.txt")).decode())
    assert dict(entry_points["console_scripts"]) == {"lfp-tf": "lfp_tf.cli.main:main"}


def test_the_wheel_lists_its_experiments(site, tmp_path):
    listed = installed(site, tmp_path, "experiments").stdout
    assert "pspnet101_cityscapes" in listed and "lfp_hourglass_mpii" in listed


def test_the_wheel_runs_golden_cases(site, tmp_path):
    cases = ROOT / "tests" / "golden" / "pspnet"
    done = installed(site, tmp_path, "parity", cases, "--match", "transform-hflip")
    assert done.stdout.endswith("1 of 1 cases hold\n")


@pytest.mark.slow  # The demo's five commands, each of which loads TensorFlow.
def test_the_wheel_runs_the_demo(site, tmp_path):
    done = installed(site, tmp_path, "demo", "--out", "tried", "--counts", "16,4,4", "--steps", "2")
    assert "\n$ lfp-tf train --experiment=pspnet18_scenes" in done.stderr
    assert "new scenes.\nThe report: tried/report.html\n" in done.stdout
    for name in ("report.html", "predictions/scene_0.overlay.png", "saved_model/1/saved_model.pb"):
        assert (tmp_path / "tried" / name).is_file()


@pytest.mark.parametrize(
    "path", sorted(name for name in package_files() if name.endswith(".py")), ids=str
)
def test_no_module_needs_unix_to_be_imported(path):
    if path == RUN_ALONE:
        return
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            assert not UNIX_ALONE & {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module.split(".")[0] not in UNIX_ALONE
