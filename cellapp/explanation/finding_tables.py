"""The figures of findings: places and channels by class, and calls with something removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as dataclass_fields

import numpy as np
import pandas as pd

from cellapp.evaluation.group_effects import MIN_CELLS, Effect, compare_classes, mean_over, rank_correlation
from cellapp.evaluation.paired_tests import holm, mcnemar
from cellapp.evaluation.scores import auc
from cellapp.explanation.channel_places import place_column
from cellapp.explanation.compartments import AREA, COMPARTMENTS, EFFECT, SHARE
from cellapp.explanation.removal import CALL, WITHOUT, P, removed_of

IMAGE, TRUTH = "stem", "truth"
"""Columns with the image of each cell and, where somebody knows it, its class; else ""."""


def by_class(measured: pd.DataFrame, columns: Mapping[str, str], target: str) -> pd.DataFrame:
    """Compare numbers between cells called `target` and others.

    Parameters
    ----------
    measured : DataFrame
        A row per cell, with `IMAGE` and the class called.
    columns : mapping of name to column
    target : str

    Returns
    -------
    DataFrame
        A row per name: ``name``, ``mean``, and those of `cellapp.evaluation.group_effects.Effect`, a the cells called
        `target`, with ``p_holm``, adjusted for the number of rows. Where one side has too few cells with a value they
        are missing; names without any value are left out.
    """
    groups, is_a = measured[IMAGE].to_numpy(str), (measured[CALL] == target).to_numpy()
    rows = []
    for name, column in columns.items():
        values = measured[column].to_numpy(float)
        effect, known = compare_classes(values, is_a, groups), np.isfinite(values)
        if known.any():
            rows.append({"name": name, "mean": float(values[known].mean()), **(asdict(effect) if effect else {})})
    fields = ("name", "mean", *(field.name for field in dataclass_fields(Effect)))
    return _with_holm(pd.DataFrame(rows, columns=list(fields)))


def _with_holm(table: pd.DataFrame) -> pd.DataFrame:
    adjusted, known = pd.Series(np.nan, index=table.index, dtype=float), table["p"].notna()
    adjusted[known] = holm(table.loc[known, "p"].astype(float))
    return table.assign(p=table["p"].astype(float), p_holm=adjusted)


def places(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Compare the share of the map in each place, see `by_class`, with ``area``, its mean share of the crop.

    ``mean`` and ``area`` are over all cells, of which one that has no such place has nothing there: they sum to 1.
    """
    there = [name for name in COMPARTMENTS if measured[AREA + name].fillna(0).gt(0).any()]
    table = by_class(measured, {name: SHARE + name for name in there}, target)
    shares, areas = (_over_all(measured, [start + name for name in table["name"]]) for start in (SHARE, AREA))
    return table.assign(mean=shares, area=areas)


def _over_all(measured: pd.DataFrame, columns: Sequence[str]) -> list[float]:
    """Return the mean of shares over the cells that have any of them; one that is missing is 0."""
    shares = measured[list(columns)]
    return shares[shares.notna().any(axis=1)].fillna(0).mean().astype(float).tolist()


