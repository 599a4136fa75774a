"""The cells of a run, called at a threshold, in a scope; the headline and the tables of counts they give."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import pandas as pd
import streamlit as st

from cellapp.cells.answer import NO_CLASSIFIER, Answer, judge
from cellapp.cells.counts import REJECTED, UNCLASSIFIED, UNLIKE, UNSURE, Counts, count
from cellapp.classification.cell_columns import positive_class
from cellapp.store.records import ImageRecord
from cellapp.ui.components.messages import escape
from cellapp.ui.session import selection
from cellapp.ui.session.results import Results

Value = TypeVar("Value")

EVERY_IMAGE, THIS_IMAGE = "All images", "This image"


@dataclass(frozen=True, eq=False)
class ClassifyState:
    """What all sections of the Classify page draw from."""

    results: Results
    images: Mapping[str, ImageRecord]  # of the run, by id
    image: ImageRecord  # the one in the header
    threshold: float  # probability from which a cell is called the positive class
    scope: str  # EVERY_IMAGE or THIS_IMAGE

    @cached_property
    def all_cells(self) -> pd.DataFrame:
        """All cells of the run with their outcome at the threshold in force."""
        return self.results.called(self.threshold)

    @cached_property
    def answer(self) -> Answer:
        """Whether the classes of the run are an answer."""
        return self.kept("answer", make=lambda: judge(self.all_cells, self.results.demonstration))

    @cached_property
    def headline(self) -> str:
        """The first line of the page, see `headline`."""
        n_images, demonstration = len(self.results.version), self.results.demonstration

        def make() -> str:
            return headline(self.all_cells, self.results.classes, n_images=n_images, demonstration=demonstration)

        return self.kept("headline", make=make)

    @cached_property
    def image_cells(self) -> pd.DataFrame:
        """The cells of the image in the header."""
        return self.results.called_of(self.image.id, self.threshold)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The cells in scope."""
        return self.image_cells if self.scope == THIS_IMAGE else self.all_cells

    @cached_property
    def selected(self) -> list[int]:
        """Row numbers of the selected cells."""
        return selection.selected(self.results.run, self.all_cells)

    @property
    def target(self) -> str:
        """The positive class, "" without a head."""
        return positive_class(self.results.classes) if self.results.classes else ""

    @property
    def version_key(self) -> str:
        """A text that changes whenever calls do; charts are drawn anew when it does."""
        return f"{self.results.version_key}/{self.threshold}/{self.scope}/{self.image.id}"

    def kept(self, what: str, *decided_by: Hashable, make: Callable[[], Value]) -> Value:
        """Return what is made of all cells of the run at the threshold in force, see `cellapp.ui.session.kept.kept`."""
        return self.results.kept(f"classify {what}", self.threshold, *decided_by, make=make)

    def kept_in_scope(self, what: str, *decided_by: Hashable, make: Callable[[], Value]) -> Value:
        """Return what is made of the cells in scope in the same way."""
        of_image = self.image.id if self.scope == THIS_IMAGE else None
        return self.kept(what, of_image, *decided_by, make=make)

    def adopt(self, rows: list[int], *, source: str) -> None:
        """Select the rows that a chart, table or viewer reports, if that is new, and draw the page again."""
        if selection.adopt(self.results.run, self.all_cells, rows, source=source, drawn=self.version_key):
            st.rerun()


def headline(cells: pd.DataFrame, classes: Sequence[str], *, n_images: int, demonstration: str = "") -> str:
    """Return what a run found as one sentence of Streamlit markdown: of more than two classes the share of each.

    Where the classes are no answer it is the count of cells, and no share stands in it.

    Parameters
    ----------
    cells : DataFrame
        The run's table with `image_id`, `qc_pass` and calls.
    classes : sequence of str
        Classes of the head; empty when cells were only counted.
    n_images : int
        Images that are done, those without a cell too.
    demonstration : str
        See `cellapp.models.demonstration`.
    """
    counts = count(cells, classes)
    where = f"{counts.n_cells:,} {_plural(counts.n_cells, 'cell')} in {n_images:,} {_plural(n_images, 'image')}"
    answer = judge(cells, demonstration)
    if answer.mostly_unlike:
        return f"**{where}**. {NO_CLASSIFIER} yet."
    shares = _demonstrated(counts) if answer.unfit else _share_phrases(counts, classes)
    parts = [*shares, *_doubt_phrases(counts, cells)]
    start = f"**{where}**. Demonstration" if answer.unfit else f"**{where}**"
    return start + (": " + ", ".join(parts) if parts else "")


