"""Several trainings at a time."""

import threading
import time

import pytest
import torch

from oddspec.networks.train import one_thread, rng_of_run, train_in_parallel


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_one_thread_for_a_while(threads):
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == threads


def test_results_are_in_order_and_each_has_one_thread(threads):
    told = []

    def work(number, progress):
        progress(1, 2, "halfway")
        time.sleep(0.05 * (4 - number))
        progress(2, 2, "done")
        return number, torch.get_num_threads(), threading.get_ident()

    found = train_in_parallel(4, work, lambda done, total, stage: told.append((done, total)))
    assert [number for number, _, _ in found] == [0, 1, 2, 3]
    assert {count for _, count, _ in found} == {1}
    assert len({thread for _, _, thread in found}) == threads
    assert torch.get_num_threads() == threads
    assert told == sorted(told)
    assert told[-1] == (4, 4)


def test_a_failure_stops_the_others_and_is_the_one_that_is_told(threads):
    steps = []

    def work(number, progress):
        if number == 1:
            raise ValueError("no luck")
        for step in range(200):
            steps.append(number)
            time.sleep(0.01)
            progress(step, 200, "training")

    with pytest.raises(ValueError, match="no luck"):
        train_in_parallel(3, work)
    # With one thread the first is through before the second fails.
    assert len(steps) < 100 or threads == 1


def test_progress_calls_it_off(threads):
    def stop(done, total, stage):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_in_parallel(3, lambda number, progress: progress(0, 1, "training"), stop)


def test_runs_have_random_numbers_of_their_own():
    drawn = [torch.rand(3, generator=rng_of_run(seed, run)) for seed in (0, 1) for run in (0, 1)]
    assert len({tuple(values.tolist()) for values in drawn}) == 4
    assert torch.equal(torch.rand(3, generator=rng_of_run(1, 0)), drawn[2])
