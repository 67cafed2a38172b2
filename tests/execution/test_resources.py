"""Memory and processors, on systems that this machine is not."""

import os
import re
import sys
import types
from pathlib import Path

import numpy as np
import psutil
import pytest

import oddspec
from oddspec.errors import SettingError
from oddspec.execution import resources
from oddspec.execution.resources import Resources

SOURCE = Path(oddspec.__file__).parent

ONE_SYSTEMS_OWN = re.compile(
    r"/proc\b|sched_getaffinity|sysconf|getrusage|clear_refs|ctypes\.CDLL|os\.killpg|os\.fork|fcntl"
    r"|SIGKILL"
)

EXPECTED = {
    "execution/resources.py": {"/proc", "getrusage", "clear_refs"},
    "execution/child.py": {"SIGKILL"},
}


def test_no_other_file_names_what_only_one_system_has():
    found = {
        path.relative_to(SOURCE).as_posix(): set(ONE_SYSTEMS_OWN.findall(path.read_text()))
        for path in SOURCE.rglob("*.py")
    }
    assert {
        name: rest for name, names in found.items() if (rest := names - EXPECTED.get(name, set()))
    } == {}


@pytest.fixture
def elsewhere(monkeypatch):
    """A system that tells no process which processors it may run on: macOS."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)
    monkeypatch.setattr(resources, "Path", lambda name: Path(f"/nowhere{name}"))
    monkeypatch.setattr(os, "cpu_count", lambda: 3)


def test_everything_runs_where_affinity_and_proc_are_missing(elsewhere, rng):
    assert resources.processors() == 3
    assert Resources().threads == 3
    assert not resources.reset_peak()
    assert resources.peak_since_reset() == resources.peak_memory()
    assert resources.machine()["cpus"] == 3
    scores = oddspec.detect(rng.normal(size=(9, 8, 4)))
    assert np.isfinite(scores).all()


def test_an_unknown_number_of_processors_counts_as_one(elsewhere, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert resources.processors() == 1


@pytest.mark.parametrize(("system", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_peak_is_in_bytes_whatever_the_system_counts_in(monkeypatch, system, unit):
    usage = types.SimpleNamespace(ru_maxrss=5_000_000)
    module = types.SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: usage)
    monkeypatch.setitem(sys.modules, "resource", module)
    monkeypatch.setattr(sys, "platform", system)
    assert resources.peak_memory() == 5_000_000 * unit


def test_the_peak_on_windows_is_psutils(monkeypatch):
    monkeypatch.setitem(sys.modules, "resource", None)
    info = types.SimpleNamespace(rss=1000, peak_wset=7_000_000)
    monkeypatch.setattr(psutil.Process, "memory_info", lambda self: info)
    assert resources.peak_memory() == 7_000_000
    monkeypatch.setattr(psutil.Process, "memory_info", lambda self: types.SimpleNamespace(rss=1))
    assert resources.peak_memory() is None


def test_what_is_left_counts_what_the_process_has(monkeypatch):
    monkeypatch.setattr(resources, "resident", lambda: 300)
    monkeypatch.setattr(resources, "helpers", ())  # other tests may have left children that wait
    assert Resources(max_memory=1000).left() == 700
    monkeypatch.setattr(resources, "free_memory", lambda: 500)
    assert Resources().left() == 250


def test_a_process_that_has_ended_has_no_memory_to_tell_of():
    assert resources.resident(2**22 + 1) is None
    assert resources.resident() > 1e6


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"max_memory": 0}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(SettingError, match=f"{next(iter(wrong))}=0: expected"):
        Resources(**wrong)


def test_memory_is_that_of_the_system():
    assert 0 < resources.free_memory() <= resources.total_memory()
    assert resources.peak_memory() > 1e6
