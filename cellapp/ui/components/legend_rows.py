"""How many rows the legend of a chart has, so that it neither covers the title nor takes from the plot."""

from __future__ import annotations

import plotly.graph_objects as go

_NARROW_PX = 440  # of a chart in half a page: there the legend wraps first


def legend_rows(figure: go.Figure) -> int:
    """Return how many rows the legend has where a chart is narrow: its columns are as wide as the longest name."""
    if figure.layout.showlegend is False:
        return 1 + str(figure.layout.title.subtitle.text or "").count("<br>")  # a legend of ours, see `count_charts`
    names = [one.name for one in figure.data if one.name and one.showlegend is not False]
    if len(names) < 2:
        return 1
    in_row = max(_NARROW_PX // (40 + 5 * max(map(len, names))), 1)
    return -(-len(names) // in_row)
