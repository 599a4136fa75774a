"""Many images, one folder: analyse each, write its files, go on when one fails, skip what is finished.

An image's folder appears in one piece when all its files are written, so a run that was killed goes on with the images
that have none, and ends with the same files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cellapp.engine import Engine
from cellapp.errors import Cancelled, CellappError, InputError
from cellapp.exports.folder import write_analysis, write_summary
from cellapp.kit import Kit, load_kit
from cellapp.pipeline import analyse
from cellapp.provenance import settings_digest
from cellapp.settings import AnalyseSettings
from cellapp.types import Analysis, OnStep, Slide

RunProgress = Callable[[str, float], None]
"""Words and the fraction of the whole run done; may raise `Cancelled`."""


@dataclass(frozen=True)
class RunItem:
    """One image of a run. `open` is called where the work is done, so it must be picklable for a cluster."""

    stem: str
    open: Callable[[], Slide]
    open_target: Callable[[], Slide] | None = None


@dataclass(frozen=True)
class ImageResult:
    """What became of one image: a summary row or the sentence that says why there is none."""

    stem: str
    summary: dict[str, Any] | None = None
    error: str | None = None
    unusable: bool = False  # the input is to blame, not the machine or the models
    resumed: bool = False


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
    kit: Kit | None = None,
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
        Told of each image as it ends; the analysis is None when it failed, was resumed or ran on a cluster.
    resume : bool
        Keep folders already finished with the same settings and input.
    engine : Engine, optional
        Where images are analysed; this process when left out.
    kit : Kit, optional
        Models already loaded; loaded once here when left out.

    Returns
    -------
    RunReport

    Raises
    ------
    Cancelled
        When `on_progress` says so; finished images stay.
    """
    tell = on_progress or (lambda step, fraction: None)
    if engine is not None and engine.remote:
        outcomes = engine.map(_Task(settings, out, resume), items)
    else:
        outcomes = _serial(items, settings, out, resume, kit, tell)
    results = []
    for n_done, (result, analysis) in enumerate(outcomes, start=1):
        results.append(result)
        if on_image:
            on_image(result, analysis)
        tell(f"{result.stem} done" if result.error is None else f"{result.stem} failed", n_done / len(items))
    order = {item.stem: rank for rank, item in enumerate(items)}
    results.sort(key=lambda result: order[result.stem])
    summaries = [result.summary for result in results if result.summary]
    if summaries:  # a run in which nothing could be read leaves nothing behind
        write_summary(summaries, out)
    return RunReport(out, tuple(results))


@dataclass(frozen=True)
class _Task:
    """One image's work on another machine; loads its own models."""

    settings: AnalyseSettings
    out: Path
    resume: bool

    def __call__(self, item: RunItem) -> tuple[ImageResult, None]:
        result, _ = _one(item, self.settings, self.out, self.resume, lambda: load_kit(self.settings), None)
        return result, None


def _serial(
    items: Sequence[RunItem],
    settings: AnalyseSettings,
    out: Path,
    resume: bool,
    kit: Kit | None,
    tell: RunProgress,
) -> Iterator[tuple[ImageResult, Analysis | None]]:
    loaded: list[Kit] = [kit] if kit else []

    def models() -> Kit:
        if not loaded:
            tell("Loading models", 0.0)
            loaded.append(load_kit(settings))
        return loaded[0]

    for n_done, item in enumerate(items):
        tell(item.stem, n_done / len(items))
        yield _one(
            item,
            settings,
            out,
            resume,
            models,
            lambda step, part, done=n_done, stem=item.stem: tell(f"{stem}: {step}", (done + part) / len(items)),
        )


def _one(
    item: RunItem,
    settings: AnalyseSettings,
    out: Path,
    resume: bool,
    models: Callable[[], Kit],
    on_step: OnStep | None,
) -> tuple[ImageResult, Analysis | None]:
    start = time.perf_counter()
    try:
        slide = item.open()
        target = item.open_target() if item.open_target else None
        kept = _finished(out / item.stem, settings, (target or slide).digest) if resume else None
        if kept:
            return ImageResult(item.stem, summary=kept, resumed=True), None
        analysis = analyse(slide, models(), settings, on_step, name=item.stem, target=target)
        summary = write_analysis(analysis, target or slide, out, settings=settings, seconds=time.perf_counter() - start)
        return ImageResult(item.stem, summary=summary), analysis
    except Cancelled:
        raise
    except CellappError as error:
        return ImageResult(item.stem, error=str(error), unusable=isinstance(error, InputError)), None


def _finished(folder: Path, settings: AnalyseSettings, digest: str) -> dict[str, Any] | None:
    """Summary row of an image that is already done with these settings and these bytes."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = run["settings_digest"] == settings_digest(settings) and run["input"]["sha256"] == digest
    return run["summary"] if same else None
