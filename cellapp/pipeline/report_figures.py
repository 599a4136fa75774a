"""The figures of a run's report: typical, unsure and wrong cells with their maps, and the mean map of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.cells.counts import classes_of, outcome
from cellapp.explanation.cell_lists import UNSURE, WRONG, listings
from cellapp.exports.embeddings import read_embeddings
from cellapp.exports.explanations import read_mean_maps
from cellapp.exports.report.figures import ReportFigure
from cellapp.exports.report.words import listed
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import RunModels
from cellapp.pipeline.cell_figures import ShownCell, cell_outlines, gallery, mean_maps_figure
from cellapp.pipeline.context import ImageContext, make_context
from cellapp.pipeline.encoder_crops import RawCrop, raw_crops
from cellapp.pipeline.find_nuclei import kept_nuclei
from cellapp.pipeline.maps_of_cells import maps_of_cells
from cellapp.rendering.composition import ImageStyle
from cellapp.rendering.signed_maps import scale_of
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep, Slide

SHOWN = 4
"""Cells of each list in a report."""
_TITLES = {UNSURE: "Least sure"}


def report_figures(
    out: Path,
    slides: Mapping[str, Callable[[], Slide]],
    models: RunModels,
    settings: AnalyseSettings,
    target: str,
    on_step: OnStep | None = None,
) -> list[ReportFigure]:
    """Explain cells of a run and draw the figures of its report.

    Parameters
    ----------
    out : Path
        The run's folder.
    slides : mapping of folder name to function that opens the image
        Images that are left out show no cells.
    models : RunModels
        With encoder and head.
    settings : AnalyseSettings
        Of the run, with the method of all maps.
    target : str
        Class to explain.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    list of ReportFigure
        None without classified cells, or for a head that makes no maps.

    Raises
    ------
    ModelError
        When the head does not know the class.
    """
    cells = _classified(out, [stem for stem in slides if (out / stem / "run.json").is_file()])
    classes = classes_of(cells)
    if cells.empty or not classes or models.head is None or models.head.only_on_slides:
        return []
    lists = _lists(cells, classes, _vectors(out, cells))
    rows = pd.Index(dict.fromkeys(i for mine in lists.values() for i in mine.index))
    explained: dict[int, ShownCell] = {}
    for n_done, (stem, mine) in enumerate(cells.loc[rows].groupby("stem", sort=False)):
        if on_step:
            on_step("Explaining cells for the report", n_done / len(slides))
        context = make_context(slides[str(stem)](), None, models, settings)
        explained |= _explain(context, out / str(stem), mine, target)
    return _draw(explained, lists, settings, target) + _means(out, target)


def _classified(out: Path, stems: Sequence[str]) -> pd.DataFrame:
    """Return the classified cells of all images, numbered over the run, with what they count as."""
    tables = [
        table.assign(stem=stem, outcome=outcome(table)).reset_index()
        for stem in stems
        if "label" in (table := read_cells(out / stem / "cells.parquet"))
    ]
    if not tables:
        return pd.DataFrame({"stem": pd.Series(dtype=object)})
    cells = pd.concat(tables, ignore_index=True)
    return cells[cells["label"].fillna("") != ""]


def _vectors(out: Path, cells: pd.DataFrame) -> pd.DataFrame | None:
    """Return the vector of each cell by its row; None where an image has none, or of another length."""
    parts = []
    for stem, mine in cells.groupby("stem", sort=False):
        path = out / str(stem) / "embeddings.npz"
        if not path.is_file():
            return None
        found = read_embeddings(path)
        table = pd.DataFrame(found.features, index=found.cell_ids)
        known = mine[mine["cell_id"].isin(table.index)]
        parts.append(table.loc[known["cell_id"]].set_axis(known.index))
    return pd.concat(parts) if len({part.shape[1] for part in parts}) == 1 else None


def _lists(cells: pd.DataFrame, classes: Sequence[str], vectors: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    wanted = (*(f"Typical {name}" for name in classes), UNSURE, WRONG)
    found = listings(cells, classes, vectors=vectors)
    return {title: found[title].head(SHOWN) for title in wanted if title in found}


def _explain(context: ImageContext, folder: Path, cells: pd.DataFrame, target: str) -> dict[int, ShownCell]:
    """Explain cells of one image; by their rows in the run."""
    mask = LabelMask(read_labels(folder / "labels.tif", context.slide.info.shape[1:]), "")
    table, nuclei = cells.set_index("cell_id"), kept_nuclei(folder, context, mask)
    maps = maps_of_cells(context, mask, table, target)
    crops = raw_crops(
        context.source,
        mask,
        table,
        context.models.to_explain()[1].crop,
        channels=context.source.info.channels,
        roles=context.roles,
        angle_deg=context.head_preprocessor.angle_deg,
        nuclei=None if nuclei is None else nuclei.labels,
    )
    style = ImageStyle.of(context.source, context.source.info.channels, context.roles)
    parts = zip(cells.index, cells.to_dict("records"), crops, maps.maps, maps.logits, strict=True)
    return {
        int(row): _shown(cell, crop, style, values, float(logit), target) for row, cell, crop, values, logit in parts
    }


def _shown(
    cell: Mapping[str, Any], crop: RawCrop, style: ImageStyle, values: np.ndarray, logit: float, target: str
) -> ShownCell:
    given = str(cell.get("manual_label") or "")
    return ShownCell(
        int(cell["cell_id"]),
        str(cell["outcome"] if not given else cell["label"]),
        float(cell[f"p_{target}"]),
        style.show(crop.pixels),
        cell_outlines(crop),
        values,
        logit,
        given if given != cell["label"] else "",
    )


def _draw(
    explained: Mapping[int, ShownCell],
    lists: Mapping[str, pd.DataFrame],
    settings: AnalyseSettings,
    target: str,
) -> list[ReportFigure]:
    how, limit = settings.explain, scale_of(one.values for one in explained.values())
    figures = []
    for title, rows in lists.items():
        drawn = gallery([explained[i] for i in rows.index], how, target, limit=limit)
        caption = f"{_where(rows)}. {_about(title, target)}"
        figures.append(ReportFigure(f"{_TITLES.get(title, title)} cells", caption, drawn.svg()))
    return figures


def _means(out: Path, target: str) -> list[ReportFigure]:
    means, method = read_mean_maps(out, target)
    if not means:
        return []
    drawn = mean_maps_figure(means, target, method=method)
    return [ReportFigure("Mean map of each class", "Of the cells measured for the findings.", drawn.svg())]


def _where(rows: pd.DataFrame) -> str:
    """Return which cells of which images are shown."""
    ids = rows.groupby("stem", sort=False)["cell_id"]
    return "; ".join(
        f"{stem}: {'cell' if len(mine) == 1 else 'cells'} {listed([str(i) for i in mine])}" for stem, mine in ids
    )


def _about(title: str, target: str) -> str:
    """Return what the cells of a list have in common."""
    outlines = "White is the outline of the cell, yellow that of its nucleus, where one was found."
    if title == UNSURE:
        return f"Those nearest to another call. {outlines}"
    if title == WRONG:
        return f"Those called other than somebody labelled them, the surest first. {outlines}"
    return f"Medoids of the class in the space of the encoder, explained for {target}. {outlines}"
