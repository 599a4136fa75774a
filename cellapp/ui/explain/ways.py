"""The ways in which a list of cells is explained on the page: the first, and the one beside it, under one scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from cellapp.explanation.methods import method_text
from cellapp.pipeline import cell_figures
from cellapp.pipeline.cell_figures import ShownCell
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.map_figure import MapFigure
from cellapp.settings import CropSettings, ExplainSettings
from cellapp.store.records import ImageRecord
from cellapp.ui.components.model_badges import cached_head
from cellapp.ui.explain.cell_maps import CellExplanation, cell_explanations, common_limit
from cellapp.ui.explain.shown_cells import channels_alone, encoder_crops_of, shown_cells
from cellapp.ui.explain.toolbar import Asked
from cellapp.ui.session.results import Results


@dataclass(frozen=True, eq=False)
class ShownWay:
    """Maps of a list of cells made in one way."""

    how: ExplainSettings
    head: str  # name of the head where it is another than the run's; else ""
    explained: Mapping[int, CellExplanation]  # by cell id
    crops: Mapping[int, RawCrop]  # of all cells of the list, as its head reads them
    cells: list[ShownCell]  # those with a map
    limit: float  # half width of the scale, logit units; one for all ways

    @property
    def title(self) -> str:
        """For people."""
        method = method_text(self.how.named, self.how.layer)
        return f"{method}, head {self.head}" if self.head else method


def explained_ways(results: Results, image: ImageRecord, cells: pd.DataFrame, asked: Asked) -> list[ShownWay]:
    """Return the maps of some cells of one image in each way asked for.

    Raises
    ------
    ModelError
        When maps have to be made and the models cannot be had.
    """
    ways = [_way(results, image, cells, asked, asked.how, None)]
    if asked.second is not None:
        ways.append(_way(results, image, cells, asked, asked.second.how, asked.second.head))
    limit = max(way.limit for way in ways)
    return [replace(way, limit=limit) for way in ways]


def _way(
    results: Results, image: ImageRecord, cells: pd.DataFrame, asked: Asked, how: ExplainSettings, head: str | None
) -> ShownWay:
    explained = cell_explanations(results, image, cells, target=asked.target, how=how, head=head)
    crops = encoder_crops_of(results, image, cells, _crop_of(head))
    shown = shown_cells(crops, cells, explained, image, asked.shown)
    if head is None:
        return ShownWay(
            how, "", explained, crops, shown, common_limit(results, explained, target=asked.target, how=how)
        )
    shown = [replace(one, p=_probability(head, one.logit)) for one in shown]
    limit = max((float(np.abs(one.map).max(initial=0)) for one in explained.values()), default=0.0)
    return ShownWay(how, Path(head).name, explained, crops, shown, limit)


def _crop_of(head: str | None) -> CropSettings | None:
    loaded = cached_head(head) if head else None
    return loaded.crop if loaded else None


def _probability(name: str, logit: float) -> float | None:
    """Return the probability by another head; None where its logit does not say it, with more than two classes."""
    head = cached_head(name)
    return float(expit(logit)) if head is not None and len(head.classes) == 2 else None


def figures_of(
    image: ImageRecord, title: str, cell_id: int, asked: Asked, ways: Sequence[ShownWay]
) -> dict[str, tuple[str, Callable[[], MapFigure]]]:
    """Return what can be saved of a list of cells: label -> file name and the function that draws it.

    Parameters
    ----------
    image : ImageRecord
    title : str
        Of the list.
    cell_id : int
        The cell chosen in it.
    asked : Asked
        What the page was asked to show.
    ways : sequence of ShownWay
        One, or two beside each other.
    """
    first, style, target = ways[0], asked.style, asked.target
    figures: dict[str, tuple[str, Callable[[], MapFigure]]] = {}
    mine = next((one for one in first.cells if one.cell_id == cell_id), None)
    if mine is not None:
        channels = channels_alone(first.crops[cell_id], image, asked.shown)
        figures["This cell"] = (
            f"{image.name}_cell_{cell_id}",
            lambda: cell_figures.one_cell(mine, channels, first.how, target, limit=first.limit, style=style),
        )
    if first.cells:
        figures["This list"] = (
            f"{image.name}_{title}",
            lambda: cell_figures.gallery(first.cells, first.how, target, limit=first.limit, style=style, title=title),
        )
    if len(ways) > 1 and ways[1].cells:
        columns = [way.cells[: cell_figures.COLUMNS] for way in ways]
        rows = [(cells, way.how, way.head) for cells, way in zip(columns, ways, strict=True)]
        figures["Side by side"] = (
            f"{image.name}_{title}_side_by_side",
            lambda: cell_figures.side_by_side(rows, target, limit=first.limit, style=style),
        )
    return figures
