"""Runs compared: the settings that differ, and the counts and shares of each image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from pydantic import BaseModel

from cellapp.cells.answer import judge
from cellapp.cells.counts import Counts, count
from cellapp.classification.cell_columns import positive_class
from cellapp.rendering.colours import class_colour
from cellapp.settings import AnalyseSettings
from cellapp.store.records import RunRecord
from cellapp.ui.components.charts import styled
from cellapp.ui.components.forms import label, value_text
from cellapp.ui.components.messages import capital


def flat_settings(settings: AnalyseSettings) -> dict[str, str]:
    """Return every setting in the words of its widget, under the part it is of: "Segmentation: Diameter"."""
    return dict(_flat(settings))


def differing(runs: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Return for each run the settings that differ from those of most runs.

    Parameters
    ----------
    runs : sequence of RunRecord

    Returns
    -------
    dict of run id to "name = value"
        Empty for a single run. In a tie the value of the oldest run counts as that of most.
    """
    flat = {run.id: flat_settings(run.settings) for run in sorted(runs, key=lambda run: run.created)}
    names = list(flat_settings(AnalyseSettings()))
    usual = {name: Counter(values[name] for values in flat.values()).most_common(1)[0][0] for name in names}
    return {
        run_id: [f"{name} = {values[name]}" for name in names if values[name] != usual[name]]
        for run_id, values in flat.items()
    }


def settings_table(first: RunRecord, second: RunRecord) -> pd.DataFrame:
    """Return the settings in which two runs differ, one row each; empty when they are the same."""
    one, two = flat_settings(first.settings), flat_settings(second.settings)
    rows = [(name, one[name], two[name]) for name in one if one[name] != two[name]]
    return pd.DataFrame(rows, columns=["Setting", first.name, second.name] if first.name != second.name else _NAMES)


def changed_models(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Return the models that both runs used and whose weights changed in between, from a ``run.json`` of each."""
    one, two = (tree.get("weights_sha256") or {} for tree in (first, second))
    return sorted({file.rpartition("/")[0] for file in one if one[file] != two.get(file, one[file])})


_NAMES = ["Setting", "First run", "Second run"]


def image_table(
    first: pd.DataFrame,
    second: pd.DataFrame,
    names: Mapping[str, str],
    *,
    done: tuple[Collection[str], Collection[str]],
    demonstrations: tuple[str, str] = ("", ""),
    unfit: bool = False,
) -> pd.DataFrame:
    """Compare two runs image by image.

    Parameters
    ----------
    first, second : DataFrame
        The runs' cell tables with `image_id`, `qc_pass` and calls.
    names : mapping of image id to name
        Images to compare, in order; an image only one run has keeps its gap.
    done : tuple of collections of image ids
        What each run has finished: an image without cells is a result, one that was not reached is not.
    demonstrations : tuple of str
        Of the runs, see `cellapp.models.demonstration`.
    unfit : bool
        Give shares that are no answer, too.

    Returns
    -------
    DataFrame
        `image`, `cells_first`, `cells_second`, `cells_change`; with a head also `share_first`, `share_second`,
        `share_change` of the positive class, in percent and percentage points, if any of them is an answer.
    """
    classes = tuple(
        dict.fromkeys(c.removeprefix("p_") for t in (first, second) for c in t.columns if c.startswith("p_"))
    )
    sides = [_Side(*side, classes, unfit) for side in zip((first, second), done, demonstrations, strict=True)]
    rows = [_row(name, image_id, sides) for image_id, name in names.items()]
    table = pd.DataFrame(rows, columns=["image", *(f"{what}_{which}" for what in _WHAT for which in _WHICH)])
    without = classes and not table[["share_first", "share_second"]].notna().any(axis=None)
    hidden = not classes or (without and _any_unfit(sides, names))
    return table[["image", *(f"cells_{which}" for which in _WHICH)]] if hidden else table


_WHAT, _WHICH = ("cells", "share"), ("first", "second", "change")


def paired_chart(table: pd.DataFrame, target: str, classes: Sequence[str], *, names: tuple[str, str]) -> go.Figure:
    """Draw the share of the positive class of two runs as two dots per image, joined by a line.

    Parameters
    ----------
    table : DataFrame
        From `image_table`.
    target : str
        The positive class.
    classes : sequence of str
        Classes of the runs, for the colour.
    names : tuple of str
        The runs.
    """
    figure = go.Figure()
    for _, row in table.dropna(subset=["share_first", "share_second"]).iterrows():
        figure.add_scatter(
            x=[row["share_first"], row["share_second"]],
            y=[escape(row["image"])] * 2,
            mode="lines",
            line={"color": class_colour("unsure"), "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for which, name, marker in (("first", names[0], "circle-open"), ("second", names[1], "circle")):
        figure.add_scatter(
            x=table[f"share_{which}"],
            y=table["image"].map(escape),
            mode="markers",
            name=escape(name),
            marker={"size": 11, "symbol": marker, "color": class_colour(target, tuple(classes)), "line": {"width": 2}},
            hovertemplate="%{y}: %{x:.0f} %<extra></extra>",
        )
    figure.update_xaxes(range=[-2, 102], ticksuffix=" %")
    figure.update_xaxes(title_text=f"{escape(target)}, % of the cells with a sure call")
    figure.update_yaxes(type="category", autorange="reversed")
    return styled(figure, f"{capital(target)} cells in both runs", height=int(min(160 + 34 * len(table), 900)))


@dataclass(frozen=True, eq=False)
class _Side:
    """One of the two runs."""

    cells: pd.DataFrame
    done: Collection[str]
    demonstration: str
    classes: tuple[str, ...]
    unfit: bool  # show shares that are no answer, too

    def counts(self, image_id: str) -> Counts | None:
        """Return the counts of an image, None when the run did not reach it."""
        return count(self._of(image_id), self.classes) if image_id in self.done else None

    def percent(self, image_id: str) -> float | None:
        """Return the share of the positive class, None where there is none, or none that is an answer."""
        counts = self.counts(image_id)
        if counts is None or not self.classes or not counts.n_called or (self.no_answer(image_id) and not self.unfit):
            return None
        return counts.fraction(positive_class(self.classes)).value * 100

    def no_answer(self, image_id: str) -> bool:
        """Whether the classes of an image are no answer."""
        return judge(self._of(image_id), self.demonstration).unfit

    def _of(self, image_id: str) -> pd.DataFrame:
        return self.cells[self.cells["image_id"] == image_id]


def _any_unfit(sides: Sequence[_Side], names: Mapping[str, str]) -> bool:
    return any(side.no_answer(image_id) for side in sides for image_id in names)


def _row(name: str, image_id: str, sides: Sequence[_Side]) -> tuple[Any, ...]:
    pair = [side.counts(image_id) for side in sides]
    cells = [counts.n_cells if counts else None for counts in pair]
    shares = [side.percent(image_id) for side in sides]
    return name, *cells, _change(cells), *shares, _change(shares)


def _change(pair: Sequence[float | None]) -> float | None:
    return None if pair[0] is None or pair[1] is None else pair[1] - pair[0]


def _flat(settings: BaseModel, part: str = "") -> Iterator[tuple[str, str]]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{label(name)}: ")
        else:
            yield f"{part}{label(name)}", value_text(type(settings), name, value)
