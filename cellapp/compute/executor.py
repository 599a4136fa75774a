"""Run tasks in this process, in several on this machine, or on a Dask cluster. The only file that knows Dask.

A cluster is named by the address of its scheduler and runs already; nothing here starts one. Every machine of it needs
cellapp, the weights and the same view of the input and output folders.

joblib is not used: its loky pool starts all its processes at once, works in the calling process when one is asked for,
and keeps processes with their models after the last task and after the death of the one that started them.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from cellapp.errors import EngineError, InputError

if TYPE_CHECKING:
    from dask.distributed import Client

Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""Hands out a picklable task on every item when it is called, and yields results as they end; what a task raises is
raised where they are read. In this process a task is done when its result is read."""

_CONNECT_S = 10  # seconds a scheduler has to answer
_PROCESSES = re.compile(r"processes(:[1-9][0-9]*)?")


@dataclass(frozen=True)
class Engine:
    """``serial``, ``processes``, ``processes:N`` or the address of a Dask scheduler, ``tcp://HOST:PORT``."""

    address: str = "serial"

    def __post_init__(self) -> None:
        if self.address != "serial" and "://" not in self.address and not _PROCESSES.fullmatch(self.address):
            raise InputError(f"engine must be serial, processes, processes:N or tcp://HOST:PORT; got {self.address!r}")

    @property
    def parallel(self) -> bool:
        """Whether tasks leave this process."""
        return self.address != "serial"

    @property
    def n_processes(self) -> int:
        """How many processes ``processes`` starts: as asked for, else one per core that may be used."""
        _, _, asked = self.address.partition(":")
        return int(asked) if asked else n_cores()

    @contextmanager
    def open(self) -> Iterator[Map]:
        """Give the `Map` of this engine; its processes or its connection live until the block ends.

        Raises
        ------
        InputError
            When no scheduler answers at the address.
        EngineError
            When a process is lost so often that its task cannot be done.
        """
        if not self.parallel:
            yield map
        elif _PROCESSES.fullmatch(self.address):
            with _pool(self.n_processes) as run:
                yield run
        else:
            with _cluster(self.address) as run:
                yield run


@contextmanager
def _pool(n_processes: int) -> Iterator[Map]:
    # Spawned, not forked: the threads of torch do not survive a fork.
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    pool = ProcessPoolExecutor(n_processes, context, initializer=_prepare_process, initargs=(n_processes, started))

    def run(task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        ended: SimpleQueue[Future[Any]] = SimpleQueue()  # `as_completed` waits for ever for what is cancelled meanwhile
        with _told_as_lost(started):
            for item in items:
                pool.submit(task, item).add_done_callback(ended.put)
        return results(ended, len(items))

    def results(ended: SimpleQueue[Future[Any]], n_items: int) -> Iterator[Any]:
        with _told_as_lost(started):
            for _ in range(n_items):
                yield ended.get().result()

    try:
        yield run
    finally:  # also of other threads: one that waits for parts gets CancelledError
        pool.shutdown(cancel_futures=True)


@contextmanager
def _told_as_lost(started: Event) -> Iterator[None]:
    """Say what to do where processes are lost, or none could be started."""
    try:
        yield
    except BrokenProcessPool as error:
        if not started.is_set():
            raise EngineError(
                "no process could be started on this machine (a limit on processes or memory, or a program that "
                "calls cellapp without `if __name__ == '__main__':`); use --engine serial"
            ) from error
        raise EngineError(
            "a process was killed, most often for want of memory; use fewer (--engine processes:N) or smaller "
            "tiles (segment.tile_px) and go on with --resume"
        ) from error


def _prepare_process(n_processes: int, started: Event) -> None:
    """Give this process its share of the cores, and end it when the process that started it is gone."""
    started.set()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(n_cores() // n_processes, 1)))  # before torch is imported
    end_with_parent()


def end_with_parent() -> None:
    """End this process when the one that started it by `multiprocessing` is gone, however that was ended."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)  # an exception in a thread would not end the process


@contextmanager
def _cluster(address: str) -> Iterator[Map]:
    from dask.distributed import as_completed

    client, handed_out = _connect(address), []

    def run(task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        futures = client.map(task, items, pure=False)
        handed_out.append(futures)
        return results(futures)

    def results(futures: list[Any]) -> Iterator[Any]:
        try:
            with _told_by_cluster(address):
                for future in as_completed(futures, loop=client.loop):
                    yield future.result()
        finally:
            client.cancel(futures)
            handed_out.remove(futures)

    with client:
        try:
            yield run
        finally:  # also of other threads, as above
            client.cancel([future for futures in [*handed_out] for future in futures])


@contextmanager
def _told_by_cluster(address: str) -> Iterator[None]:
    """Say what to do where workers are lost, or the cluster cannot import cellapp."""
    from dask.distributed import KilledWorker

    try:
        yield
    except KilledWorker as error:
        raise EngineError(
            "several workers of the cluster were lost over one part of the work, most often for want of memory; "
            "give them more, or smaller tiles (segment.tile_px), and go on with --resume"
        ) from error
    except (ImportError, RuntimeError) as error:
        if _lacks_cellapp(error):
            raise EngineError(
                f"the scheduler at {address} or one of its workers cannot import cellapp: start both in its folder "
                "with `python -m dask scheduler` and `python -m dask worker`, and the same version everywhere"
            ) from error
        raise


def _connect(address: str) -> Client:
    from dask.distributed import Client

    try:
        return Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:  # ValueError: no such address
        raise InputError(
            f"no Dask scheduler answers at {address}: start one with `python -m dask scheduler`"
        ) from error


def _lacks_cellapp(error: BaseException | None) -> bool:
    """Tell whether a process of the cluster failed to import this package; Dask wraps what it said."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "cellapp":
            return True
        error = error.__cause__
    return False


def n_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
