"""Many images, one folder: analyse each, write its files, go on when one fails, skip what is finished.

An image's folder appears in one piece when all its files are written, so a run that was killed goes on with the images
that have none, and ends with the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cellapp.compute.executor import Engine, Map
from cellapp.errors import CellappError
from cellapp.exports.tables import write_summary
from cellapp.images.known_digests import FileDigest, noting_digests
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.context import RunTasks, Task
from cellapp.pipeline.explain_method import with_explain_method
from cellapp.pipeline.progress import no_progress
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
        Does the work; this process when left out. Small images are handed out whole, large ones in tiles.
    models : RunModels, optional
        Models already loaded; loaded once here, when the first image needs them, when left out.

    Returns
    -------
    RunReport

    Raises
    ------
    Cancelled
        When `on_progress` raises it; finished images stay, and the finished parts of the one in hand.
    EngineError
        When the engine is lost; the same holds.
    """
    on_step, engine = on_progress or no_progress, engine or Engine()
    settings = with_explain_method(settings, models and models.head)

    @cache
    def load_models() -> RunModels:
        if models is not None:
            return models
        on_step("Loading models", 0.0)
        return load_run_models(settings)

    run = _Run(settings, out, resume, load_models, on_step, len(items))
    results = []
    with engine.open() as parallel_map:
        outcomes = run.on_engine(items, parallel_map) if engine.parallel else run.in_this_process(items)
        for result, analysis in outcomes:
            results.append(result)
            if on_image:
                on_image(result, analysis)
            on_step(f"{result.stem} {'done' if result.error is None else 'failed'}", len(results) / len(items))
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


@dataclass(frozen=True)
class _Run:
    """What all images of a run share."""

    settings: AnalyseSettings
    out: Path
    resume: bool
    load_models: Callable[[], RunModels]
    on_step: OnStep
    n_images: int

    def in_this_process(self, items: Sequence[RunItem]) -> Outcomes:
        """Analyse one image after the other."""
        for n_done, item in enumerate(items):
            yield self._run_image(item, n_done)

    def on_engine(self, items: Sequence[RunItem], parallel_map: Map) -> Outcomes:
        """Hand out small images whole, then large ones in parts."""
        large = {item.stem: opened for item in items if (opened := self._open_if_tiled(item))}
        small = [item for item in items if item.stem not in large]
        yield from parallel_map(ImageTask(self.settings, self.out, self.resume), small)
        for n_done, item in enumerate((item for item in items if item.stem in large), start=len(small)):
            yield self._run_tiled(item, large.pop(item.stem), n_done, parallel_map)

    def _run_tiled(
        self, item: RunItem, opened: _Opened, n_done: int, parallel_map: Map
    ) -> tuple[ImageResult, Analysis | None]:
        slides = opened.slides
        digests = tuple(slide.digest for slide in slides)

        def run_tasks(task: Task, parts: Sequence[object]) -> Iterator[object]:
            return parallel_map(TileTask(task, item, self.settings, digests, opened.read), parts)

        here = replace(item, open=lambda: slides[0], open_target=(lambda: slides[1]) if item.open_target else None)
        return self._run_image(here, n_done, run_tasks)

    def _run_image(
        self, item: RunItem, n_done: int, run_tasks: RunTasks | None = None
    ) -> tuple[ImageResult, Analysis | None]:
        def on_step(step: str, part: float) -> None:
            self.on_step(f"{item.stem}: {step}", (n_done + part) / self.n_images)

        self.on_step(item.stem, n_done / self.n_images)
        return run_image(
            item,
            self.settings,
            self.out,
            resume=self.resume,
            load_models=self.load_models,
            on_step=on_step,
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
