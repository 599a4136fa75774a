"""Figures for print by matplotlib: equal content gives equal bytes, and words stay words."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO, StringIO
from threading import Lock
from typing import TYPE_CHECKING, Any

from cellapp.rendering.annotations import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    __all__ = ["Axes", "Figure", "as_png", "as_svg", "new_figure"]

PRINT_DPI = 300
WIDTH_IN = 7.0
"""Two columns of a journal, 178 mm."""
_FONT = {"font.family": "sans-serif", "svg.fonttype": "none", "svg.hashsalt": "cellapp", "text.color": INK}
_ALONE = Lock()  # matplotlib keeps fonts and settings for the whole process


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure."""
    from matplotlib.figure import Figure  # seconds to import

    return Figure(figsize=(width_in, height_in))


def as_svg(draw: Callable[[], Figure]) -> str:
    """Return what is drawn as SVG: words as text, no date in it."""
    sink = StringIO()
    _save(draw, sink, format="svg", metadata={"Date": None, "Creator": None})
    return sink.getvalue()


def as_png(draw: Callable[[], Figure], dpi: int = PRINT_DPI) -> bytes:
    """Return what is drawn as PNG with its resolution written in it."""
    sink = BytesIO()
    _save(draw, sink, format="png", dpi=dpi, metadata={"Software": None})
    return sink.getvalue()


def _save(draw: Callable[[], Figure], sink: Any, **how: Any) -> None:
    from matplotlib import rc_context

    with _ALONE, rc_context(_FONT):
        draw().savefig(sink, facecolor="white", **how)
