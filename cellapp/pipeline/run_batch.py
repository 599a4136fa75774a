"""Many images, one folder: analyse each, write its files, go on when one fails, skip what is finished.

An image's folder appears in one piece when all its files are written, so a run that was killed goes on with the images
that have none, and ends with the same files.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cellapp.compute.executor import Engine, Map
from cellapp.errors import CellappError
from cellapp.exports.tables import write_summary
from cellapp.images.known_digests import FileDigest, noting_digests
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.context import RunTasks, Task
from cellapp.pipeline.explain_method import with_explain_method
from cellapp.pipeline.in_hand import N_IN_HAND, in_hand
from cellapp.pipeline.progress import OnImageStep, RunProgress, no_progress
from cellapp.pipeline.remote_tasks import ImageTask, TileTask
from cellapp.pipeline.run_image import ImageResult, run_image
from cellapp.pipeline.run_inputs import RunItem
from cellapp.segmentation.slide_parameters import has_tiles
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import OnStep, Slide

Outcomes = Iterator[tuple[ImageResult, Analysis | None]]
"""The result of each image as it ends, with its analysis where that was made in this process."""


@dataclass(frozen=True)
class RunReport:
    """The results of a run, in the order of its images."""

    out: Path
    results: tuple[ImageResult, ...] = field(default_factory=tuple)

    @property
    def failed(self) -> tuple[ImageResult, ...]:
        """Images without a result."""
        return tuple(result for result in self.results if result.error is not None)


def run_images(
    items: Sequence[RunItem],
    settings: AnalyseSettings,
    out: Path,
    *,
    on_progress: OnStep | None = None,
    on_image: Callable[[ImageResult, Analysis | None], None] | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    models: RunModels | None = None,
) -> RunReport:
    """Analyse images into one folder, which docs/command-line.md describes.

    Parameters
    ----------
    items : sequence of RunItem
        Stems must differ.
    settings : AnalyseSettings
    out : Path
        Created when absent; each image gets ``out/<stem>/``.
    on_progress : callable, optional
        Progress of the whole run; may raise `Cancelled`.
    on_image : callable, optional
        Called as each image ends; the analysis is None when it failed, was resumed or was made in another process.
    resume : bool
        Keep folders already finished with the same settings and input.
    engine : Engine, optional
        Does the work; this process when left out. Small images are handed out whole, large ones in tiles, two of them
        at a time.
    models : RunModels, optional
        Models already loaded; loaded once here, when the first image needs them, when left out.

    Returns
    -------
    RunReport

    Raises
    ------
    Cancelled
        When `on_progress` raises it; finished images stay, and the finished parts of those in hand.
    EngineError
        When the engine is lost; the same holds.
    """
    progress, engine = RunProgress(on_progress or no_progress, len(items)), engine or Engine()
    settings = with_explain_method(settings, models and models.head)
    run = _Run(settings, out, resume, _Models(settings, models), progress.tell)
    results = []
    with run.outcomes(items, engine) as outcomes:
        for result, analysis in outcomes:
            results.append(result)
            if on_image:
                on_image(result, analysis)
            progress.tell(result.stem, f"{result.stem} {'done' if result.error is None else 'failed'}", 1.0)
    order = {item.stem: rank for rank, item in enumerate(items)}
    results.sort(key=lambda result: order[result.stem])
    summaries = [result.summary for result in results if result.summary]
    if summaries:  # a run in which nothing could be read leaves nothing behind
        write_summary(summaries, out)
    return RunReport(out, tuple(results))


class _Opened(NamedTuple):
    """An image of several tiles."""

    slides: tuple[Slide, ...]
    read: tuple[FileDigest, ...]


class _Models:
    """The models of a run, loaded when the first image needs them."""

    def __init__(self, settings: AnalyseSettings, models: RunModels | None) -> None:
        self._settings, self._models, self._lock = settings, models, threading.Lock()

    def loaded(self, on_loading: Callable[[], None]) -> RunModels:
        with self._lock:  # two images may be in hand
            if self._models is None:
                on_loading()
                self._models = load_run_models(self._settings)
            return self._models


@dataclass(frozen=True)
class _Run:
    """What all images of a run share."""

    settings: AnalyseSettings
    out: Path
    resume: bool
    models: _Models
    on_step: OnImageStep

    @contextmanager
    def outcomes(self, items: Sequence[RunItem], engine: Engine) -> Iterator[Outcomes]:
        """Give the outcomes; when the block ends, work that is in hand is called off, then waited for."""
        with ThreadPoolExecutor(N_IN_HAND) as threads, engine.open() as parallel_map:
            parallel = partial(self.on_engine, parallel_map=parallel_map, threads=threads)
            with closing((parallel if engine.parallel else self.in_this_process)(items)) as outcomes:
                yield outcomes

    def in_this_process(self, items: Sequence[RunItem]) -> Outcomes:
        """Analyse one image after the other."""
        for item in items:
            yield self._run_image(item, self.on_step)

    def on_engine(self, items: Sequence[RunItem], parallel_map: Map, threads: Executor) -> Outcomes:
        """Hand out small images whole, then large ones in parts."""
        large = {item.stem: opened for item in items if (opened := self._open_if_tiled(item))}
        small = [item for item in items if item.stem not in large]
        yield from parallel_map(ImageTask(self.settings, self.out, self.resume), small)
        tiled = [item for item in items if item.stem in large]
        yield from in_hand(
            [partial(self._run_tiled, item, large.pop(item.stem), parallel_map) for item in tiled],
            self.on_step,
            threads,
        )

    def _run_tiled(
        self, item: RunItem, opened: _Opened, parallel_map: Map, on_step: OnImageStep
    ) -> tuple[ImageResult, Analysis | None]:
        slides = opened.slides
        digests = tuple(slide.digest for slide in slides)

        def run_tasks(task: Task, parts: Sequence[object]) -> Iterator[object]:
            return parallel_map(TileTask(task, item, self.settings, digests, opened.read), parts)

        here = replace(item, open=lambda: slides[0], open_target=(lambda: slides[1]) if item.open_target else None)
        return self._run_image(here, on_step, run_tasks)

    def _run_image(
        self, item: RunItem, on_step: OnImageStep, run_tasks: RunTasks | None = None
    ) -> tuple[ImageResult, Analysis | None]:
        stem = item.stem
        on_step(stem, stem, 0.0)
        return run_image(
            item,
            self.settings,
            self.out,
            resume=self.resume,
            load_models=lambda: self.models.loaded(lambda: on_step(stem, "Loading models", 0.0)),
            on_step=lambda step, part: on_step(stem, f"{stem}: {step}", part),
            run_tasks=run_tasks,
        )

    def _open_if_tiled(self, item: RunItem) -> _Opened | None:
        """Open an image of several tiles; None for a smaller one, or one that cannot be opened."""
        try:
            with noting_digests() as read:
                slides = (item.open(), *([item.open_target()] if item.open_target else ()))
        except CellappError:
            return None  # the process that is given the image reports the error
        return _Opened(slides, tuple(read)) if has_tiles(slides[0].info, self.settings) else None
