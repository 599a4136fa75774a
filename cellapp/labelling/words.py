"""From all that was ever said about cells to the class that counts: the last word of each person, then of all."""

from __future__ import annotations

import pandas as pd

WORD_COLUMNS = ("image_id", "cell_id", "class_name", "who", "source", "created", "label_id")
"""Columns of a table of labels; `label_id` is that of the row in the store, 0 for one expanded from a rule."""


def last_words(labels: pd.DataFrame) -> pd.DataFrame:
    """Return the last word of each person on each cell.

    Parameters
    ----------
    labels : DataFrame
        `WORD_COLUMNS`, any order of rows.

    Returns
    -------
    DataFrame
        Sorted by image, cell and person; of words of one moment the one stored last counts.
    """
    in_time = labels.sort_values(["created", "label_id"], kind="stable")
    last = in_time.drop_duplicates(["image_id", "cell_id", "who"], keep="last")
    return last.sort_values(["image_id", "cell_id", "who"]).reset_index(drop=True)


def words_that_count(words: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: the latest of the last words of all people, and whether they differ.

    Parameters
    ----------
    words : DataFrame
        From `last_words`.

    Returns
    -------
    DataFrame
        As `words`, with `disputed` (bool): two people gave different classes. Their words stay in `words`.
    """
    in_time = words.sort_values(["created", "label_id"], kind="stable")
    latest = in_time.drop_duplicates(["image_id", "cell_id"], keep="last").sort_values(["image_id", "cell_id"])
    n_classes = words.groupby(["image_id", "cell_id"])["class_name"].nunique()
    keys = pd.MultiIndex.from_frame(latest[["image_id", "cell_id"]])
    return latest.assign(disputed=(n_classes.reindex(keys).to_numpy() > 1)).reset_index(drop=True)


def words_table(rows: list[tuple]) -> pd.DataFrame:
    """Return rows of `WORD_COLUMNS` as a table; no rows keep the columns and their types."""
    table = pd.DataFrame(rows, columns=list(WORD_COLUMNS))
    return table.astype({"cell_id": "int64", "label_id": "int64"})
