"""Curves over time for print, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from cellapp.rendering.colours import cluster_colour
from cellapp.rendering.print_figure import WIDTH_IN, as_svg, new_figure

if TYPE_CHECKING:
    from cellapp.rendering.print_figure import Axes, Figure

_HEIGHT_IN, _LINE_IN, _SIGNS = 4.0, 0.15, 110
_STYLES, _MARKERS = ("-", "--", ":", "-."), ("o", "D", "s", "^", "P", "*")


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a chart."""

    name: str  # of its group, in the legend
    group: int  # number of the group, which decides colour and sign
    place: str  # "" of a fit
    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,), positive


@dataclass(frozen=True, eq=False)
class CurveFigure:
    """Curves on a logarithmic axis, with a note below."""

    title: str
    x_title: str
    y_title: str
    curves: Sequence[Curve]
    note: str = ""

    def svg(self) -> str:
        """Return the figure as SVG."""
        return as_svg(self._draw)

    def _draw(self) -> Figure:
        note = wrap(self.note, _SIGNS)
        height = _HEIGHT_IN + _LINE_IN * len(note)
        figure = new_figure(WIDTH_IN, height)
        foot = _LINE_IN * len(note) / height
        axes = figure.add_axes((0.1, foot + 0.13, 0.87, 0.78 - foot))
        self._draw_curves(axes)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(self.x_title, fontsize=8)
        axes.set_ylabel(self.y_title, fontsize=8)
        axes.set_title(self.title, fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        for number, line in enumerate(note):
            figure.text(0.02, foot - _LINE_IN * (number + 0.8) / height, line, fontsize=7, parse_math=False)
        return figure

    def _draw_curves(self, axes: Axes) -> None:
        """Draw each curve, and a legend with every name once."""
        named: set[str] = set()
        for curve in self.curves:
            label = None if curve.name in named else curve.name.replace("$", r"\$")
            sign, line = _MARKERS[curve.group % len(_MARKERS)], _STYLES[curve.group % len(_STYLES)]
            style = {"linestyle": line, "linewidth": 2.0} if not curve.place else {"marker": sign, "linewidth": 0.8}
            axes.plot(curve.x, curve.y, color=cluster_colour(curve.group), markersize=3.5, label=label, **style)
            named.add(curve.name)
        if named:
            axes.legend(fontsize=7, frameon=False)
