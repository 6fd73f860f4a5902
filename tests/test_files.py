"""What the system at hand lacks. Full and read-only disks stand in tests/test_bad_input.py."""

import pytest

from lfp_tf import files
from lfp_tf.errors import LfpError


def test_a_folder_has_one_writer(tmp_path):
    refused = pytest.raises(LfpError, match="^busy$")
    with files.alone(tmp_path, "busy"), refused, files.alone(tmp_path, "busy"):
        pass
    with files.alone(tmp_path, "busy"):
        pass


def test_windows_which_flushes_no_folder_is_not_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "name", "nt")
    files._sync("no such folder")
