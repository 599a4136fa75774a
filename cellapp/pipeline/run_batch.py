"""Many images, one folder: analyse each, write its files, go on when one fails, skip what is finished.

An image's folder appears in one piece when all its files are written, so a run that was killed goes on with the images
that have none, and ends with the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cellapp.compute.executor import Engine, Map
from cellapp.errors import CellappError
from cellapp.exports.image_folder import write_summary
from cellapp.models.bundle import RunModels, load_run_models
from cellapp.pipeline.context import RunTasks, Task
from cellapp.pipeline.remote_tasks import ImageTask, TileTask
from cellapp.pipeline.run_image import ImageResult, RunItem, run_image
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import Slide

__all__ = ["ImageResult", "RunItem", "RunReport", "run_images"]

RunProgress = Callable[[str, float], None]
"""Words and the fraction of the whole run done; may raise `Cancelled`."""


@dataclass(frozen=True)
class RunReport:
    """What became of a run."""

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
    on_progress: RunProgress | None = None,
    on_image: Callable[[ImageResult, Analysis | None], None] | None = None,
    resume: bool = False,
    engine: Engine | None = None,
    models: RunModels | None = None,
) -> RunReport:
    """Analyse images into a folder laid out as ``contracts`` say.

    Parameters
    ----------
    items : sequence of RunItem
        Stems must differ.
    settings : AnalyseSettings
    out : Path
        Created when absent; each image gets ``out/<stem>/``.
    on_progress : callable, optional
    on_image : callable, optional
        Told of each image as it ends; the analysis is None when it failed, was resumed or was made elsewhere.
    resume : bool
        Keep folders already finished with the same settings and input.
    engine : Engine, optional
        Who does the work; this process when left out. Small images are handed out whole, large ones in tiles.
    models : RunModels, optional
        Models already loaded; loaded once here when left out.

    Returns
    -------
    RunReport

    Raises
    ------
    Cancelled
        When `on_progress` says so; finished images stay, and the finished parts of the one in hand.
    EngineError
        When the engine is lost; the same holds.
    """
    tell = on_progress or (lambda step, fraction: None)
    run = _Run(settings, out, resume, _Models(settings, models, tell), tell, len(items))
    with (engine or Engine()).open() as share_out:
        outcomes = run.here(items) if engine is None or not engine.parallel else run.elsewhere(items, share_out)
        results = []
        for result, analysis in outcomes:
            results.append(result)
            if on_image:
                on_image(result, analysis)
            words = f"{result.stem} done" if result.error is None else f"{result.stem} failed"
            tell(words, len(results) / len(items))
    order = {item.stem: rank for rank, item in enumerate(items)}
    results.sort(key=lambda result: order[result.stem])
    summaries = [result.summary for result in results if result.summary]
    if summaries:  # a run in which nothing could be read leaves nothing behind
        write_summary(summaries, out)
    return RunReport(out, tuple(results))


class _Models:
    """The models of the run, loaded when the first image asks for it."""

    def __init__(self, settings: AnalyseSettings, models: RunModels | None, tell: RunProgress) -> None:
        self._settings, self._models, self._tell = settings, models, tell

    def __call__(self) -> RunModels:
        if self._models is None:
            self._tell("Loading models", 0.0)
            self._models = load_run_models(self._settings)
        return self._models


@dataclass(frozen=True)
class _Run:
    settings: AnalyseSettings
    out: Path
    resume: bool
    models: _Models
    tell: RunProgress
    n_images: int

    def here(self, items: Sequence[RunItem]) -> Iterator[tuple[ImageResult, Analysis | None]]:
        """Do one image after the other."""
        for n_done, item in enumerate(items):
            yield self._one(item, n_done)

    def elsewhere(self, items: Sequence[RunItem], share_out: Map) -> Iterator[tuple[ImageResult, Analysis | None]]:
        """Hand out small images whole, then large ones in parts."""
        large = {item.stem: slides for item in items if (slides := self._open_large(item))}
        small = [item for item in items if item.stem not in large]
        yield from share_out(ImageTask(self.settings, self.out, self.resume), small)
        for n_done, item in enumerate((item for item in items if item.stem in large), start=len(small)):
            yield self._large(item, large.pop(item.stem), n_done, share_out)

    def _large(
        self, item: RunItem, slides: tuple[Slide, ...], n_done: int, share_out: Map
    ) -> tuple[ImageResult, Analysis | None]:
        digests = tuple(slide.digest for slide in slides)

        def run_tasks(step: Task, parts: Sequence[object]) -> Iterator[object]:
            return share_out(TileTask(step, item, self.settings, digests), parts)

        opened = replace(item, open=lambda: slides[0], open_target=(lambda: slides[1]) if item.open_target else None)
        return self._one(opened, n_done, run_tasks)

    def _one(
        self, item: RunItem, n_done: int, run_tasks: RunTasks | None = None
    ) -> tuple[ImageResult, Analysis | None]:
        def tell(step: str, part: float) -> None:
            self.tell(f"{item.stem}: {step}", (n_done + part) / self.n_images)

        self.tell(item.stem, n_done / self.n_images)
        return run_image(
            item, self.settings, self.out, resume=self.resume, load_models=self.models, tell=tell, run_tasks=run_tasks
        )

    def _open_large(self, item: RunItem) -> tuple[Slide, ...]:
        """Return the slides of an image of several tiles; none of a smaller one, or of one that cannot be opened."""
        try:
            slides = (item.open(), *([item.open_target()] if item.open_target else ()))
        except CellappError:
            return ()  # whoever is given the image says why
        return slides if max(slides[0].info.shape[1:]) > self.settings.segment.tile_px else ()
