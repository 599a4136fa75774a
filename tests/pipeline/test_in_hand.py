"""Two slides are in hand at a time, what they tell comes in the caller's thread, and an end of one ends the other."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from cellapp.errors import Cancelled, EngineError
from cellapp.pipeline.in_hand import N_IN_HAND
from cellapp.pipeline.in_hand import in_hand as in_threads
from cellapp.pipeline.progress import RunProgress


def in_hand(jobs, on_step):
    """Do jobs in threads that are waited for."""
    with ThreadPoolExecutor(N_IN_HAND) as threads, closing(in_threads(jobs, on_step, threads)) as results:
        yield from results


class Jobs:
    """Jobs that tell steps and count how many of them are going on."""

    def __init__(self, n_steps=3):
        self.n_steps, self.open, self.most_open, self.ended = n_steps, 0, 0, []
        self._lock = threading.Lock()

    def job(self, number, error=None):
        def work(on_step):
            self._count(1)
            try:
                for step in range(self.n_steps):
                    on_step(f"image{number}", f"step {step}", step / self.n_steps)
                    time.sleep(0.002)
                if error:
                    raise error
                return number
            finally:
                self._count(-1)

        return work

    def _count(self, more):
        with self._lock:
            self.open += more
            self.most_open = max(self.most_open, self.open)


def silent(stem, step, part):
    """Progress nobody sees."""


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_every_result_comes_once_and_no_more_than_two_are_in_hand(n):
    jobs = Jobs()
    assert sorted(in_hand([jobs.job(number) for number in range(n)], silent)) == [*range(n)]
    assert jobs.most_open == min(n, N_IN_HAND)
    assert jobs.open == 0


def test_the_next_is_begun_when_a_result_was_taken_and_more_are_asked_for():
    jobs, begun = Jobs(n_steps=1), threading.Event()
    results = in_hand([jobs.job(0), jobs.job(1), lambda _: begun.set()], silent)
    next(results)
    time.sleep(0.05)
    assert not begun.is_set()
    assert len([*results]) == 2
    assert begun.is_set()


def test_progress_is_told_in_the_callers_thread_each_image_in_order_and_the_run_forward():
    told, threads, seen = [], set(), []
    progress = RunProgress(lambda step, fraction: seen.append(fraction), 4)

    def on_step(stem, step, part):
        threads.add(threading.current_thread())
        told.append((stem, step))
        progress.tell(stem, step, part)

    for number in in_hand([Jobs().job(number) for number in range(4)], on_step):
        progress.tell(f"image{number}", "done", 1.0)
    assert threads == {threading.current_thread()}
    for number in range(4):
        assert [step for stem, step in told if stem == f"image{number}"] == ["step 0", "step 1", "step 2"]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


@pytest.mark.parametrize("error", [EngineError("lost"), ValueError("a bug")])
def test_what_one_raises_ends_the_other_before_it_is_told(error):
    jobs = Jobs(n_steps=500)
    soon = Jobs(n_steps=1)
    with pytest.raises(type(error), match=str(error)):
        [*in_hand([jobs.job(0), soon.job(1, error), jobs.job(2)], silent)]
    assert jobs.open == 0
    assert jobs.most_open == 1


@pytest.mark.parametrize("n", [1, 3])
def test_a_cancel_ends_all_and_nothing_goes_on_behind_it(n):
    jobs = Jobs(n_steps=500)

    def cancel(stem, step, part):
        if step == "step 5":
            raise Cancelled("stopped by the user")

    with pytest.raises(Cancelled, match="stopped by the user"):
        [*in_hand([jobs.job(number) for number in range(n)], cancel)]
    assert jobs.open == 0


def test_a_caller_that_stops_asking_ends_all():
    jobs = Jobs(n_steps=500)
    results = in_hand([Jobs(n_steps=1).job(0), jobs.job(1), jobs.job(2)], silent)
    assert next(results) == 0
    results.close()
    assert jobs.open == 0
