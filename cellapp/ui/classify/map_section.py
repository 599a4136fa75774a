"""The map of the cells on the Classify page, by likeness or by place; what is circled is selected on the whole page."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.discovery.projection import (
    UMAP_MIN_CELLS,
    Method,
    is_current,
    project_run,
    projected_ns,
    read_projection,
)
from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.store.records import JobRecord
from cellapp.ui.classify.called_cells import ClassifyState
from cellapp.ui.components import charts, density, scatters
from cellapp.ui.components.job_progress import job_progress
from cellapp.ui.components.messages import show_error
from cellapp.ui.session import selection
from cellapp.ui.session.results import Results

MAPS: Mapping[str, Method | None] = {"By likeness (PCA)": "pca", "By likeness (UMAP)": "umap", "By place": None}


@st.fragment
def map_section(state: ClassifyState, umap_job: JobRecord | None) -> None:
    """Draw the cells as points, by likeness or by place; a lasso or a box selects.

    Parameters
    ----------
    state : ClassifyState
    umap_job : JobRecord, optional
        The job that computes the run's UMAP, when one waits or works.
    """
    chosen = st.segmented_control(
        "Map", list(MAPS), default=next(iter(MAPS)), required=True, key="classify_map", label_visibility="collapsed"
    )
    method = MAPS[str(chosen)]
    written_ns = None if method is None else _projected(state.results, method, umap_job)
    if method is not None and written_ns is None:
        return
    points = state.kept_in_scope("points", *_place(state, method, written_ns), make=lambda: _points(state, method))
    if points.empty:
        _say_why_empty(state, method)
        return
    source = f"map_{method or 'place'}"
    event = st.plotly_chart(
        _figure(state, points, method, written_ns),
        key=f"classify_{source}",
        config=charts.chart_config(f"cells_{source}"),
        on_select="rerun",
        selection_mode=("box", "lasso", "points"),
        alt=f"{len(points):,} cells as points, {str(chosen).lower()}; draw round some to select them",
    )
    state.adopt(_selected_rows(state, points, event, source), source=source)


def _say_why_empty(state: ClassifyState, method: Method | None) -> None:
    none_at_all = method is not None and not len(read_projection(state.results.folder, method).xy)
    if none_at_all:
        st.caption("No cell of this run has an embedding.")
    else:
        st.caption("No cell to draw here. Choose all images, or another image above.")


def _place(state: ClassifyState, method: Method | None, written_ns: int | None) -> tuple[object, ...]:
    """Return what decides where the cells in scope are drawn."""
    return (method, written_ns) if method is not None else (state.image.id, *_unit(state))


def _figure(state: ClassifyState, points: pd.DataFrame, method: Method | None, written_ns: int | None) -> charts.Drawn:
    """Draw the map, with the selected cells marked where the browser does not show them already."""
    marked: tuple[int, ...] = ()
    if selection.needs_marks(f"map_{method or 'place'}", state.version_key):
        marked = tuple(state.selected)

    def make() -> charts.Drawn:
        return _draw(state, points.assign(selected=points["row"].isin(marked)), method)

    return state.kept_in_scope("map", *_place(state, method, written_ns), marked, make=make)


def _draw(state: ClassifyState, points: pd.DataFrame, method: Method | None) -> charts.Drawn:
    classes, target = state.results.classes, state.target
    if method is None:
        unit, scale = _unit(state)
        height, width = state.image.info.shape[1:]
        extent = (height * scale, width * scale)
        return charts.Drawn(scatters.spatial_map(points, classes, extent=extent, unit=unit, target=target))
    axes = read_projection(state.results.folder, method).axes
    figure = scatters.embedding_map(points, classes, method=method.upper(), axes=axes, target=target)
    return charts.Drawn(figure)


def _selected_rows(state: ClassifyState, points: pd.DataFrame, event: object, source: str) -> list[int]:
    """Return the rows inside what was drawn; looked up once for each drawing, as every rerun reports it again."""
    drawn = event.get("selection", {}) if isinstance(event, dict) else {}
    if not any(drawn.get(kind) for kind in ("points", "box", "lasso")):
        return []
    if len(points) <= density.MOST_POINTS:
        return scatters.selected_rows(event)
    said = json.dumps({kind: drawn.get(kind) for kind in ("box", "lasso")})
    return state.kept_in_scope("inside", source, len(points), said, make=lambda: density.rows_inside(event, points))


def _points(state: ClassifyState, method: Method | None) -> pd.DataFrame:
    """Return the cells in scope that are drawn: x, y, outcome, row, cell_id and p."""
    if method is None:
        _, scale = _unit(state)
        cells = state.image_cells.assign(row=state.image_cells.index)
        cells = cells.assign(x=cells["centroid_x_px"] * scale, y=cells["centroid_y_px"] * scale)
    else:
        projection = read_projection(state.results.folder, method)
        points = pd.DataFrame(projection.xy, columns=["x", "y"])
        points = points.assign(stem=projection.images.astype(str), cell_id=projection.cell_ids)
        cells = points.merge(state.cells.assign(row=state.cells.index), on=["stem", "cell_id"], how="inner")
    p = cells[f"p_{state.target}"] if state.target else np.nan
    return cells[["x", "y", "outcome", "row", "cell_id"]].assign(p=p)


def _projected(results: Results, method: Method, umap_job: JobRecord | None) -> int | None:
    """Return when the run's cells were put on a plane; None while UMAP is not computed, with the way there on the page.

    PCA takes less than a second and is computed at once. UMAP takes minutes and is the worker's.
    """
    stems = [stem for stem, _ in results.version]
    if method == "pca" and not is_current(results.folder, stems, method):
        project_run(results.folder, stems)
    written_ns = projected_ns(results.folder, method)
    if written_ns is None:
        _offer_umap(results, umap_job)
    return written_ns


def _offer_umap(results: Results, umap_job: JobRecord | None) -> None:
    if umap_job is not None:
        job_progress(umap_job)
        return
    n_accepted = int(results.cells["qc_pass"].sum())
    if n_accepted < UMAP_MIN_CELLS:
        st.caption(f"UMAP needs at least {UMAP_MIN_CELLS} cells; this run has {n_accepted}. PCA works for any number.")
        return
    st.caption("UMAP shows finer groups than PCA. It is computed once for this run, in the background.")
    if st.button("Compute UMAP", icon=":material/scatter_plot:", key="classify_umap"):
        _submit_umap(results)


def _submit_umap(results: Results) -> None:
    try:
        queue.submit("project", {"run_id": results.run.id, "method": "umap"}, results.run.project_id)
        worker_process.ensure_worker()
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _unit(state: ClassifyState) -> tuple[str, float]:
    um_per_px = state.results.run.settings.um_per_px or state.image.um_per_px
    return ("µm", um_per_px) if um_per_px else ("px", 1.0)
