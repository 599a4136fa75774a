"""The sections of the Classify page: each draws one view of the same cells and hands its selection to the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.classification.predict import unsure_band
from cellapp.discovery.projection import Method, read_projection
from cellapp.store.records import CONDITIONS
from cellapp.ui.classify.embedding_map import projection_of
from cellapp.ui.classify.headline import outcome_table, share_table
from cellapp.ui.classify.page_state import ClassifyState
from cellapp.ui.components import charts, histograms, scatters
from cellapp.ui.session import selection
from cellapp.ui.session.results import condition_of

LOOKS: Mapping[str, Method | None] = {"By likeness (PCA)": "pca", "By likeness (UMAP)": "umap", "By place": None}


def counts_section(view: ClassifyState) -> None:
    """Draw counts and shares per image, or per value of a condition."""
    conditions = [key for key in CONDITIONS if any(image.conditions.get(key) for image in view.images.values())]
    by = st.segmented_control(
        "Group by",
        ["image", *conditions],
        default="image",
        required=True,
        format_func=lambda key: str(key).replace("_", " ").capitalize(),
        key="classify_group",
        label_visibility="collapsed" if not conditions else "visible",
    )
    group = {image_id: image.name for image_id, image in view.images.items()}
    if by != "image":
        group = condition_of({image_id: image.conditions for image_id, image in view.images.items()}, str(by))
    words = str(by).replace("_", " ")
    if view.target:
        shares = charts.share_chart(
            share_table(view.called, view.results.classes, group), view.target, group_title=words
        )
        _chart(shares, "classify_shares", alt=f"Share of {view.target} cells per {words} with 95 % interval")
    counts = outcome_table(view.called, view.results.classes, group)
    _chart(
        charts.counts_chart(counts, view.results.classes, group_title=words),
        "classify_counts",
        alt=f"Number of cells of each class per {words}",
    )


def histogram_section(view: ClassifyState) -> None:
    """Draw how sure the calls are and let the threshold move; cells are counted anew, no model runs."""
    if not view.target:
        st.caption("Without a head there are no probabilities. Choose one on the Segment page and run again.")
        return
    settings = view.results.run.settings.classify
    p = view.cells[f"p_{view.target}"].dropna().to_numpy()
    other = next(name for name in view.results.classes if name != view.target)
    figure = histograms.probability_histogram(
        p,
        view.threshold,
        view.target,
        other=other if len(view.results.classes) == 2 else "other classes",
        band=unsure_band(view.threshold, settings.unsure_margin),
        calibrated=bool(view.results.made_by.get("calibrated", True)),
    )
    _chart(figure, "classify_histogram", alt=f"Histogram of the probability of {view.target}")


def map_section(view: ClassifyState) -> None:
    """Draw the cells as points, by likeness or by place; a lasso or a box selects."""
    look = st.segmented_control(
        "Map", list(LOOKS), default=next(iter(LOOKS)), required=True, key="classify_map", label_visibility="collapsed"
    )
    method = LOOKS[str(look)]
    points = _places(view) if method is None else _alike(view, method)
    if points is None:
        return
    if points.empty:
        st.caption("No cell to draw here. Choose all images, or another image above.")
        return
    source = f"map_{method or 'place'}"
    points["selected"] = points["row"].isin(view.chosen) & selection.highlights(source, view.drawn)
    if method is None:
        unit, scale = _unit(view)
        height, width = view.image.info.shape[1:]
        extent = (height * scale, width * scale)
        figure = scatters.spatial_map(points, view.results.classes, extent=extent, unit=unit, target=view.target)
    else:
        axes = read_projection(view.results.folder, method).axes
        figure = scatters.embedding_map(
            points, view.results.classes, method=method.upper(), axes=axes, target=view.target
        )
    event = st.plotly_chart(
        figure,
        key=f"classify_{source}",
        config=charts.chart_config(f"cells_{source}"),
        on_select="rerun",
        selection_mode=("box", "lasso", "points"),
        alt=f"{len(points):,} cells as points, {str(look).lower()}; draw round some to select them",
    )
    view.take(scatters.selected_rows(event), source=source)


def _alike(view: ClassifyState, method: Method) -> pd.DataFrame | None:
    projection = projection_of(view.results, method)
    if projection is None:
        return None
    if not len(projection.xy):
        st.caption("No cell of this run has an embedding.")
        return None
    points = pd.DataFrame(projection.xy, columns=["x", "y"])
    points = points.assign(stem=projection.images.astype(str), cell_id=projection.cell_ids)
    cells = view.cells.assign(row=view.cells.index)
    return _described(points.merge(cells, on=["stem", "cell_id"], how="inner"), view)


def _places(view: ClassifyState) -> pd.DataFrame:
    _, scale = _unit(view)
    cells = view.here.assign(row=view.here.index)
    return _described(cells.assign(x=cells["centroid_x_px"] * scale, y=cells["centroid_y_px"] * scale), view)


def _described(cells: pd.DataFrame, view: ClassifyState) -> pd.DataFrame:
    p = cells[f"p_{view.target}"] if view.target else np.nan
    return cells[["x", "y", "outcome", "row", "cell_id"]].assign(p=p)


def _unit(view: ClassifyState) -> tuple[str, float]:
    um_per_px = view.results.run.settings.um_per_px or view.image.um_per_px
    return ("µm", um_per_px) if um_per_px else ("px", 1.0)


def _chart(figure: object, key: str, *, alt: str) -> None:
    st.plotly_chart(figure, key=key, config=charts.chart_config(key), alt=alt)
