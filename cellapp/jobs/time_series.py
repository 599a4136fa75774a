"""Jobs on the time series of a project: growth curves, learning cell lines, naming the lines of new sequences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.exports.growth_chart import write_growth
from cellapp.files import atomic_folder, atomic_write
from cellapp.jobs.project_series import (
    GROWTH,
    LINES,
    NAME_LINES,
    PREDICTED,
    REQUEST,
    LinesRequest,
    SeriesRequest,
    check_series,
    counted_cells,
    growth_folder,
    lines_folder,
    project_series,
)
from cellapp.pipeline.growth import covered_share, grey_plane, of_sequence
from cellapp.pipeline.time_series import ImageSequence
from cellapp.store.images import list_images
from cellapp.store.open_image import open_slide
from cellapp.store.runs import list_runs
from cellapp.store.series import series_folder
from cellapp.training.lines.train import predict_sequences, train_sequences
from cellapp.types.image import OnStep

_SHARES = "covered.json"  # covered share of images by their digest: it is measured once


def measure_project_growth(request: SeriesRequest, on_step: OnStep) -> Path:
    """Measure the covered area of every image of a project's sequences, and draw it over time.

    Parameters
    ----------
    request : SeriesRequest
    on_step : callable
        Progress; may raise `Cancelled`: images that are done are not measured again.

    Returns
    -------
    Path
        Folder with the files of `cellapp.exports.growth_chart.write_growth`; cells are those of the newest runs.
    """
    images = list_images(request.project_id)
    series = project_series(images, request)
    check_series(series, GROWTH)
    digests = {image.id: image.digest for image in images}
    shares = _covered(request.project_id, series.sequences, digests, on_step)
    counts = counted_cells(list_runs(request.project_id))
    measured = [of_sequence(one, _shares_of(one, shares, digests), counts) for one in series.sequences]
    with atomic_folder(growth_folder(request.project_id)) as part:
        write_growth(measured, part)
        (part / REQUEST).write_text(request.model_dump_json(), encoding="utf-8")
    return growth_folder(request.project_id)


def train_project_lines(request: LinesRequest, on_step: OnStep) -> dict[str, Any]:
    """Learn lines from the sequences of a project whose line and batch are known, and keep the network.

    Returns
    -------
    dict
        Content of ``metrics.json``, see `cellapp.training.lines.train.train_bags`.
    """
    series = project_series(list_images(request.project_id), request)
    check_series(series, LINES)
    with atomic_folder(lines_folder(request.project_id, request.key)) as part:
        metrics = train_sequences(
            open_slide, series.known, part, request.recipe, encoder=request.encoder, on_step=on_step
        )
        (part / REQUEST).write_text(request.model_dump_json(), encoding="utf-8")
    return metrics


def name_project_lines(request: SeriesRequest, key: str, on_step: OnStep) -> Path:
    """Name the lines of the sequences of a project that have none, by a network of the project.

    Returns
    -------
    Path
        Folder with the files of `cellapp.training.lines.train.predict_lines`, below that of the network.
    """
    series = project_series(list_images(request.project_id), request)
    check_series(series, NAME_LINES)
    model = lines_folder(request.project_id, key)
    with atomic_folder(model / PREDICTED) as part:
        predict_sequences(open_slide, series.new, model, part, on_step)
    return model / PREDICTED


def _growth(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Measure growth in a project; payload a `SeriesRequest` as JSON values, result ``{"project_id"}``."""
    measure_project_growth(SeriesRequest.model_validate(payload), on_step)
    return {"project_id": payload["project_id"]}


def _lines(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Learn the lines of a project's sequences; payload a `LinesRequest` as JSON values, result ``{"key"}``."""
    request = LinesRequest.model_validate(payload)
    train_project_lines(request, on_step)
    return {"key": request.key}


def _name_lines(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Name the sequences of a project that have no line; payload a `SeriesRequest` and ``key``, result ``{"key"}``."""
    key = str(payload["key"])
    request = SeriesRequest.model_validate({name: value for name, value in payload.items() if name != "key"})
    name_project_lines(request, key, on_step)
    return {"key": key}


SERIES = {GROWTH: _growth, LINES: _lines, NAME_LINES: _name_lines}
"""Handlers by the kind of the job."""


def _shares_of(one: ImageSequence, shares: Mapping[str, float], digests: Mapping[str, str]) -> np.ndarray:
    """Return the covered shares of the images of a sequence, (T,)."""
    return np.array([shares[digests[key]] for key in one.opened_by])


def _covered(
    project_id: str, sequences: tuple[ImageSequence, ...], digests: Mapping[str, str], on_step: OnStep
) -> dict[str, float]:
    """Return covered shares by digest; those that were measured before are read."""
    path = series_folder(project_id) / _SHARES
    known: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    keys = [key for one in sequences for key in one.opened_by if digests[key] not in known]
    try:
        for number, key in enumerate(keys):
            on_step("Measuring covered area", number / len(keys))
            known[digests[key]] = covered_share(grey_plane(open_slide(key)))
    finally:
        with atomic_write(path) as part:
            part.write_text(json.dumps(known), encoding="utf-8")
    return known
