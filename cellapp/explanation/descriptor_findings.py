"""Findings of the numbers that biologists know: how classes differ in them, and how well they tell classes apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from cellapp.cells.describe_cells import described
from cellapp.evaluation.group_effects import rank_correlation
from cellapp.evaluation.scores import auc
from cellapp.evaluation.separation import separate
from cellapp.explanation.finding_sentences import differences, interval_text, number
from cellapp.explanation.finding_tables import IMAGE, TRUTH, by_class
from cellapp.explanation.removal import CALL

CALLS, GIVEN = "calls", "given classes"
"""What descriptors are held against: the calls of the head, or the classes that somebody gave."""
_LISTED = 3


def descriptors(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Compare descriptors between classes, see `by_class`, and with the logit.

    Returns
    -------
    DataFrame
        Also ``title``, and ``rho``, Spearman's correlation with the logit, with ``rho_low``, ``rho_high`` and
        ``rho_over``, what the interval is over.
    """
    titles = described(measured)
    table = by_class(measured, {name: name for name in titles}, target)
    groups, logits = measured[IMAGE].to_numpy(str), measured["logit"].to_numpy(float)
    found = [rank_correlation(measured[name].to_numpy(float), logits, groups) for name in table["name"]]
    rows = [(np.nan,) * 3 if one is None else (one.value, one.low, one.high) for one in found]
    rho = pd.DataFrame(rows, columns=["rho", "rho_low", "rho_high"], index=table.index, dtype=float)
    rho["rho_over"] = ["" if one is None else one.over for one in found]
    return table.assign(title=[titles[name] for name in table["name"]]).join(rho)


def separation(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Say how well descriptors alone tell cells of a class from others, beside the head.

    Returns
    -------
    DataFrame
        A row for what is told apart, `CALLS` and, where classes are known of enough cells, `GIVEN`: ``of``, ``n`` and
        the fields of `cellapp.evaluation.separation.Separation`; of given classes also ``head_balanced_accuracy`` and
        ``head_auc``, on the same cells.
    """
    columns, rows = list(described(measured)), []
    known = (measured[TRUTH].fillna("") != "") if TRUTH in measured else pd.Series(False, index=measured.index)
    for of, cells, classes in ((CALLS, measured, CALL), (GIVEN, measured[known], TRUTH)):
        is_a = (cells[classes] == target).to_numpy() if len(cells) else np.zeros(0, bool)
        found = separate(cells[columns].to_numpy(float), is_a, cells[IMAGE].to_numpy(str)) if columns else None
        if found is not None:
            rows.append(
                {"of": of, "n": len(cells), **asdict(found), **(_head(cells, is_a, target) if of == GIVEN else {})}
            )
    return pd.DataFrame(rows)


def _head(cells: pd.DataFrame, is_a: np.ndarray, target: str) -> dict[str, float]:
    right = (cells[CALL] == target).to_numpy() == is_a
    p = cells["p"].to_numpy(float)
    rank = auc(is_a.astype(int), np.stack([1 - p, p], axis=1), 1)
    return {"head_balanced_accuracy": float((right[is_a].mean() + right[~is_a].mean()) / 2), "head_auc": rank}


def descriptor_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell which descriptors differ between classes, and which go with the logit."""
    if not len(table):
        return
    names = {row["name"]: row["title"] for row in table[["name", "title"]].to_dict("records")}
    yield from differences(table, target, names, "No descriptor of cytoskeleton or nucleus differs")
    sure = table[(table["rho_low"] > 0) | (table["rho_high"] < 0)]
    listed = [
        f"{row['title']} ({number(row['rho'])}, {interval_text(row['rho_low'], row['rho_high'], row['rho_over'])})"
        for _, row in sure.loc[sure["rho"].abs().sort_values(ascending=False).index].head(_LISTED).iterrows()
    ]
    if listed:
        yield f"The logit of {target} goes with {', '.join(listed)}; Spearman's correlation."
    elif table["rho"].notna().any():
        yield f"No descriptor goes with the logit of {target} beyond chance."


def separation_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell how well descriptors alone do what the head does."""
    for _, row in table.iterrows():
        what = f"cells called {target}" if row["of"] == CALLS else f"cells that somebody called {target}"
        held = "images it was not fitted to" if row["over"] == "images" else "cells it was not fitted to"
        text = (
            f"By these descriptors alone a logistic regression tells {what} from others with a balanced accuracy of "
            f"{number(row['balanced_accuracy'])} ({interval_text(row['low'], row['high'], row['over'])}; AUC "
            f"{number(row['auc'])}) on {held}"
        )
        if row["of"] == GIVEN:
            text += f"; the head has {number(row['head_balanced_accuracy'])} (AUC {number(row['head_auc'])})"
        yield f"{text}."