def share_table(
    cells: pd.DataFrame, classes: Sequence[str], group: Mapping[str, str], demonstration: str = "", target: str = ""
) -> pd.DataFrame:
    """Return the share of a class for each group of images, and whether it is an answer.

    Parameters
    ----------
    cells : DataFrame
        The run's table.
    classes : sequence of str
    group : mapping of image id to group
        Image names, or values of a condition.
    demonstration : str
        See `cellapp.models.demonstration`.
    target : str
        The class; the positive one when left out.

    Returns
    -------
    DataFrame
        `group`, `n`, `share`, `low`, `high`, sorted by group, for `count_charts.share_chart`, and `unfit`.
    """
    target = target or (positive_class(classes) if classes else "")
    rows = []
    for name, part in _groups(cells, group):
        counts = count(part, classes)
        fraction = counts.fraction(target)
        unfit = judge(part, demonstration).unfit
        rows.append((name, counts.n_called, fraction.value, fraction.low, fraction.high, unfit))
    return pd.DataFrame(rows, columns=["group", "n", "share", "low", "high", "unfit"]).astype({"unfit": bool})


def outcome_table(cells: pd.DataFrame, classes: Sequence[str], group: Mapping[str, str]) -> pd.DataFrame:
    """Return how many cells of each outcome every group has: `group`, `outcome`, `n`, classes of the head first."""
    rows = []
    for name, part in _groups(cells, group):
        counts = count(part, classes)
        of = {**counts.n_of, UNSURE: counts.n_unsure, UNLIKE: counts.n_apart}
        of |= {UNCLASSIFIED: counts.n_unclassified, REJECTED: counts.n_rejected}
        rows += [(name, outcome, n) for outcome, n in of.items()]
    table = pd.DataFrame(rows, columns=["group", "outcome", "n"])
    return table[table.groupby("outcome")["n"].transform("sum") > 0].reset_index(drop=True)


def _groups(cells: pd.DataFrame, group: Mapping[str, str]) -> list[tuple[str, pd.DataFrame]]:
    """Return the cells of each group, sorted by name; a group whose images have no cells has none."""
    rows = cells.groupby(cells["image_id"].map(group)).indices
    return [(name, cells.iloc[rows.get(name, [])]) for name in sorted(set(group.values()))]


def _share_phrases(counts: Counts, classes: Sequence[str]) -> list[str]:
    if not classes or not counts.n_called:
        return []
    target = positive_class(classes)
    told = {name: counts.fraction(name) for name in (classes if len(classes) > 2 else (target,))}
    shares = {name: f"{share.value * 100:.0f} % {escape(name)}" for name, share in told.items()}
    shares[target] = f"**{shares[target]}**"
    return [f"{shares[name]} ({share.low * 100:.0f} to {share.high * 100:.0f})" for name, share in told.items()]


def _demonstrated(counts: Counts) -> list[str]:
    """Return plain counts: a demonstration has no share that anybody should carry away."""
    return [f"{n:,} called {escape(name)}" for name, n in counts.n_of.items()]


def _doubt_phrases(counts: Counts, cells: pd.DataFrame) -> list[str]:
    n_unlike = int(cells["unlike_training"].fillna(False).astype(bool).sum()) if "unlike_training" in cells else 0
    phrases = [
        (counts.n_unsure, "unsure"),
        (n_unlike, "unlike the training cells"),
        (counts.n_rejected, "rejected as too poor"),
    ]
    return [f"{n:,} {phrase}" for n, phrase in phrases if n]


def _plural(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"
