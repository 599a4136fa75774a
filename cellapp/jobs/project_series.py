"""Time series of a project, from conditions and names of its images, and what is asked of them. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from cellapp.errors import InputError
from cellapp.jobs import queue, worker_process
from cellapp.pipeline.series_names import NameParts, compiled, hours_of, split_name
from cellapp.pipeline.time_series import Frame, ImageSequence, in_sequences
from cellapp.settings import DEFAULT_ENCODER, FrozenModel
from cellapp.store.images import list_images
from cellapp.store.named_models import require_named
from cellapp.store.records import ImageRecord, JobRecord, RunRecord, Status
from cellapp.store.series import series_folder
from cellapp.training.lines.recipe import LineRecipe

GROWTH, LINES, NAME_LINES = "growth", "lines", "name-lines"
"""Kinds of jobs."""
REQUEST = "request.json"
PREDICTED = "named"
"""Folder below that of a network, with the sequences it has named last."""


class SeriesRequest(FrozenModel):
    """Which images are a sequence; the payload of the job that measures growth."""

    project_id: str
    pattern: str = Field("", max_length=200)
    """See `cellapp.pipeline.series_names.split_name`; conditions of the image table win."""
    every_h: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Hours from one image to the next, where only their number is known."""
    left_out: tuple[str, ...] = ()
    """Names of sequences that are not looked at."""


class LinesRequest(SeriesRequest):
    """What a network of lines is trained on and how; the payload of the job."""

    encoder: str = DEFAULT_ENCODER
    recipe: LineRecipe = LineRecipe()

    @property
    def key(self) -> str:
        """12 hexadecimal digits, the name of the folder of its result."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


@dataclass(frozen=True)
class ProjectSeries:
    """The sequences of a project."""

    sequences: tuple[ImageSequence, ...]
    problems: tuple[str, ...]  # a sentence for each image that is in none

    @property
    def known(self) -> list[ImageSequence]:
        """Those whose line and batch are known: what can be learned from."""
        return [one for one in self.sequences if one.line and one.batch]

    @property
    def new(self) -> list[ImageSequence]:
        """Those whose line is not known."""
        return [one for one in self.sequences if not one.line]


def project_series(images: Sequence[ImageRecord], request: SeriesRequest) -> ProjectSeries:
    """Put the images of a project into sequences.

    Line, treatment with dose, batch and time are those of the image table; what is not said there is read from names.

    Raises
    ------
    InputError
        When the pattern is none.
    """
    if request.pattern:
        compiled(request.pattern)
    frames, problems = [], []
    for image in images:
        try:
            frames.append(_frame(image, request))
        except InputError as error:
            problems.append(str(error))
    kept = [one for one in in_sequences(frames) if one.name not in request.left_out]
    return ProjectSeries(tuple(kept), tuple(problems))


def request_series(kind: str, request: SeriesRequest, **more: str) -> JobRecord:
    """Queue a job on the time series of a project.

    Parameters
    ----------
    kind : str
        `GROWTH`, `LINES` or `NAME_LINES`.
    request : SeriesRequest
    **more : str
        ``key``, the folder of a network, which `NAME_LINES` needs.

    Raises
    ------
    InputError
        When there is no sequence to work on, or an encoder is not known by name; nothing is queued then.
    """
    if isinstance(request, LinesRequest):
        require_named(request.project_id, "encoder", request.encoder)
    check_series(project_series(list_images(request.project_id), request), kind)
    job = queue.submit(kind, request.model_dump(mode="json") | more, request.project_id)
    worker_process.ensure_worker()
    return job


def check_series(series: ProjectSeries, kind: str) -> None:
    """Raise InputError where there is nothing for a kind of job to work on."""
    if not series.sequences:
        raise InputError(
            series.problems[0] if series.problems else "the project has no image; upload a time series first"
        )
    if kind == NAME_LINES and not series.new:
        raise InputError("every sequence has its line; upload images without one, and they can be named")
    if kind == LINES and (why := reason_not_to_learn(series.known)):
        raise InputError(why)


def reason_not_to_learn(known: Sequence[ImageSequence]) -> str:
    """Say why lines cannot be learned from some sequences; empty where they can."""
    batches: dict[str, set[str]] = {}
    for one in known:
        batches.setdefault(one.line, set()).add(one.batch)
    if len(batches) < 2:
        return "naming lines needs sequences of at least two lines, with a batch each; type them in on Upload"
    single = next((line for line, seen in batches.items() if len(seen) < 2), None)
    if single is not None:
        return f"line {single!r} is in one batch, so that it cannot be told from the batch: photograph it in another"
    return ""


def growth_folder(project_id: str) -> Path:
    """Return the folder of a project's growth curves."""
    return series_folder(project_id) / "growth"


def lines_folder(project_id: str, key: str) -> Path:
    """Return the folder of a network of a project; raises InputError for what cannot be a key."""
    if not (len(key) == 12 and set(key) <= set("0123456789abcdef")):
        raise InputError(f"{key!r} names no network of lines; GET /projects/{{id}}/lines lists them")
    return series_folder(project_id, LINES) / key


def list_lines(project_id: str) -> tuple[LinesRequest, ...]:
    """Return the requests whose networks are there, the newest first."""
    found = series_folder(project_id, LINES).glob(f"*/{REQUEST}")
    newest = sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return tuple(LinesRequest.model_validate_json(path.read_text(encoding="utf-8")) for path in newest)


def read_metrics(folder: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a network."""
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def counted_cells(runs: Sequence[RunRecord]) -> Mapping[str, int]:
    """Return the cells of images as the newest run has counted them, by the id of the image; `runs` newest first."""
    counts: dict[str, int] = {}
    for run in runs:
        for image in run.images:
            if image.status is Status.DONE and image.n_cells is not None:
                counts.setdefault(image.image_id, image.n_cells)
    return counts


def _frame(image: ImageRecord, request: SeriesRequest) -> Frame:
    stem = Path(image.name).stem.removesuffix(".ome")
    typed, time = image.conditions, image.conditions.get("time", "")
    if request.pattern:
        said = split_name(stem, request.pattern)
    elif image.info.time:  # one of several times of a file
        said = NameParts(
            place=" ".join(part for part in (Path(image.info.file or stem).stem, image.info.scene) if part)
        )
    else:
        said = _name_or_stem(stem, needs_time=not time)
    time = time or said.time or image.info.time
    if not time:
        raise InputError(f"{image.name!r} says no time; type it in on Upload, or put {{time}} into the pattern")
    treatment = ", ".join(typed[name] for name in ("treatment", "dose") if typed.get(name))
    line, batch = typed.get("cell_line") or said.line, typed.get("batch") or said.batch
    return Frame(line, batch, said.place, hours_of(time, request.every_h), image.name, image.id, treatment)


def _name_or_stem(stem: str, *, needs_time: bool) -> NameParts:
    """Split a name with a time at its end; where the time is known otherwise the whole name may be the place."""
    try:
        return split_name(stem)
    except InputError:
        if needs_time:
            raise
        return NameParts(place=stem)
