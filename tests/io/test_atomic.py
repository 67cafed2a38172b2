import os

import pytest

from oddspec.errors import OddspecError
from oddspec.io.atomic import atomic_write, told_where, write_text


def test_bytes_are_on_the_disk_before_the_name_and_the_name_before_it_returns(
    tmp_path, monkeypatch
):
    done = []
    fsync, replace = os.fsync, os.replace

    def syncing(handle):
        done.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def replacing(old, new):
        done.append(("rename", os.path.basename(new)))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", replacing)
    with atomic_write(tmp_path / "map.tif") as partial:
        partial.write_text("map")
        partial.with_name(partial.name + ".aux.xml").write_text("side")
    assert done == [
        ("sync", ".partial-map.tif"),
        ("sync", ".partial-map.tif.aux.xml"),
        ("rename", "map.tif"),
        ("rename", "map.tif.aux.xml"),
        ("sync", tmp_path.name),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["map.tif", "map.tif.aux.xml"]


def test_a_folder_that_cannot_be_synced_is_no_error(tmp_path, monkeypatch):
    def opens_no_folders(path, flags):
        raise PermissionError

    monkeypatch.setattr(os, "open", opens_no_folders)
    write_text(tmp_path / "text", "text")
    assert (tmp_path / "text").read_text() == "text"


def test_what_the_system_says_against_a_file_becomes_a_sentence(tmp_path):
    missing = pytest.raises(OddspecError, match=r"here: cannot be written \(No such file")
    with missing, told_where(tmp_path / "here"):
        (tmp_path / "none" / "file").write_text("")
