"""Charts of a report as SVG, drawn by hand: they print, need no script, and follow the colours of the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from cellapp.cells.counts import Counts
from cellapp.rendering.colours import class_colour

_NAME_PX, _AREA_PX, _ROW_PX, _PAD_PX = 210, 420, 20, 26
_SIDE_PX = 260


def share_chart(rows: Sequence[tuple[str, Counts]], classes: Sequence[str], name: str) -> str:
    """Draw the share of one class in each row with its 95 % interval, as a dot and a line from 0 to 100 %.

    Parameters
    ----------
    rows : sequence of (title, Counts)
        Images or groups of them; one without a called cell has no mark.
    classes : sequence of str
        All classes, for the colour.
    name : str
        The class shown.
    """
    height = _ROW_PX * len(rows) + _PAD_PX
    width, colour = _NAME_PX + _AREA_PX + 70, class_colour(name, tuple(classes))
    parts = [_grid(height - _PAD_PX)]
    for number, (title, counts) in enumerate(rows):
        y = _ROW_PX * (number + 0.5)
        parts.append(f'<text x="{_NAME_PX - 8}" y="{y + 4}" text-anchor="end">{escape(_short(title))}</text>')
        if not counts.n_called:
            parts.append(f'<text x="{_NAME_PX + 4}" y="{y + 4}" opacity="0.7">none called</text>')
            continue
        share = counts.fraction(name)
        low, value, high = (_NAME_PX + _AREA_PX * part for part in (share.low, share.value, share.high))
        parts.append(
            f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="3"/>'
            f'<circle cx="{value:.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
            f'<text x="{_NAME_PX + _AREA_PX + 8}" y="{y + 4}">{100 * share.value:.0f} %</text>'
        )
    return _svg(width, height, f"{name}, share of called cells with 95 % interval", parts)


def calibration_chart(bins: Sequence[Mapping[str, float]], positive: str, classes: Sequence[str]) -> str:
    """Draw how often a probability was right against what was said; a dot is larger the more cells it has."""
    most, colour = max((row["n"] for row in bins), default=1), class_colour(positive, tuple(classes))
    parts = [
        f'<rect x="40" y="8" width="{_SIDE_PX}" height="{_SIDE_PX}" fill="none" stroke="currentColor" opacity="0.4"/>',
        f'<line x1="40" y1="{8 + _SIDE_PX}" x2="{40 + _SIDE_PX}" y2="8" stroke="currentColor" opacity="0.4" '
        'stroke-dasharray="4 4"/>',
    ]
    for row in bins:
        x, y = 40 + _SIDE_PX * row["said"], 8 + _SIDE_PX * (1 - row["was"])
        radius = 2.5 + 6 * (row["n"] / most) ** 0.5
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" opacity="0.85">'
            f"<title>{row['n']:,.0f} cells: said {row['said']:.2f}, was {row['was']:.2f}</title></circle>"
        )
    for end, x, y in (("0", 30, 8 + _SIDE_PX), ("1", 30, 18)):
        parts.append(f'<text x="{x}" y="{y}" text-anchor="end">{end}</text>')
    parts.append(
        f'<text x="{40 + _SIDE_PX / 2}" y="{_SIDE_PX + 26}" text-anchor="middle">'
        f"probability of {escape(positive)}</text>"
        f'<text transform="translate(14 {8 + _SIDE_PX / 2}) rotate(-90)" text-anchor="middle">share that was it</text>'
    )
    return _svg(_SIDE_PX + 56, _SIDE_PX + 34, f"Calibration of p({positive}) on held-out cells", parts)


def _grid(height: float) -> str:
    lines = []
    for step in range(0, 101, 25):
        x = _NAME_PX + _AREA_PX * step / 100
        lines.append(f'<line x1="{x}" y1="0" x2="{x}" y2="{height}" stroke="currentColor" opacity="0.2"/>')
        lines.append(f'<text x="{x}" y="{height + 16}" text-anchor="middle" opacity="0.8">{step} %</text>')
    return "".join(lines)


def _short(text: str, longest: int = 30) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'role="img" font-size="12" fill="currentColor" font-family="inherit"><title>{escape(title)}</title>'
        f"{''.join(parts)}</svg>"
    )
