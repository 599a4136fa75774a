"""Job that looks for clusters among the cells of a run, and what it left in the run's folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from cellapp import __version__
from cellapp.discovery.discover import DiscoverSettings
from cellapp.discovery.measurements import measured_features
from cellapp.errors import InputError
from cellapp.exports.discovery import write_discovery
from cellapp.exports.tables import read_cells
from cellapp.files import atomic_folder
from cellapp.jobs import queue, worker_process
from cellapp.jobs.make_vectors import make_vectors
from cellapp.models.bundle import RunModels
from cellapp.pipeline.cell_planes import cell_planes
from cellapp.pipeline.context import make_context
from cellapp.pipeline.progress import no_progress, part_of
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import FrozenModel
from cellapp.store.cells import load_cells
from cellapp.store.images import get_image
from cellapp.store.open_image import open_slide
from cellapp.store.projects import project_vectors
from cellapp.store.records import CONDITIONS, JobRecord, RunImage, RunRecord, Status
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import get_run, run_folder
from cellapp.store.vectors import load_vectors
from cellapp.training.discover_cells import latent_vectors
from cellapp.training.discovery_sources import DiscoverySource, discover_source
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep

DISCOVER = "discover"
FOLDER = "_discovered"
"""In the folder of a run, one folder per request that was worked off; no folder of an image begins so."""
LABEL, CALLED = "label", "called"
"""Columns beside those of the image table: what people said of a cell, and what the head called it."""
_SHARE = 0.6  # of the time, to vectors


class DiscoverRequest(FrozenModel):
    """Among which cells clusters are looked for, in what and how; the payload of the job."""

    run_id: str
    of: Literal["vectors", "measured", "vae"] = "vectors"
    settings: DiscoverSettings = DiscoverSettings()
    vae: VaeRecipe = VaeRecipe()
    """Of an autoencoder, where it is asked for."""
    condition: str | None = None
    """Column that its decoder is told, of the image table or `LABEL`; it takes no part in what is clustered."""

    @property
    def key(self) -> str:
        """12 hexadecimal digits, the name of the folder of its result."""
        later = (
            {"controls"} if self.settings.controls is None else set()
        )  # results from before it was there keep theirs
        return hashlib.sha256(self.model_dump_json(exclude={"settings": later}).encode()).hexdigest()[:12]


def request_discovery(request: DiscoverRequest) -> JobRecord:
    """Queue the search; what an earlier one with the same request found is made anew.

    Raises
    ------
    InputError
        When the condition is no column of the image table; nothing is queued then.
    """
    _check(request)
    job = queue.submit(DISCOVER, request.model_dump(mode="json"), get_run(request.run_id).project_id, urgent=True)
    worker_process.ensure_worker()
    return job


def discover_run(request: DiscoverRequest, on_step: OnStep | None = None) -> Path:
    """Look for clusters among the accepted cells of the finished images of a run.

    Parameters
    ----------
    request : DiscoverRequest
    on_step : callable, optional
        Progress; may raise `Cancelled`: an autoencoder goes on from its last epoch.

    Returns
    -------
    Path
        Folder with the files of `cellapp.exports.discovery.write_discovery`.

    Raises
    ------
    InputError
        When no image is done, the cells are too few, or the clusters asked for cannot be had.
    ModelError
        When vectors have to be made and the encoder cannot be had.
    """
    on_step = on_step or no_progress
    _check(request)
    run, out = get_run(request.run_id), discovery_folder(request)
    source, card = _source(run, request, out, part_of(on_step, 0, _SHARE))
    rest, measured = part_of(on_step, _SHARE, 1), request.of == "measured"
    found = discover_source(source, request.settings, rest, measured=measured)
    made_by = {"version": __version__, "request": request.model_dump(mode="json"), **source.made_by, **card}
    with atomic_folder(out) as part:
        if (_work(out) / "vae").is_dir():
            shutil.copytree(_work(out) / "vae", part / "vae", ignore=shutil.ignore_patterns("checkpoint.pt"))
        write_discovery(found, source.cells, part, made_by)
    shutil.rmtree(_work(out), ignore_errors=True)
    return out


def discover(payload: dict[str, Any], on_step: OnStep) -> dict[str, Any]:
    """Look for clusters among the cells of a run; payload a `DiscoverRequest` as JSON values, result ``{"key"}``."""
    request = DiscoverRequest.model_validate(payload)
    discover_run(request, on_step)
    return {"key": request.key}


def discovery_folder(request: DiscoverRequest) -> Path:
    """Return the folder of the result of a request, whether it is there or not."""
    return run_folder(request.run_id) / FOLDER / request.key


def list_discoveries(run_id: str) -> tuple[DiscoverRequest, ...]:
    """Return the requests of a run whose results are there, the newest first."""
    folders = (run_folder(run_id) / FOLDER).glob("*/indices.json")
    newest = sorted(folders, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return tuple(DiscoverRequest.model_validate(read_indices(path.parent)["request"]) for path in newest)


def read_indices(folder: Path) -> dict[str, Any]:
    """Read ``indices.json`` of a result."""
    return json.loads((folder / "indices.json").read_text(encoding="utf-8"))


def _check(request: DiscoverRequest) -> None:
    if request.condition is not None and request.condition not in (*CONDITIONS, LABEL):
        known = ", ".join(CONDITIONS)
        raise InputError(
            f"no column {request.condition!r} in the image table; it has {known}, and cells have {LABEL!r}"
        )


def _source(
    run: RunRecord, request: DiscoverRequest, out: Path, on_step: OnStep
) -> tuple[DiscoverySource, dict[str, Any]]:
    """Return the cells with what they are grouped by, and what an autoencoder looked like."""
    done = [image for image in run.images if image.status is Status.DONE]
    if not done:
        raise InputError(f"no image of {run.name!r} is done: find its cells first")
    if request.of == "vectors":
        make_vectors(run.id, on_step=on_step)
        vectors = load_vectors(run.id)
        keys = list(zip(vectors.image_ids, vectors.cell_ids.tolist(), strict=True))
        made_by = {"encoder": vectors.embeddings.encoder}
        return _described(run, done, keys, vectors.embeddings.features, made_by), {}
    tables = [_accepted(run, image) for image in done]
    keys = [
        (image.image_id, int(cell_id)) for image, table in zip(done, tables, strict=True) for cell_id in table.index
    ]
    if not keys:
        return _described(run, done, [], np.zeros((0, 1)), {}), {}
    if request.of == "measured":
        features, names = measured_features(pd.concat(tables))
        return _described(run, done, keys, features, {"measured": ", ".join(names)}), {}
    planes = _planes(run, done, tables, request.vae.side_px, on_step)
    source = _described(run, done, keys, np.zeros((len(keys), 0)), {})
    return latent_vectors(planes, source, _work(out) / "vae", request.vae, request.condition, on_step)


def _work(out: Path) -> Path:
    """Return the folder of an autoencoder in training; hidden, because it is no result."""
    return out.with_name(f".{out.name}.work")


def _accepted(run: RunRecord, image: RunImage) -> pd.DataFrame:
    return read_cells(run_folder(run.id) / image.stem / "cells.parquet").query("qc_pass")


def _planes(
    run: RunRecord, done: Sequence[RunImage], tables: Sequence[pd.DataFrame], side_px: int, on_step: OnStep
) -> np.ndarray:
    """Cut the cells of all images, (N, 3, S, S) uint8."""
    models, parts = RunModels(None, without_head=project_vectors(run.project_id)), []
    for number, (image, table) in enumerate(zip(done, tables, strict=True)):
        on_step(f"{image.stem}: Cutting cells", 0.1 * number / len(tables))
        context = make_context(open_slide(image.image_id), None, models, run.settings)
        labels = read_labels(run_folder(run.id) / image.stem / "labels.tif", context.slide.info.shape[1:])
        parts.append(cell_planes(context, LabelMask(labels, ""), table, side_px))
    return np.concatenate(parts)


def _described(
    run: RunRecord,
    done: Sequence[RunImage],
    keys: Sequence[tuple[str, int]],
    features: np.ndarray,
    made_by: Mapping[str, str],
) -> DiscoverySource:
    """Add names and columns: conditions of images, what people said of cells and what the head called them."""
    stems = {image.image_id: image.stem for image in done}
    cells = pd.DataFrame({"image": [stems[image] for image, _ in keys], "cell_id": [cell for _, cell in keys]})
    conditions = {image_id: get_image(image_id).conditions for image_id in stems}
    columns = {name: [conditions[image].get(name, "") for image, _ in keys] for name in CONDITIONS}
    columns[LABEL] = _by_key(labels_of_run(run.id).table, "class_name", keys)
    if run.settings.classify.head:
        columns[CALLED] = _by_key(load_cells(run.id).reset_index(), "label", keys)
    columns = {name: values for name, values in columns.items() if any(values)}
    return replace(
        DiscoverySource(features, cells, tuple(image for image, _ in keys)), columns=columns, made_by=dict(made_by)
    )


def _by_key(table: pd.DataFrame, column: str, keys: Sequence[tuple[str, int]]) -> list[str]:
    if column not in table:
        return [""] * len(keys)
    values = dict(zip(zip(table["image_id"], table["cell_id"], strict=True), table[column].fillna(""), strict=True))
    return [str(values.get(key, "")) for key in keys]
