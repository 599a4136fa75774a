"""Figures of cells and signed maps for print: a grid of panels with one colour bar, as SVG and as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from cellapp.rendering.annotations import magnify, signed_colours
from cellapp.rendering.print_figure import PRINT_DPI, WIDTH_IN, as_png, as_svg, new_figure
from cellapp.rendering.signed_maps import MapStyle, enlarged, laid_over

if TYPE_CHECKING:
    from cellapp.rendering.print_figure import Axes, Figure

PLAIN = MapStyle()
_PANEL_IN, _BAR_IN, _LINE_IN = 1.7, 0.75, 0.13
_SIGNS_PER_IN = 23  # of the note, at the size it is written in
_FINE_PX = 192  # smaller pictures are enlarged to at least this, for smoothed maps and readers that blur


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a figure: a crop, a map, or a map over a crop."""

    picture: np.ndarray | None = None  # (Y, X, 3) uint8
    values: np.ndarray | None = None  # (h, w) signed
    outlines: tuple[tuple[np.ndarray, str], ...] = ()  # masks (Y, X) bool on the picture, "#RRGGBB"
    title: str = ""
    caption: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class MapFigure:
    """Panels in rows under one symmetric scale; equal content gives equal bytes."""

    rows: tuple[tuple[Panel, ...], ...]
    limit: float  # half width of the scale, in `unit`
    note: tuple[str, ...] = ()  # lines below the figure
    unit: str = "logit"
    style: MapStyle = PLAIN

    def svg(self) -> str:
        """Return the figure as SVG: pictures in their own pixels, outlines as paths, words as text."""
        return as_svg(lambda: _draw(self))

    def png(self, dpi: int = PRINT_DPI) -> bytes:
        """Return the figure as PNG with its resolution written in it."""
        return as_png(lambda: _draw(self), dpi)


def in_rows(panels: Sequence[Panel], columns: int) -> tuple[tuple[Panel, ...], ...]:
    """Break a sequence of panels into rows of at most `columns`."""
    return tuple(tuple(panels[start : start + columns]) for start in range(0, len(panels), columns))


def _draw(drawn: MapFigure) -> Figure:
    columns = max((len(row) for row in drawn.rows), default=1)
    side = min(_PANEL_IN, (WIDTH_IN - _BAR_IN) / columns)
    width = columns * side + _BAR_IN
    note = [line for text in drawn.note for line in wrap(text, int(width * _SIGNS_PER_IN))]
    words = [_LINE_IN * (1 + max((len(one.caption) for one in row), default=0)) + 0.06 for row in drawn.rows]
    foot = _LINE_IN * len(note) + 0.08
    height = len(words) * side + sum(words) + foot
    figure, top = new_figure(width, height), height
    for row, line in zip(drawn.rows, words, strict=True):
        top -= side + line
        for column, panel in enumerate(row):
            place = (column * side / width, (top + line - _LINE_IN) / height, 0.96 * side / width, 0.96 * side / height)
            _panel(figure.add_axes(place), panel, drawn)
    _colour_bar(figure, (columns * side + 0.05, height - min(side, height) - 0.05), min(side, height) * 0.9, drawn)
    for number, line in enumerate(note):
        at = (foot - 0.02 - _LINE_IN * (number + 0.8)) / height
        figure.text(0.0, at, line, fontsize=6, va="baseline", parse_math=False)
    return figure


def _panel(axes: Axes, panel: Panel, drawn: MapFigure) -> None:
    pixels = panel_pixels(panel, drawn.limit, drawn.style)
    axes.imshow(pixels, interpolation="none", extent=(0, 1, 1, 0), aspect=pixels.shape[0] / pixels.shape[1])
    for mask, colour in panel.outlines if drawn.style.outlines else ():
        if mask.any() and not mask.all():
            rows, columns = ((np.arange(n) + 0.5) / n for n in mask.shape)
            axes.contour(columns, rows, mask.astype(float), levels=[0.5], colors=[colour], linewidths=0.7)
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    axes.set_axis_off()
    axes.set_title(panel.title, fontsize=6.5, pad=2, parse_math=False)
    for number, line in enumerate(panel.caption):
        axes.annotate(
            line, (0, 0), xycoords="axes fraction", xytext=(0, -7.5 - 9.4 * number), textcoords="offset points",
            fontsize=5.5, annotation_clip=False, parse_math=False,
        )  # fmt: skip


def panel_pixels(panel: Panel, limit: float, style: MapStyle) -> np.ndarray:
    """Return a panel without its words and outlines, (Y, X, 3) uint8: what pages show of it, too."""
    if panel.picture is None:
        side = tuple(n * max(1, -(-_FINE_PX // n)) for n in panel.values.shape)
        return signed_colours(enlarged(panel.values, side, smooth=style.smooth), limit)
    picture = magnify(panel.picture, max(1, -(-_FINE_PX // max(panel.picture.shape[:2]))))
    if panel.values is None:
        return picture
    return laid_over(
        picture, enlarged(panel.values, picture.shape[:2], smooth=style.smooth), limit, opacity=style.opacity
    )


def _colour_bar(figure: Figure, corner_in: tuple[float, float], length_in: float, drawn: MapFigure) -> None:
    """Draw the scale: its ends, its middle and its unit."""
    width, height = figure.get_size_inches()
    limit = drawn.limit or 1.0
    axes = figure.add_axes((corner_in[0] / width, corner_in[1] / height, 0.1 / width, length_in / height))
    bar = signed_colours(np.linspace(1, -1, 128)[:, None], 1.0)
    axes.imshow(bar, extent=(0, 1, -limit, limit), aspect="auto", interpolation="none")
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([-limit, 0, limit], [f"\N{MINUS SIGN}{limit:.2g}", "0", f"{limit:+.2g}"], fontsize=5.5)
    axes.tick_params(length=2, pad=1, width=0.5)
    axes.set_title(drawn.unit, fontsize=5.5, pad=5, loc="left", parse_math=False)
