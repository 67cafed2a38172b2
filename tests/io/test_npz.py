import json
import pickle
import zipfile

import numpy as np
import pytest

from oddspec.errors import BudgetError, InputError, OddspecError
from oddspec.io import npz as archive


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.npz"
    archive.save_npz(path, "net", {"a.b": np.arange(6.0).reshape(2, 3)}, {"norm": "l2", "runs": 2})
    return path


def test_there_and_back(saved):
    arrays, settings = archive.load_npz(saved, "net")
    np.testing.assert_array_equal(arrays["a.b"], np.arange(6.0).reshape(2, 3))
    assert settings == {"norm": "l2", "runs": 2}
    assert [file.name for file in saved.parent.iterdir()] == ["model.npz"]


def test_numpy_reads_the_arrays_too(saved):
    with np.load(saved, allow_pickle=False) as file:
        np.testing.assert_array_equal(file["a.b"], np.arange(6.0).reshape(2, 3))


def test_only_numbers_are_kept(tmp_path):
    with pytest.raises(TypeError, match="only numbers"):
        archive.save_npz(tmp_path / "x.npz", "net", {"a": np.array([object()])}, {})
    assert not list(tmp_path.iterdir())


class Bomb:
    def __reduce__(self):
        return print, ("this must never run",)


def _archive(path, members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_pickled_object_never_runs(tmp_path, capsys):
    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    head = json.dumps({"format": "oddspec-model-1", "kind": "net", "settings": {}})
    members = {"settings.json": head, "a.npy": (tmp_path / "a.npy").read_bytes()}
    with pytest.raises(InputError, match="not a saved net model"):
        archive.load_npz(_archive(tmp_path / "bad.npz", members), "net")
    (tmp_path / "model.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match="not a saved net model"):
        archive.load_npz(tmp_path / "model.pt", "net")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("{}", "does not say oddspec-model-1"),
        ("[1]", "does not say oddspec-model-1"),
        ("not json", "not a saved net model"),
        ('{"format": "oddspec-model-1", "kind": "other", "settings": {}}', "kind 'other'"),
        ('{"format": "oddspec-model-1", "kind": "net", "settings": 3}', "holds no settings"),
    ],
)
def test_a_strange_head_is_named(tmp_path, head, says):
    with pytest.raises(InputError, match=says):
        archive.load_npz(_archive(tmp_path / "bad.npz", {"settings.json": head}), "net")


def test_a_missing_or_foreign_file_is_named(tmp_path, saved):
    with pytest.raises(InputError, match="no such file"):
        archive.load_npz(tmp_path / "absent.npz", "net")
    np.savez(tmp_path / "plain.npz", a=np.ones(3))
    with pytest.raises(InputError, match="not a saved net model"):
        archive.load_npz(tmp_path / "plain.npz", "net")
    half = tmp_path / "half.npz"
    half.write_bytes(saved.read_bytes()[:200])
    with pytest.raises(InputError, match="not a saved net model"):
        archive.load_npz(half, "net")


def test_what_unpacks_to_too_much_is_refused_unread(tmp_path, saved):
    with pytest.raises(BudgetError, match="unpacks to"):
        archive.load_npz(saved, "net", max_bytes=100)


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    before = saved.read_bytes()
    monkeypatch.setattr(np.lib.format, "write_array", fail)
    with pytest.raises(OddspecError, match="disk full"):
        archive.save_npz(saved, "net", {"a": np.ones(3)}, {})
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 1
