"""What the system at hand lacks. Full and read-only disks stand in tests/test_bad_input.py."""

from lfp_tf import files


def test_windows_which_flushes_no_folder_is_not_asked_to(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "name", "nt")
    files._sync("no such folder")
