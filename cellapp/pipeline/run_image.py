"""One image of a run, from its file to its folder of results, in whichever process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cellapp import __version__
from cellapp.errors import Cancelled, CellappError, EngineError, InputError, disk_sentence
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.stored_summary import stored_summary
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import Checkpoint, open_checkpoint
from cellapp.pipeline.context import RunTasks
from cellapp.pipeline.draw_crops import draw_crops
from cellapp.pipeline.make_crops import make_crops
from cellapp.pipeline.progress import part_of
from cellapp.pipeline.provenance import settings_digest
from cellapp.pipeline.run_inputs import RunInputs, RunItem, open_inputs
from cellapp.pipeline.trace_outlines import trace_outlines
from cellapp.regions.words import REGIONS
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import OnStep

_ANALYSING = 0.75  # share of an image's time that is not the writing of its files


@dataclass(frozen=True)
class ImageResult:
    """The summary row of one image, or the error message that says why there is none."""

    stem: str
    summary: dict[str, Any] | None = None
    error: str | None = None
    unusable: bool = False  # the error is one of the input, not of the machine or the models
    resumed: bool = False  # finished by an earlier run


def run_image(
    item: RunItem,
    settings: AnalyseSettings,
    out: Path,
    *,
    resume: bool,
    load_models: Callable[[], RunModels],
    on_step: OnStep,
    run_tasks: RunTasks | None = None,
) -> tuple[ImageResult, Analysis | None]:
    """Analyse an image and write its folder; an error of this image alone is returned, not raised.

    Parameters
    ----------
    item : RunItem
    settings : AnalyseSettings
    out : Path
        Of the run. Until the image is done its checkpoint is ``out/.<stem>.work``.
    resume : bool
        Keep the folder, or go on from the finished parts, where they come from the same settings, bytes and weights. A
        folder that is kept gets the crops it lacks where the settings ask for them.
    load_models : callable
        Returns the models; called only when there is something to do.
    on_step : callable
        Progress; may raise `Cancelled`.
    run_tasks : callable, optional
        Does the parts of an image of several tiles, see `RunTasks`; this process when left out.

    Returns
    -------
    result : ImageResult
    analysis : Analysis or None
        None when the image failed or was finished by an earlier run.

    Raises
    ------
    Cancelled
        When `on_step` raises it.
    EngineError
        When the engine is broken, which would fail every other image, too.
    """
    try:
        inputs = open_inputs(item)
        summary = _finished_summary(out / item.stem, settings, inputs) if resume else None
        if summary is None:
            return _analyse_and_write(item, inputs, settings, out, resume, load_models(), on_step, run_tasks)
        if settings.draw_crops and not has_crops(out / item.stem):
            make_crops(out / item.stem, inputs.source, on_step)
        return ImageResult(item.stem, summary=summary, resumed=True), None
    except (Cancelled, EngineError):
        raise
    except CellappError as error:
        return ImageResult(item.stem, error=str(error), unusable=isinstance(error, InputError)), None
    except OSError as error:  # of the disk that is written to: the other images may have room, or be finished
        return ImageResult(item.stem, error=disk_sentence(error)), None


def _analyse_and_write(
    item: RunItem,
    inputs: RunInputs,
    settings: AnalyseSettings,
    out: Path,
    resume: bool,
    models: RunModels,
    on_step: OnStep,
    run_tasks: RunTasks | None,
) -> tuple[ImageResult, Analysis]:
    """Do the whole of an image, or what its checkpoint lacks."""
    key = _checkpoint_key(settings, inputs, models)
    with open_checkpoint(out / f".{item.stem}.work", key, resume=resume) as checkpoint:
        analysis = analyse(
            inputs.slide,
            models,
            settings,
            part_of(on_step, 0.0, _ANALYSING),
            name=item.stem,
            target=inputs.target,
            labels=inputs.labels,
            regions=inputs.regions,
            checkpoint=checkpoint,
            run_tasks=run_tasks,
        )
        summary = _write(analysis, inputs, out, settings, checkpoint, on_step, run_tasks)
    return ImageResult(item.stem, summary=summary), analysis


def _write(
    analysis: Analysis,
    inputs: RunInputs,
    out: Path,
    settings: AnalyseSettings,
    checkpoint: Checkpoint,
    on_step: OnStep,
    run_tasks: RunTasks | None,
) -> dict[str, Any]:
    """Write the folder of an image; outlines and crops of an image of several tiles are made by its engine."""
    writing, drawn, outlines = part_of(on_step, _ANALYSING, 1.0), (), None
    divided = run_tasks is not None and checkpoint.has_labels
    if divided:  # handed out before all that this process does itself
        outlines = trace_outlines(analysis.cells, checkpoint, run_tasks, part_of(writing, 0.0, 0.05))
    style = ImageStyle.of(inputs.source, analysis.info.channels, analysis.roles)
    if divided and settings.draw_crops:
        drawn = draw_crops(analysis, style, settings.crop, checkpoint, run_tasks, part_of(writing, 0.05, 1.0))
    return write_analysis(
        analysis,
        inputs.source,
        out,
        settings=settings,
        seconds=lambda: time.perf_counter() - inputs.began_s,
        on_step=writing,
        style=style,
        crop_parts=drawn,
        outlines=outlines,
    )


def _checkpoint_key(settings: AnalyseSettings, inputs: RunInputs, models: RunModels) -> dict[str, Any]:
    """Return what the finished parts of an image depend on."""
    key = {
        "cellapp": __version__,
        "settings": settings_digest(settings),
        "input": [inputs.slide.digest, inputs.source.digest],
        "weights": dict(models.weights),
    }
    key |= {"labels": inputs.labels.segmenter} if inputs.labels else {}
    return key | ({"regions": inputs.regions.digest} if inputs.regions else {})


def _finished_summary(folder: Path, settings: AnalyseSettings, inputs: RunInputs) -> dict[str, Any] | None:
    """Return the summary row of an image that is finished with these settings and from these inputs."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        digest, done = run["settings_digest"], dict(run["input"])
    except (OSError, ValueError, LookupError, TypeError):  # not there, damaged, or of something else
        return None
    labels, regions = inputs.labels, inputs.regions
    read = {"sha256": inputs.source.digest, "labels_sha256": labels.segmenter.rpartition("@")[2] if labels else None}
    same = digest == settings_digest(settings)
    same = same and (run.get(REGIONS) or {}).get("digest") == (regions.digest if regions else None)
    same = same and all(done.get(name) == value for name, value in read.items())
    return stored_summary(folder) if same else None
