"""Scale bars of pictures in a grid, drawn by the browser, so that they stay sharp and thin at every size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cellapp.rendering.annotations import round_length

_HERE = Path(__file__).parent
JS = (_HERE / "scale_bar.js").read_text(encoding="utf-8")
CSS = (_HERE / "scale_bar.css").read_text(encoding="utf-8")


class ScaleBar(NamedTuple):
    """A bar of a round length on a picture."""

    share: float = 0.0  # of the width of the picture; 0 for none
    text: str = ""


NO_BAR = ScaleBar()


def bar_of(side_px: float, um_per_px: float | None) -> ScaleBar:
    """Return the bar of a picture, at most a third of its width; an empty one where the scale is not known.

    Parameters
    ----------
    side_px : float
        Width of what the picture shows, in pixels of the slide.
    um_per_px : float, optional
    """
    if not um_per_px or side_px <= 0:
        return NO_BAR
    width_um = side_px * um_per_px
    length_um = round_length(width_um / 3)
    return ScaleBar(length_um / width_um, f"{length_um:g} µm")
