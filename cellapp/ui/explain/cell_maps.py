"""The maps of cells on the Explain page.

A map is read from the run's files, else computed with the run's models: by the page when that is quick, else by the
worker, while the page shows the progress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.errors import ModelError
from cellapp.explanation.methods import made_by, passes
from cellapp.exports.explanations import maps_path, read_maps
from cellapp.jobs import queue, worker_process
from cellapp.jobs.explain_selected_cells import settings_to_explain
from cellapp.pipeline.context import make_context
from cellapp.pipeline.maps_of_cells import maps_of_cells
from cellapp.rendering.signed_maps import scale_of
from cellapp.settings import ExplainSettings
from cellapp.store.records import ImageRecord, JobRecord, Status
from cellapp.types.cells import Explanations, LabelMask
from cellapp.ui.components.job_progress import explain_seconds, wait_for
from cellapp.ui.layout.cell_thumbnails import labels_of
from cellapp.ui.session import cache
from cellapp.ui.session.kept import kept, kept_file
from cellapp.ui.session.results import Results

KIND = "explain"
PAGE_S = 1.0
"""Longer than this, no page computes."""


@dataclass(frozen=True, eq=False)
class CellExplanation:
    """The map of one cell, and what of the logit is in no square of it."""

    map: np.ndarray  # (h, w) float32, signed, logit units
    logit: float  # of the class explained
    rest: float  # logit units: class token and bias
    target: str  # class explained


def cell_explanations(
    results: Results,
    image: ImageRecord,
    cells: pd.DataFrame,
    *,
    target: str,
    how: ExplainSettings | None = None,
    head: str | None = None,
) -> dict[int, CellExplanation]:
    """Return the maps of some cells of one image by cell id.

    Maps in the run's files are read; the others are computed with the run's own models, here when that is quick, else
    by the worker, and then they are left out until it is done.

    Parameters
    ----------
    results : Results
    image : ImageRecord
    cells : DataFrame
        Rows of the run's table, all of this image.
    target : str
        Class to explain.
    how : ExplainSettings, optional
        Method and layer; HiResCAM when left out.
    head : str, optional
        Identity of another head than the run's.

    Raises
    ------
    ModelError
        When maps have to be computed and the models cannot be had.
    """
    folder = results.folder / cells["stem"].iloc[0] if len(cells) else results.folder
    how = how or ExplainSettings()
    explained = stored_explanations(folder, target, how, head)
    ids = cells["cell_id"].astype(int).tolist()
    missing = tuple(i for i in ids if i not in explained)
    if missing and takes_long(results, len(missing), how.named):
        _explain_by_worker(results, image, missing, target, how, head)
    elif missing:
        asked = (missing, target, how, head)
        explained |= _computed(results.run.id, image.id, results.version, *asked, results, image, folder)
    return {i: explained[i] for i in ids if i in explained}


def stored_explanations(
    folder: Path, target: str, how: ExplainSettings | None = None, head: str | None = None
) -> dict[int, CellExplanation]:
    """Read the maps of one image's folder, of its run and made later; none of another class or made another way."""
    how, path = how or ExplainSettings(), folder / "explanations" / "maps.npz"
    of_run = kept_file("maps", path, make=lambda: read_maps(path)) if head is None else None
    later = maps_path(folder, target, how, head)
    stored = (of_run, kept_file("maps", later, make=lambda: read_maps(later)))
    explained: dict[int, CellExplanation] = {}
    for maps in stored:
        if maps is not None and maps.target == target and made_by(maps.method, how.named, how.layer):
            explained |= _by_cell(maps)
    return explained


def common_limit(
    results: Results, shown: Mapping[int, CellExplanation], *, target: str, how: ExplainSettings | None = None
) -> float:
    """Return the half width of the colour scale shared by all cells of the run, logit units.

    It spans every map in the run's files and those computed for this page.
    """
    stored = [_limit_of(results.folder / stem, target, how) for stem, _ in results.version]
    return max([scale_of(one.map for one in shown.values()), *stored])


def _limit_of(folder: Path, target: str, how: ExplainSettings | None) -> float:
    """Return the half width of the colour scale of the maps in one image's folder."""
    paths = (folder / "explanations" / "maps.npz", maps_path(folder, target, how))
    written = tuple(path.stat().st_mtime_ns if path.exists() else None for path in paths)
    if not any(written):
        return 0.0

    def make() -> float:
        return scale_of(one.map for one in stored_explanations(folder, target, how).values())

    return kept("limit", str(folder), written, target, repr(how), make=make)


def takes_long(results: Results, n_cells: int, method: str = "exact") -> bool:
    """Whether explaining so many cells would keep a page waiting, going by what classifying them took."""
    seconds = explain_seconds(results.provenance, n_cells, times=passes(method))
    return seconds is not None and seconds > PAGE_S


def _explain_by_worker(
    results: Results, image: ImageRecord, cell_ids: Sequence[int], target: str, how: ExplainSettings, head: str | None
) -> None:
    """Have the maps of some cells made and draw the progress; the page is drawn again when they are there.

    Raises
    ------
    ModelError
        When the worker could not make them.
    """
    payload: dict[str, object] = {
        "run_id": results.run.id,
        "image_id": image.id,
        "cell_ids": list(cell_ids),
        "target": target,
    }
    payload |= {"how": how.model_dump(mode="json")} | ({} if head is None else {"head": head})
    same = (job for job in queue.list_jobs(results.run.project_id, active=False) if dict(job.payload) == payload)
    job = next((job for job in same if job.kind == KIND), None)
    if job is not None and job.status is Status.FAILED:
        raise ModelError(job.error or "the maps could not be made; the worker's log says why")
    if job is not None and job.status is Status.CANCELLED:
        st.button(
            "Explain these cells",
            icon=":material/lightbulb:",
            key="explain_again",
            on_click=_submit,
            args=(payload, results.run.project_id),
        )
        return
    wait_for(job or _submit(payload, results.run.project_id))


def _submit(payload: dict[str, object], project_id: str) -> JobRecord:
    job = queue.submit(KIND, payload, project_id, urgent=True)
    worker_process.ensure_worker()
    return job


@st.cache_data(max_entries=32, show_spinner="Explaining cells")
def _computed(
    run_id: str,
    image_id: str,
    version: tuple[tuple[str, int], ...],
    cell_ids: tuple[int, ...],
    target: str,
    how: ExplainSettings,
    head: str | None,
    _results: Results,
    _image: ImageRecord,
    _folder: Path,
) -> dict[int, CellExplanation]:
    settings = settings_to_explain(_results.run.settings, how, head)
    cells = _results.cells[(_results.cells["image_id"] == image_id) & _results.cells["cell_id"].isin(cell_ids)]
    context = make_context(cache.slide(_image), None, cache.run_models(settings), settings)
    mask = LabelMask(labels_of(_folder), "")
    return _by_cell(maps_of_cells(context, mask, cells.set_index("cell_id"), target))


def _by_cell(explained: Explanations) -> dict[int, CellExplanation]:
    rows = zip(explained.cell_ids, explained.maps, explained.logits, explained.rest, strict=True)
    return {int(i): CellExplanation(one, float(logit), float(rest), explained.target) for i, one, logit, rest in rows}
