"""Which cells to explain, and their maps: those of the run's files first, others computed on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.explanation.hirescam import METHOD
from cellapp.exports.explanations import kept_maps, read_maps
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.store.records import ImageRecord
from cellapp.types.cells import Explanations, LabelMask
from cellapp.ui.explain.map_job import explain_by_worker, takes_long
from cellapp.ui.layout.cell_thumbnails import labels_of
from cellapp.ui.session import cache
from cellapp.ui.session.results import Results

LISTED = 12
SELECTED, UNSURE = "Selected", "Unsure"


@dataclass(frozen=True, eq=False)
class Reason:
    """One explained cell."""

    heat: np.ndarray  # (h, w) float32, signed, logit units
    logit: float
    rest: float
    target: str


def explainable(results: Results, cells: pd.DataFrame, target: str, *, models: bool) -> pd.DataFrame:
    """Return the cells of one image whose map is on disk or, with the run's models at hand, can be computed."""
    if models or cells.empty:
        return cells
    stored = stored_reasons(results.folder / cells["stem"].iloc[0], target)
    return cells[cells["cell_id"].isin(stored)]


def listings(cells: pd.DataFrame, classes: tuple[str, ...], chosen: list[int]) -> dict[str, pd.DataFrame]:
    """Offer cells worth explaining, each list at most a dozen.

    Parameters
    ----------
    cells : DataFrame
        The image's classified cells with `outcome`.
    classes : tuple of str
    chosen : list of int
        Row numbers selected on any page.

    Returns
    -------
    dict
        Title -> rows; empty lists are left out. "Strongest": highest probability of the class; "typical": probability
        nearest to the median of the class; "unsure": smallest margin.
    """
    known = cells[cells[f"p_{classes[0]}"].notna()] if classes else cells.iloc[:0]
    offered = {SELECTED: known[known.index.isin(chosen)]}
    for name in classes:
        of = known[known["label"] == name]
        p = of[f"p_{name}"]
        offered[f"Strongest {name}"] = of.loc[p.sort_values(ascending=False, kind="stable").index]
        offered[f"Typical {name}"] = of.loc[(p - p.median()).abs().sort_values(kind="stable").index]
    offered[UNSURE] = known.sort_values("margin", kind="stable")
    return {title: rows.head(LISTED) for title, rows in offered.items() if len(rows)}


def reasons(results: Results, image: ImageRecord, cells: pd.DataFrame, *, target: str) -> dict[int, Reason]:
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

    Raises
    ------
    ModelError
        When maps have to be computed and the models cannot be had.
    """
    folder = results.folder / cells["stem"].iloc[0] if len(cells) else results.folder
    found = stored_reasons(folder, target)
    missing = tuple(int(i) for i in cells["cell_id"] if int(i) not in found)
    if missing and takes_long(results, len(missing)):
        explain_by_worker(results, image, missing, target)
    elif missing:
        found |= _computed(results.run.id, image.id, results.version, missing, target, results, image, folder)
    return {int(i): found[int(i)] for i in cells["cell_id"] if int(i) in found}


def stored_reasons(folder: Path, target: str) -> dict[int, Reason]:
    """Read the maps of one image's folder, of its run and made later; none of another class or made another way."""
    path = folder / "explanations" / "maps.npz"
    kept = (read_maps(path) if path.exists() else None, kept_maps(folder, target))
    found: dict[int, Reason] = {}
    for explained in kept:
        if explained is not None and explained.target == target and explained.method.startswith(METHOD):
            found |= _by_cell(explained)
    return found


def common_limit(results: Results, shown: Mapping[int, Reason], *, target: str) -> float:
    """Return the half width of the colour scale shared by all cells of the run, logit units.

    It spans every map in the run's files and those computed for this page.
    """
    heats = [reason.heat for reason in shown.values()]
    for stem, _ in results.version:
        heats += [reason.heat for reason in stored_reasons(results.folder / stem, target).values()]
    return max((float(np.abs(heat).max(initial=0.0)) for heat in heats), default=0.0)


@st.cache_data(max_entries=32, show_spinner="Explaining cells")
def _computed(
    run_id: str,
    image_id: str,
    version: tuple[tuple[str, int], ...],
    cell_ids: tuple[int, ...],
    target: str,
    _results: Results,
    _image: ImageRecord,
    _folder: Path,
) -> dict[int, Reason]:
    settings = _results.run.settings
    cells = _results.cells[(_results.cells["image_id"] == image_id) & _results.cells["cell_id"].isin(cell_ids)]
    explained: Explanations = explain_cells(
        cache.slide(_image),
        cache.run_models(settings),
        settings,
        LabelMask(labels_of(_folder), ""),
        cells.set_index("cell_id"),
        target=target,
    )
    return _by_cell(explained)


def _by_cell(explained: Explanations) -> dict[int, Reason]:
    rows = zip(explained.cell_ids, explained.maps, explained.logits, explained.rest, strict=True)
    return {int(i): Reason(heat, float(logit), float(rest), explained.target) for i, heat, logit, rest in rows}
