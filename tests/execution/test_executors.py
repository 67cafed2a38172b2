"""Tasks on threads: all are done, failures stop the rest, BLAS keeps to one thread each."""

import threading
import time

import pytest
from threadpoolctl import threadpool_info

from oddspec.execution.executors import map_in_threads, one_blas_thread, run_tasks, thread_pool
from oddspec.progress import silent


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_every_task_is_done_once_and_counted_with_those_of_before(workers):
    done, reports = [], []
    run_tasks(range(20), done.append, workers, lambda *report: reports.append(report), "work", 5)
    assert sorted(done) == list(range(20))
    assert reports == [(count, 25, "work") for count in range(5, 26)]


def test_nothing_to_do_is_reported_too():
    reports = []
    run_tasks([], pytest.fail, 2, lambda *report: reports.append(report), "work", 7)
    assert reports == [(7, 7, "work")]


@pytest.mark.parametrize("workers", [1, 3])
def test_after_a_failure_no_further_task_begins(workers):
    begun = []

    def work(task):
        begun.append(task)
        if task == 2:
            raise ValueError("no luck")
        time.sleep(0.01)

    with pytest.raises(ValueError, match="no luck"):
        run_tasks(range(500), work, workers, silent, "work")
    assert len(begun) < 20


def test_the_failure_itself_is_raised_and_not_that_another_was_stopped():
    second_failed = threading.Event()

    def work(task, progress):
        if task == "second":
            second_failed.set()
            raise ValueError("no luck")
        second_failed.wait()
        for step in range(1000):
            time.sleep(0.001)
            progress(step, 1000, "work")

    with pytest.raises(ValueError, match="no luck"):
        map_in_threads(work, ["first", "second"], 2, silent)


def test_blas_has_one_thread_for_a_while():
    before = blas_threads()
    with one_blas_thread():
        assert blas_threads() == {1}
        with thread_pool() as threads:
            assert threads is map
    assert blas_threads() == before


def blas_threads():
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }
