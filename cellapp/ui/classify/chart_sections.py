"""The charts of the Classify page: counts, probabilities and maps of the same cells; a selection in one is in all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.discovery.projection import UMAP_MIN_CELLS, Method, Projection, project_run, read_projection
from cellapp.errors import CellappError
from cellapp.jobs import queue, worker_process
from cellapp.store.records import CONDITIONS, JobRecord
from cellapp.ui.classify.called_cells import ClassifyState, outcome_table, share_table
from cellapp.ui.classify.count_charts import counts_chart, share_chart
from cellapp.ui.components import charts, scatters
from cellapp.ui.components.job_progress import job_progress
from cellapp.ui.components.messages import capital, show_error
from cellapp.ui.session import selection
from cellapp.ui.session.results import Results, condition_of

MAPS: Mapping[str, Method | None] = {"By likeness (PCA)": "pca", "By likeness (UMAP)": "umap", "By place": None}


def counts_section(state: ClassifyState) -> None:
    """Draw counts and shares per image, or per value of a condition."""
    group_by = _group_by(state)
    if group_by == "image":
        group = {image_id: image.name for image_id, image in state.images.items()}
    else:
        group = condition_of({image_id: image.conditions for image_id, image in state.images.items()}, group_by)
    title, classes = group_by.replace("_", " "), state.results.classes
    shares = share_table(state.all_cells, classes, group, state.results.demonstration) if state.target else None
    if shares is not None and not shares["unfit"].all():
        _shares(state, shares[~shares["unfit"]], title, "classify_shares")
    counts = outcome_table(state.all_cells, classes, group)
    shown = state.results.demonstration and not state.answer.mostly_unlike
    what = "Calls of the demonstration head" if shown else "Cells"
    figure = counts_chart(counts, classes, group_title=title, what=what)
    _chart(figure, "classify_counts", alt=f"Number of cells of each class per {title}")
    if shares is not None and shares["unfit"].any():
        _unfit_shares(state, shares[shares["unfit"]], title)


def _unfit_shares(state: ClassifyState, shares: pd.DataFrame, title: str) -> None:
    """Fold away the shares of groups whose classes are no answer, named as such."""
    whose = "the demonstration head" if state.results.demonstration else "an unfit head"
    folded = st.expander(f"Shares by {whose}: not an answer", on_change="rerun", key="classify_unfit")
    if not folded.open:
        return
    with folded:
        if shares["n"].any():
            _shares(state, shares, title, "classify_unfit_shares")
        else:
            st.caption("No share: every cell with a sure call is unlike the training cells, so there is none to judge.")
        st.caption("Cells unlike the training cells are left out of a share where they are the majority.")


def _shares(state: ClassifyState, shares: pd.DataFrame, title: str, key: str) -> None:
    figure = share_chart(shares, state.target, group_title=title)
    _chart(figure, key, alt=f"Share of {state.target} cells per {title} with 95 % interval")


def _group_by(state: ClassifyState) -> str:
    """Offer the conditions that an image of the run has; without any, the image is the only choice."""
    conditions = [key for key in CONDITIONS if any(image.conditions.get(key) for image in state.images.values())]
    chosen = st.segmented_control(
        "Group by",
        ["image", *conditions],
        default="image",
        required=True,
        format_func=lambda key: capital(str(key).replace("_", " ")),
        key="classify_group",
        label_visibility="collapsed" if not conditions else "visible",
    )
    return str(chosen)


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
    points = _slide_points(state) if method is None else _embedding_points(state, method, umap_job)
    if points is None:
        return
    if points.empty:
        st.caption("No cell to draw here. Choose all images, or another image above.")
        return
    source = f"map_{method or 'place'}"
    points["selected"] = points["row"].isin(state.selected) & selection.needs_marks(source, state.version_key)
    event = st.plotly_chart(
        _map_figure(state, points, method),
        key=f"classify_{source}",
        config=charts.chart_config(f"cells_{source}"),
        on_select="rerun",
        selection_mode=("box", "lasso", "points"),
        alt=f"{len(points):,} cells as points, {str(chosen).lower()}; draw round some to select them",
    )
    state.adopt(scatters.selected_rows(event), source=source)


def _map_figure(state: ClassifyState, points: pd.DataFrame, method: Method | None) -> go.Figure:
    classes, target = state.results.classes, state.target
    if method is None:
        unit, scale = _unit(state)
        height, width = state.image.info.shape[1:]
        extent = (height * scale, width * scale)
        return scatters.spatial_map(points, classes, extent=extent, unit=unit, target=target)
    axes = read_projection(state.results.folder, method).axes
    return scatters.embedding_map(points, classes, method=method.upper(), axes=axes, target=target)


def _slide_points(state: ClassifyState) -> pd.DataFrame:
    _, scale = _unit(state)
    cells = state.image_cells.assign(row=state.image_cells.index)
    return _points(cells.assign(x=cells["centroid_x_px"] * scale, y=cells["centroid_y_px"] * scale), state)


def _embedding_points(state: ClassifyState, method: Method, umap_job: JobRecord | None) -> pd.DataFrame | None:
    projection = _projection(state.results, method, umap_job)
    if projection is None:
        return None
    if not len(projection.xy):
        st.caption("No cell of this run has an embedding.")
        return None
    points = pd.DataFrame(projection.xy, columns=["x", "y"])
    points = points.assign(stem=projection.images.astype(str), cell_id=projection.cell_ids)
    cells = state.cells.assign(row=state.cells.index)
    return _points(points.merge(cells, on=["stem", "cell_id"], how="inner"), state)


def _points(cells: pd.DataFrame, state: ClassifyState) -> pd.DataFrame:
    p = cells[f"p_{state.target}"] if state.target else np.nan
    return cells[["x", "y", "outcome", "row", "cell_id"]].assign(p=p)


def _projection(results: Results, method: Method, umap_job: JobRecord | None) -> Projection | None:
    """Return the run's cells on a plane; None while UMAP is not computed, with the way to get there on the page.

    PCA takes less than a second and is computed at once. UMAP takes minutes and is the worker's.
    """
    if method == "pca":
        return project_run(results.folder, [stem for stem, _ in results.version])
    projection = read_projection(results.folder, method)
    if projection is not None:
        return projection
    if umap_job is not None:
        job_progress(umap_job)
        return None
    n_accepted = int(results.cells["qc_pass"].sum())
    if n_accepted < UMAP_MIN_CELLS:
        st.caption(f"UMAP needs at least {UMAP_MIN_CELLS} cells; this run has {n_accepted}. PCA works for any number.")
        return None
    st.caption("UMAP shows finer groups than PCA. It is computed once for this run, in the background.")
    if st.button("Compute UMAP", icon=":material/scatter_plot:", key="classify_umap"):
        _submit_umap(results)
    return None


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


def _chart(figure: go.Figure, key: str, *, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=charts.chart_config(key), alt=alt)
