"""The answer in one line, and the tables behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from cellapp.cells.counts import Counts, count
from cellapp.classification.cell_columns import positive_class


def answer_line(cells: pd.DataFrame, classes: Sequence[str], *, n_images: int) -> str:
    """Say what a run found in one sentence of plain words, as Streamlit markdown without user text.

    Parameters
    ----------
    cells : DataFrame
        The run's table with `image_id`, `qc_pass` and calls.
    classes : sequence of str
        Classes of the head; empty when cells were only counted.
    n_images : int
        Images that are done, those without a cell too.
    """
    counts = count(cells, classes)
    where = f"{counts.n_cells:,} {_plural(counts.n_cells, 'cell')} in {n_images:,} {_plural(n_images, 'image')}"
    parts = [*_shares(counts, classes), *_doubts(counts, cells)]
    return f"**{where}**" + (": " + ", ".join(parts) if parts else "")


def share_table(cells: pd.DataFrame, classes: Sequence[str], group: Mapping[str, str]) -> pd.DataFrame:
    """Return the share of the positive class for each group of images.

    Parameters
    ----------
    cells : DataFrame
        The run's table.
    classes : sequence of str
    group : mapping of image id to group
        Image names, or values of a condition.

    Returns
    -------
    DataFrame
        `group`, `n`, `share`, `low`, `high`, as `charts.share_chart` draws it; sorted by group.
    """
    target = positive_class(classes) if classes else ""
    rows = []
    for name, part in _groups(cells, group):
        counts = count(part, classes)
        fraction = counts.fraction(target)
        rows.append((name, counts.n_called, fraction.value, fraction.low, fraction.high))
    return pd.DataFrame(rows, columns=["group", "n", "share", "low", "high"])


def outcome_table(cells: pd.DataFrame, classes: Sequence[str], group: Mapping[str, str]) -> pd.DataFrame:
    """Return how many cells of each outcome every group has: `group`, `outcome`, `n`, classes of the head first."""
    rows = []
    for name, part in _groups(cells, group):
        counts = count(part, classes)
        of = {**counts.n_of, "unsure": counts.n_unsure, "cell": counts.n_unclassified, "rejected": counts.n_rejected}
        rows += [(name, outcome, n) for outcome, n in of.items()]
    table = pd.DataFrame(rows, columns=["group", "outcome", "n"])
    return table[table.groupby("outcome")["n"].transform("sum") > 0].reset_index(drop=True)


def _groups(cells: pd.DataFrame, group: Mapping[str, str]) -> list[tuple[str, pd.DataFrame]]:
    of_row = cells["image_id"].map(group)
    # Images without cells stay as groups: nothing found is a result.
    return [(name, cells[of_row == name]) for name in sorted(set(group.values()))]


def _shares(counts: Counts, classes: Sequence[str]) -> list[str]:
    if not classes or not counts.n_called:
        return []
    target = positive_class(classes)
    fraction = counts.fraction(target)
    return [f"**{fraction.value * 100:.0f} % {target}** ({fraction.low * 100:.0f} to {fraction.high * 100:.0f})"]


def _doubts(counts: Counts, cells: pd.DataFrame) -> list[str]:
    strangers = (
        cells["unlike_training"].fillna(False).astype(bool) if "unlike_training" in cells else pd.Series(dtype=bool)
    )
    said = [
        (counts.n_unsure, "unsure"),
        (int(strangers.sum()), "unlike the training cells"),
        (counts.n_rejected, "rejected as too poor"),
    ]
    return [f"{n:,} {words}" for n, words in said if n]


def _plural(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"
