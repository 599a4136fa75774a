"""Record a run as a sequence of steps: what one process does alone, and what is handed out, part by part.

Everything is done here, in one process and one thread, and timed by the processor, so that other programs on the same
cores change little. A part is packed and unpacked as it would be for another machine, and its size is kept.
"""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from cellapp.compute.executor import Map
from cellapp.images.read import open_slide
from cellapp.pipeline.run_batch import run_images
from cellapp.pipeline.run_inputs import RunItem
from cellapp.settings import AnalyseSettings


@dataclass
class Step:
    """Work between two moments of a run: of one process alone, or of as many as there are."""

    name: str
    alone_s: float = 0.0  # of the processor
    parts_s: list[float] = field(default_factory=list)  # of the processor, one for each part handed out
    sent_bytes: list[int] = field(default_factory=list)
    returned_bytes: list[int] = field(default_factory=list)
    beside_s: float = 0.0  # of the processor, of the process that handed parts out, before it asked for their results


@dataclass
class Record:
    """One run of one slide."""

    megapixels: float
    steps: list[Step]
    first_s: float  # what a process spends once before its first part: models, and opening the slide
    n_cells: int

    @property
    def alone_s(self) -> float:
        """What one process does alone."""
        return sum(step.alone_s for step in self.steps)

    @property
    def parts_s(self) -> float:
        """What is handed out."""
        return sum(sum(step.parts_s) for step in self.steps)


class Recorder:
    """An engine that does every part at once, as another process would."""

    parallel = True

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.first_s = 0.0
        self._since = time.process_time()
        self._named, self._started = "", False
        self._awaited: list[Step] = []  # handed out, and nobody has asked for results yet

    @contextmanager
    def open(self) -> Iterator[Map]:
        """Give the `Map`."""
        yield self._run

    def on_progress(self, step: str, _: float) -> None:
        """Close what was done alone since the last word under the name of that word."""
        self._close()
        self._named = _plain(step)

    def _close(self) -> None:
        now = time.process_time()
        spent, self._since = now - self._since, now
        if self._awaited:
            self._awaited[-1].beside_s += spent
            return
        if not (self.steps and not self.steps[-1].parts_s and self.steps[-1].name == self._named):
            self.steps.append(Step(self._named))
        self.steps[-1].alone_s += spent

    def _run(self, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self._close()
        made = Step(self._named)
        self.steps.append(made)
        self._awaited.append(made)
        return self._results(made, task, items)

    def _results(self, made: Step, task: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
        self._close()
        self._awaited.remove(made)
        made.name = self._named  # a step may name itself when its parts are awaited
        for item in items:
            sent = pickle.dumps((task, item), pickle.HIGHEST_PROTOCOL)
            result, spent = _do(sent)
            if not self._started:  # the first one also loads and opens, which a worker does once
                again = _do(sent)[1]
                self._started, self.first_s, spent = True, max(spent - again, 0.0), again
            made.parts_s.append(spent)
            made.sent_bytes.append(len(sent))
            made.returned_bytes.append(len(pickle.dumps(result, pickle.HIGHEST_PROTOCOL)))
            self._since = time.process_time()
            yield result
            made.alone_s += time.process_time() - self._since  # what is done with a result while others are awaited
            self._since = time.process_time()


def record(slide: Path, settings: AnalyseSettings, out: Path) -> Record:
    """Analyse a slide and return what its steps cost."""
    opened = open_slide(slide)
    recorder = Recorder()
    item = RunItem(slide.stem, partial(open_slide, slide))
    report = run_images([item], settings, out, engine=recorder, on_progress=recorder.on_progress)
    recorder.on_progress("end", 1.0)
    (result,) = report.results
    if result.error:
        raise RuntimeError(result.error)
    height, width = opened.info.shape[1:]
    steps = [step for step in recorder.steps if step.alone_s > 0.0005 or step.parts_s]
    return Record(height * width / 1e6, steps, recorder.first_s, int(result.summary["n_cells"]))


def _do(sent: bytes) -> tuple[Any, float]:
    start = time.process_time()
    task, item = pickle.loads(sent)
    result = task(item)
    return result, time.process_time() - start


def _plain(step: str) -> str:
    """Return a step without the name of its image, numbers and times."""
    return re.sub(r",? (tile|batch|window|part) \d+ of .*| \d.*", "", step.partition(": ")[2] or step)
