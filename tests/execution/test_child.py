"""Functions in child processes: what they return, raise, and how they end."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from oddspec.errors import OddspecError, SettingError
from oddspec.execution.child import ChildEnded, ChildProcess


@pytest.fixture(scope="module")
def child():
    child = ChildProcess()
    yield child
    child.end()


def fresh():
    return ChildProcess()


def test_it_returns_what_the_function_returns(child):
    assert child.call("os.path:join", "one", "two") == os.path.join("one", "two")
    assert child.call("os:getpid") != os.getpid()


def test_it_raises_what_the_function_raises(child):
    with pytest.raises(SettingError, match="no detector 'zzz'"):
        child.call("oddspec.detectors:load", "zzz")
    with pytest.raises(OddspecError, match="ValueError: invalid literal"):
        child.call("builtins:int", "one")
    assert child.alive


def test_what_it_prints_disturbs_nothing(child):
    assert child.call("builtins:print", "hello") is None
    assert child.call("os:system", "echo from a program") == 0
    assert child.call("builtins:int", "3") == 3


def test_a_crash_says_how_it_ended():
    child = fresh()
    with pytest.raises(ChildEnded, match=r"ended by signal|status"):
        child.call("os:abort")
    assert not child.alive
    with pytest.raises(ChildEnded):
        child.call("os:getpid")
    child.end()


def test_it_is_ended_where_it_takes_too_long():
    child = fresh()
    start = time.monotonic()
    with pytest.raises(ChildEnded, match="took more than"):
        child.call("time:sleep", 60, seconds=0.5)
    assert time.monotonic() - start < 20
    assert not child.alive


def test_it_is_ended_where_it_works_without_end_but_not_where_it_waits():
    child = fresh()
    assert child.call("time:sleep", 1.0, work=0.5) is None
    with pytest.raises(ChildEnded, match="without coming to an end"):
        child.call("math:factorial", 10**7, work=0.5)
    assert not child.alive


def test_it_is_ended_where_it_takes_too_much_memory():
    child = fresh()
    with pytest.raises(ChildEnded, match="more memory"):
        child.call("numpy:full", (400, 1_000_000), 1.0, memory=child.memory + 300_000_000)
    assert not child.alive


def test_it_ends_with_its_parent():
    code = (
        "from oddspec.execution.child import ChildProcess\n"
        "import os, time\n"
        "child = ChildProcess()\n"
        "print(child._process.pid, flush=True)\n"
        "child.ask('time:sleep', 600)\n"
        "time.sleep(0.2)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    number = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(number) or psutil.Process(number).status() == "zombie":
            return
        time.sleep(0.1)
    pytest.fail("the child goes on")
