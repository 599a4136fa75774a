"""Two slides of a run in hand at a time: workers have parts of the next one while the files of one are written."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import TypeVar

from cellapp.errors import Cancelled
from cellapp.pipeline.progress import OnImageStep

N_IN_HAND = 2
"""Bounds the memory of the process that joins the parts, and how many slides each worker keeps open."""

Result = TypeVar("Result")
Job = Callable[[OnImageStep], Result]
"""The work on one slide, which is given what tells its progress."""


def in_hand(jobs: Sequence[Job[Result]], on_step: OnImageStep, threads: Executor) -> Iterator[Result]:
    """Do jobs and yield their results as they end: one here, several in threads, two at a time.

    Parameters
    ----------
    jobs : sequence of callable
        Begun in this order, each when the result of an earlier one was taken.
    on_step : callable
        Progress of all, told in the thread of the caller. Where it raises, or the caller ends the iteration, the jobs
        in hand end with `Cancelled` at their next step.
    threads : Executor
        Of `N_IN_HAND` threads. Whoever made them waits for the jobs in hand, when their parts are called off: a job
        whose parts stand behind those of the other one would be waited for until these are done.

    Raises
    ------
    Exception
        What a job raises; the others end as above.
    """
    if len(jobs) == 1:
        yield jobs[0](on_step)
        return
    waiting, told, stopped = deque(jobs), SimpleQueue(), threading.Event()
    del jobs  # what a job that has ended was made with is let go

    def tell(*step: str | float) -> None:
        if stopped.is_set():
            raise Cancelled("another part of the run has ended it")
        told.put(step)

    try:
        yield from _results(lambda: threads.submit(waiting.popleft(), tell), waiting, told, on_step)
    finally:
        stopped.set()


def _results(
    start: Callable[[], Future[Result]], waiting: deque[Job[Result]], told: SimpleQueue, on_step: OnImageStep
) -> Iterator[Result]:
    """Keep `N_IN_HAND` jobs going, tell what they tell and yield what they return."""
    n_open = 0
    while n_open or waiting:
        while waiting and n_open < N_IN_HAND:
            start().add_done_callback(told.put)
            n_open += 1
        message = told.get()
        if isinstance(message, Future):
            yield message.result()
            n_open -= 1
        else:
            on_step(*message)
