"""Functions in child processes: what they return, raise, and how they end."""

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from oddspec.errors import OddspecError, SettingError
from oddspec.execution.child import ChildEnded, ChildError, ChildProcess


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
    with pytest.raises(ChildError, match="ValueError: invalid literal"):
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


PROGRAM = [sys.executable, "-c", "import time; time.sleep(600)"]
"""Something that goes on for long."""


def goes_on(number):
    """Whether a process is there still, ten seconds from now."""
    for _ in range(100):
        if not psutil.pid_exists(number) or psutil.Process(number).status() == "zombie":
            return False
        time.sleep(0.1)
    return True


def test_it_ends_with_its_parent_and_so_does_what_it_has_started():
    code = (
        "from oddspec.execution.child import ChildProcess\n"
        "import os, sys\n"
        "child = ChildProcess()\n"
        "words = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "program = child.call('os:posix_spawn', sys.executable, words, dict(os.environ))\n"
        "print(child._process.pid, program, flush=True)\n"
        "child.ask('time:sleep', 600)\n"
        "os._exit(1)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    child, program = map(int, done.stdout.split())
    assert not goes_on(child)
    assert not goes_on(program)


@pytest.mark.parametrize("how", ["it is ended", "it crashes", "it ends by itself"])
def test_what_it_has_started_ends_with_it(how):
    child = fresh()
    program = child.call("os:posix_spawn", sys.executable, PROGRAM, dict(os.environ))
    if how != "it is ended":
        with pytest.raises(ChildEnded):
            child.call(*{"it crashes": ("os:abort",), "it ends by itself": ("os:_exit", 3)}[how])
        assert psutil.pid_exists(program)
    child.end()
    assert not goes_on(program)


def test_an_end_is_told_though_a_program_holds_the_pipe_open():
    """What was forked has all handles of the child."""
    child = fresh()
    with pytest.raises(ChildEnded, match="status 3"):
        child.call("builtins:exec", "import os, time\nif os.fork(): os._exit(3)\ntime.sleep(60)")
    child.end()


def test_tasks_do_not_go_to_what_reads_there(child):
    assert child.call("os:system", "cat") == 0
    assert child.call("builtins:int", "3") == 3


def test_an_answer_that_cannot_be_read_is_an_error():
    """As an error of a class of the user's own, which only the child has loaded."""
    child = fresh()
    code = "import sys\nclass Own(Exception): pass\nOwn.__module__ = 'own'\n"
    code += "sys.modules['own'] = type('Module', (), {'Own': Own})"
    child.call("builtins:exec", code)
    with pytest.raises(ChildError, match=r"answer that cannot be read .*own"):
        child.call("own:Own", "an instance")
    assert child.call("builtins:int", "3") == 3
    child.end()


def test_it_tells_when_there_is_an_answer():
    told = threading.Event()
    child = ChildProcess(on_answer=told.set)
    told.clear()
    child.ask("time:sleep", 0.2)
    assert not child.answered
    assert told.wait(20)
    assert child.answered
    assert child.answer() is None
    child.end()


def test_no_start_is_a_sentence(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(OddspecError, match="no child process can be started"):
        ChildProcess()
    monkeypatch.undo()
    with pytest.raises(OddspecError, match=r"no child process can be started: .*No module named"):
        ChildProcess("oddspec.nowhere")