def channels(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Compare what each channel adds to the logit, see `by_class`."""
    return by_class(measured, {name: EFFECT + name for name in channels_measured(measured)}, target)


def channels_measured(measured: pd.DataFrame) -> list[str]:
    """Return the channels whose effect was measured; none of images of one channel."""
    return [str(name).removeprefix(EFFECT) for name in measured if str(name).startswith(EFFECT)]


def channel_places(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Compare the share of each channel in each place, see `by_class`, with the two as ``channel`` and ``place``.

    Names are those of the columns of `cellapp.explanation.channel_places` without their start; ``mean`` is over all
    cells, as of `places`. Empty where an earlier
    version measured, or the image has one channel.
    """
    pairs = [(place, name) for name in channels_measured(measured) for place in COMPARTMENTS]
    there = {place_column("", *pair): pair for pair in pairs if place_column(SHARE, *pair) in measured}
    table = by_class(measured, {name: place_column(SHARE, *pair) for name, pair in there.items()}, target)
    means = _over_all(measured, [place_column(SHARE, *there[name]) for name in table["name"]])
    places_of, channels_of = ([there[name][i] for name in table["name"]] for i in (0, 1))
    return table.assign(mean=means, place=places_of, channel=channels_of)


def removals(measured: pd.DataFrame, target: str) -> pd.DataFrame:
    """Compare calls of the same cells before and after something is removed.

    Parameters
    ----------
    measured : DataFrame
        With the columns of `cellapp.pipeline.removals.without_each`.
    target : str

    Returns
    -------
    DataFrame
        A row per removal: ``name``; ``n`` cells that have it; ``p_before``, ``p_after``, mean probabilities of
        `target`; ``change`` with ``change_low``, ``change_high`` (of their difference) and ``over``; ``flips``, cells
        called otherwise; ``rho``, Spearman's correlation of the probabilities, with ``rho_low`` and ``rho_high``: 1
        where all cells shift alike and their order stays; ``lost`` and ``gained``, cells that are no longer or newly
        called `target`, with ``p`` and ``p_images``, see `cellapp.evaluation.paired_tests.mcnemar`. Of cells whose
        class is known ``n_known``, balanced ``accuracy_before`` and ``accuracy_after``, McNemar's p of right calls,
        ``p_accuracy`` and ``p_accuracy_images``, and ``auc_before`` and ``auc_after``, which do not change when all
        cells shift alike; missing where fewer than `MIN_CELLS` of a class are known, or of one class alone.
    """
    rows = [_removal(measured, name, target) for name in removed_of(measured)]
    return pd.DataFrame([row for row in rows if row["n"]])


def _removal(measured: pd.DataFrame, name: str, target: str) -> dict[str, object]:
    cells = measured[measured[P + WITHOUT + name].notna()]
    if not len(cells):
        return {"n": 0}
    groups, before, after = cells[IMAGE].to_numpy(str), cells[CALL], cells[CALL + WITHOUT + name]
    p_before, p_after = cells[P].to_numpy(float), cells[P + WITHOUT + name].to_numpy(float)
    change, test = mean_over(p_after - p_before, groups), mcnemar(*_matches(before, after, target), groups)
    order = rank_correlation(p_before, p_after, groups)
    rho = (np.nan,) * 3 if order is None else (order.value, order.low, order.high)
    return {
        "name": name,
        "n": len(cells),
        "p_before": float(p_before.mean()),
        "p_after": float(p_after.mean()),
        "change": change.value,
        "change_low": change.low,
        "change_high": change.high,
        "over": change.over,
        "flips": int((before != after).sum()),
        **dict(zip(("rho", "rho_low", "rho_high"), rho, strict=True)),
        "lost": test.lost,
        "gained": test.gained,
        "p": test.p,
        "p_images": test.p_groups,
    } | _accuracy(cells, before, after, (p_before, p_after), target)


def _matches(before: pd.Series, after: pd.Series, wanted: str | pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Tell which calls are the class wanted, before and after, each (N,) bool."""
    return (before == wanted).to_numpy(), (after == wanted).to_numpy()


def _accuracy(
    cells: pd.DataFrame, before: pd.Series, after: pd.Series, chances: tuple[np.ndarray, np.ndarray], target: str
) -> dict[str, object]:
    known = (cells[TRUTH].fillna("") != "").to_numpy() if TRUTH in cells else np.zeros(len(cells), bool)
    if not known.any() or _too_few(cells.loc[known, TRUTH]):
        return {"n_known": 0} | dict.fromkeys(_OF_KNOWN, np.nan)
    truth = cells.loc[known, TRUTH]
    right = _matches(before[known], after[known], truth)
    test = mcnemar(*right, cells.loc[known, IMAGE].to_numpy(str))
    scores = [pd.Series(one).groupby(truth.to_numpy(object)).mean().mean() for one in right]
    codes = (truth == target).to_numpy(int)
    ranks = [auc(codes, np.stack([1 - p[known], p[known]], axis=1), 1) for p in chances]
    p_images = np.nan if test.p_groups is None else test.p_groups
    return {"n_known": int(known.sum())} | dict(zip(_OF_KNOWN, (*scores, *ranks, test.p, p_images), strict=True))


def _too_few(truth: pd.Series) -> bool:
    """Whether known classes are too few to score calls by, such as when somebody labelled wrong ones only."""
    sizes = truth.value_counts()
    return len(sizes) < 2 or sizes.min() < MIN_CELLS


_OF_KNOWN = ("accuracy_before", "accuracy_after", "auc_before", "auc_after", "p_accuracy", "p_accuracy_images")


def needed(measured: pd.DataFrame) -> Sequence[str]:
    """Return the columns that findings need and a table lacks: it was measured by an earlier version."""
    return [name for name in (IMAGE, P, CALL, *(SHARE + name for name in COMPARTMENTS)) if name not in measured]


def given_by_hand(tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[int, str]]:
    """Return the classes given by hand in cell tables: folder name -> cell id -> class."""
    there = {stem: cells["manual_label"] for stem, cells in tables.items() if "manual_label" in cells}
    return {stem: {int(i): str(name) for i, name in column.items() if name} for stem, column in there.items()}


def with_truth(measured: pd.DataFrame, known: Mapping[str, Mapping[int, str]]) -> pd.DataFrame:
    """Add the class that somebody gave each measured cell, "" where nobody did; see `given_by_hand`."""
    if not len(measured):
        return measured
    pairs = zip(measured["stem"], measured.index, strict=True)
    return measured.assign(**{TRUTH: [known.get(stem, {}).get(int(cell_id), "") for stem, cell_id in pairs]})
