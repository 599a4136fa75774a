"""Figures of explained cells: one cell in detail, galleries, two ways of explaining side by side, mean maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.explanation.mean_map import MeanMap, outline_of_mean
from cellapp.explanation.methods import method_text
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.annotations import INK
from cellapp.rendering.map_figure import PLAIN, MapFigure, Panel, in_rows
from cellapp.rendering.signed_maps import MapStyle, scale_of
from cellapp.settings import ExplainSettings

CELL_COLOUR, NUCLEUS_COLOUR = "#FFFFFF", "#F0E442"
COLUMNS = 4
"""Panels beside each other in a gallery."""
_FINE = 512  # pixels of a drawn outline of mean maps
Outlines = tuple[tuple[np.ndarray, str], ...]


@dataclass(frozen=True, eq=False)
class ShownCell:
    """One cell and its map, as figures show them."""

    cell_id: int
    outcome: str  # what it counts as
    p: float | None  # probability of the class explained; None where nobody knows it
    picture: np.ndarray  # (S, S, 3) uint8, what the encoder saw
    outlines: Outlines  # see `cell_outlines`
    values: np.ndarray  # (h, w), signed, logit units
    logit: float  # of the class explained
    given: str = ""  # class that somebody gave it, where the call is another

    @property
    def title(self) -> str:
        """What is written above it."""
        return f"cell {self.cell_id}: {self.outcome}" if not self.given else f"cell {self.cell_id}: is {self.given}"


def cell_outlines(crop: RawCrop) -> Outlines:
    """Return the outlines of a cell, white, and of its nucleus, yellow, where one was found."""
    cell = ((crop.inside, CELL_COLOUR),)
    return cell if crop.core is None or not crop.core.any() else (*cell, (crop.core, NUCLEUS_COLOUR))


def map_note(how: ExplainSettings, target: str, limit: float, head: str = "") -> str:
    """Return what a reader must know of every map of a figure, in a sentence."""
    of = f" of head {head}" if head else ""
    return (
        f"{method_text(how.named, how.layer)}{of}: for (vermillion) and against (blue) {target}; one scale for all, "
        f"\N{PLUS-MINUS SIGN}{limit:.2g} logit per square."
    )


def numbers(cell: ShownCell, target: str) -> str:
    """Return logit and probability of the class explained, for the caption of a cell."""
    probability = "" if cell.p is None else f", p({target}) {cell.p:.2f}"
    return f"logit {cell.logit:+.2f}".replace("-", "\N{MINUS SIGN}") + probability


def one_cell(
    cell: ShownCell,
    channels: Mapping[str, np.ndarray],
    how: ExplainSettings,
    target: str,
    *,
    limit: float,
    style: MapStyle = PLAIN,
) -> MapFigure:
    """Draw a cell, its map, both together and, below, each channel of several alone.

    Parameters
    ----------
    cell : ShownCell
    channels : mapping of name to ndarray of shape (S, S, 3), uint8
        Each channel's rendering.
    how : ExplainSettings
        Method and layer.
    target : str
        Class explained.
    limit : float
        Half width of the scale of the run, logit units.
    style : MapStyle
    """
    called = f"{cell.outcome}, labelled {cell.given}" if cell.given else cell.outcome
    first = (
        Panel(cell.picture, None, cell.outlines, f"cell {cell.cell_id}"),
        Panel(None, cell.values, (), f"for and against {target}", (f"map {float(cell.values.sum()):+.2f} of",)),
        Panel(cell.picture, cell.values, cell.outlines, called, (numbers(cell, target),)),
    )
    below = [Panel(picture, title=name) for name, picture in channels.items()] if len(channels) > 1 else []
    return MapFigure((first, *in_rows(below, 3)), limit, (map_note(how, target, limit),), style=style)


def _map_panel(cell: ShownCell, target: str) -> Panel:
    """Return the map of a cell alone, which reads better than over a bright cell, with dark outlines."""
    outlines = tuple((mask, INK) for mask, _ in cell.outlines)
    return Panel(None, cell.values, outlines, "", (numbers(cell, target),))


def gallery(
    cells: Sequence[ShownCell],
    how: ExplainSettings,
    target: str,
    *,
    limit: float,
    style: MapStyle = PLAIN,
    title: str = "",
) -> MapFigure:
    """Draw each cell beside its map; parameters are those of `one_cell`, and `title` stands above the figure."""
    panels = [
        panel
        for cell in cells
        for panel in (
            Panel(cell.picture, None, cell.outlines, cell.title),
            _map_panel(cell, target),
        )
    ]
    note = (f"{title}. {map_note(how, target, limit)}" if title else map_note(how, target, limit),)
    return MapFigure(in_rows(panels, COLUMNS), limit, note, style=style)


def side_by_side(
    ways: Sequence[tuple[Sequence[ShownCell], ExplainSettings, str]],
    target: str,
    *,
    limit: float,
    style: MapStyle = PLAIN,
) -> MapFigure:
    """Draw the same cells explained in several ways, a row each below the cells themselves.

    Parameters
    ----------
    ways : sequence of (cells, how, head)
        The same cells in the same order; the name of a head where that differs.
    target : str
        Class explained.
    limit : float
        Half width of the scale that all ways share, logit units.
    style : MapStyle
    """
    first = ways[0][0] if ways else ()
    rows = [tuple(Panel(cell.picture, None, cell.outlines, cell.title) for cell in first)]
    for cells, _, _ in ways:
        rows.append(tuple(_map_panel(cell, target) for cell in cells))
    notes = tuple(
        f"Row {number}: {map_note(how, target, limit, head)}" for number, (_, how, head) in enumerate(ways, start=2)
    )
    return MapFigure(tuple(rows), limit, notes, style=style)


def mean_maps_figure(means: Mapping[str, MeanMap], target: str, *, method: str, style: MapStyle = PLAIN) -> MapFigure:
    """Draw the mean map of each class with the outline that its cells were scaled to, under a scale of their own.

    Parameters
    ----------
    means : mapping of class to MeanMap
    target : str
        Class explained.
    method : str
        How the maps were made, in words.
    style : MapStyle
    """
    limit = scale_of(mean.values for mean in means.values())
    panels = [
        Panel(
            None, mean.values, ((outline_of_mean(_FINE), INK),), f"called {name}", (f"mean of {mean.n_cells:,} cells",)
        )
        for name, mean in means.items()
    ]
    notes = (
        f"{method}: for (vermillion) and against (blue) {target}; the logit, if the whole cell were like this place.",
        "Cells are turned to their long axis and scaled along and across to one outline: compare places, not shapes.",
    )
    return MapFigure(in_rows(panels, COLUMNS), limit, notes, style=style)
