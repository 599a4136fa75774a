"""One image of a run, from its file to its folder of results, wherever that is done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellapp import __version__
from cellapp.errors import Cancelled, CellappError, EngineError, InputError
from cellapp.exports.image_folder import write_analysis
from cellapp.models import load
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import open_checkpoint
from cellapp.pipeline.context import RunTasks
from cellapp.pipeline.provenance import settings_digest
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import OnStep, Slide

_ANALYSING = 0.75  # share of an image's time that is not the writing of its files


@dataclass(frozen=True)
class RunItem:
    """One image of a run. `open` is called where the work is done, so it must be picklable for an engine."""

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


def run_image(
    item: RunItem,
    settings: AnalyseSettings,
    out: Path,
    *,
    resume: bool,
    load_models: Callable[[], RunModels],
    tell: OnStep,
    run_tasks: RunTasks | None = None,
) -> tuple[ImageResult, Analysis | None]:
    """Analyse an image and write its folder, or say in the result why that could not be.

    Parameters
    ----------
    item : RunItem
    settings : AnalyseSettings
    out : Path
        Of the run. Until the image is done its finished parts wait in ``out/.<stem>.work``.
    resume : bool
        Keep the folder, or go on from the finished parts, where they come from the same settings, bytes and weights.
    load_models : callable
        Gives the models; called only when there is something to do.
    tell : callable
        Progress; may raise `Cancelled`.
    run_tasks : callable, optional
        Who does the parts of a large image; this process when left out.

    Raises
    ------
    Cancelled
        When `tell` says so.
    EngineError
        When the engine is broken: no other image would fare better.
    """
    start = time.perf_counter()
    try:
        slide = item.open()
        target = item.open_target() if item.open_target else None
        source = target or slide
        kept = _finished(out / item.stem, settings, source.digest) if resume else None
        if kept:
            return ImageResult(item.stem, summary=kept, resumed=True), None
        models = load_models()
        with open_checkpoint(out / f".{item.stem}.work", _key(settings, slide, source), resume=resume) as checkpoint:
            analysis = analyse(
                slide,
                models,
                settings,
                lambda step, part: tell(step, _ANALYSING * part),
                name=item.stem,
                target=target,
                checkpoint=checkpoint,
                run_tasks=run_tasks,
            )
            summary = write_analysis(
                analysis,
                source,
                out,
                settings=settings,
                seconds=time.perf_counter() - start,
                on_step=lambda step, part: tell(step, _ANALYSING + (1 - _ANALYSING) * part),
            )
        return ImageResult(item.stem, summary=summary), analysis
    except (Cancelled, EngineError):
        raise
    except CellappError as error:
        return ImageResult(item.stem, error=str(error), unusable=isinstance(error, InputError)), None


def _key(settings: AnalyseSettings, slide: Slide, source: Slide) -> dict[str, Any]:
    """Return what the finished parts of an image depend on."""
    return {
        "cellapp": __version__,
        "settings": settings_digest(settings),
        "input": [slide.digest, source.digest],
        "weights": load.weights_digests(settings),
    }


def _finished(folder: Path, settings: AnalyseSettings, digest: str) -> dict[str, Any] | None:
    """Summary row of an image that is already done with these settings and these bytes."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = run["settings_digest"] == settings_digest(settings) and run["input"]["sha256"] == digest
    return run["summary"] if same else None
