"""Findings as sentences with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from cellapp.explanation.compartments import COMPARTMENT_NAMES
from cellapp.explanation.removal import CHANNEL, PART_NAMES
from cellapp.images.channel_names import channel_phrase

Shown = Callable[[float], str]

LEVEL = 0.05
_LISTED = 3  # differences that are told; the table has all
_STILL = 0.05  # share of calls below which a removal is said to change little
_ORDERED, _MIXED = 0.9, 0.5  # rank correlations from which order is said to stay, and below which to be lost


def number(value: float, digits: int = 2) -> str:
    """Write a number with a true minus rather than a hyphen; what is rounded to zero has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def percent(share: float) -> str:
    """Write a share as a whole percentage."""
    return f"{share * 100:.0f} %"


def p_text(p: float | None) -> str:
    """Write a p-value as papers do."""
    if p is None or np.isnan(p):
        return "no test"
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def interval_text(low: float | None, high: float | None, over: str) -> str:
    """Write a 95 % interval and what it is over."""
    if low is None or np.isnan(low):
        return "no interval"
    return f"95 % interval {number(low)} to {number(high)} over {over}"


def place_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell where most of the maps lies, where most for its size, and where classes differ."""
    if not len(table):
        return
    most = table.loc[table["mean"].idxmax()]
    yield (
        f"Of the maps, by absolute value, {percent(most['mean'])} lies {COMPARTMENT_NAMES[most['name']]}, "
        f"which is {percent(most['area'])} of the picture."
    )
    dense = table.loc[(table["mean"] / table["area"]).idxmax()]
    if dense["name"] != most["name"]:
        yield (
            f"For its size most lies {COMPARTMENT_NAMES[dense['name']]}: {percent(dense['mean'])} of the maps on "
            f"{percent(dense['area'])} of the picture."
        )
    names = {name: f"the share of the map {text}" for name, text in COMPARTMENT_NAMES.items()}
    yield from differences(table, target, names, "No place has a share of the map that differs", percent)


def channel_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell which channel the logit needs most, and where classes differ."""
    if not len(table):
        return
    most = table.loc[table[["mean", "mean_a", "mean_b"]].abs().max(axis=1).idxmax()]
    told = f"{number(most['mean_a'])} on average in cells called {target}, {number(most['mean_b'])} in others"
    told = f"{number(most['mean'])} on average" if np.isnan(most["delta"]) else told
    yield f"Of the channels, {channel_phrase(most['name'])} moves the logit of {target} most: {told}."


def channel_place_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell which channels give most in which places, and where classes differ."""
    if not len(table):
        return
    names = {row["name"]: f"{row['channel']} {COMPARTMENT_NAMES[row['place']]}" for _, row in table.iterrows()}
    most = table.nlargest(_LISTED, "mean")
    listed = ", ".join(f"{names[row['name']]} {percent(row['mean'])}" for _, row in most.iterrows())
    yield f"By channel and place together, most of what channels change in the map is by {listed}."
    shares = {name: f"the share of {text}" for name, text in names.items()}
    yield from differences(table, target, shares, "No channel has a share in a place that differs", percent)


def differences(
    table: pd.DataFrame, target: str, names: dict[str, str], none: str, shown: Shown = number
) -> Iterator[str]:
    """Tell the largest differences between classes that are more than chance, after Holm.

    Where there are none, which few images cannot show of many differences at once, the largest whose interval leaves
    out 0 is told as such. Nothing is told where there is one class alone.

    Parameters
    ----------
    table : DataFrame
        A row per difference: delta, low, high, p, p_holm.
    target : str
        Class that the others are compared with.
    names : dict of str to str
        What is measured, in words.
    none : str
        How the sentence starts where there is no difference.
    shown : callable
        Writes a value.

    Yields
    ------
    str
        A sentence.
    """
    table = table[table["delta"].notna()]
    if not len(table):
        return
    found = table[table["p_holm"] < LEVEL]
    ranked = table.loc[table["delta"].abs().sort_values(ascending=False).index]
    if len(found):
        for _, row in ranked[ranked["p_holm"] < LEVEL].head(_LISTED).iterrows():
            yield _difference(row, target, names, shown, f"{p_text(row['p_holm'])} after Holm")
        return
    yield f"{none} between calls beyond chance{_how_tested(table)}."
    apart = ranked[(ranked["low"] > 0) | (ranked["high"] < 0)]
    if len(apart):
        row = apart.iloc[0]
        yield "By its interval alone: " + _difference(row, target, names, shown, f"{p_text(row['p'])} before Holm")


def _how_tested(table: pd.DataFrame) -> str:
    """Return what limits the tests of some differences at once."""
    if table["p"].isna().all():
        return " as far as so few images tell"
    return f" in {len(table)} tests at once, after Holm"


def _difference(row: pd.Series, target: str, names: dict[str, str], shown: Shown, tested: str) -> str:
    larger = "larger" if row["delta"] > 0 else "smaller"
    return (
        f"In cells called {target}, {names.get(row['name'], row['name'])} is {larger}: median {shown(row['median_a'])} "
        f"against {shown(row['median_b'])} (Cliff's delta {number(row['delta'])}, "
        f"{interval_text(row['low'], row['high'], row['over'])}; {tested}, over {row['over']})."
    )


def removal_title(name: str) -> str:
    """Return in words what was removed."""
    return f"{channel_phrase(name.removeprefix(CHANNEL))} removed" if name.startswith(CHANNEL) else PART_NAMES[name]


def removal_sentences(table: pd.DataFrame, target: str) -> Iterator[str]:
    """Tell for each removal what becomes of calls, and which changes most and which next to nothing."""
    for _, row in table.iterrows():
        yield _one_removal(row, target)
    if len(table) < 2:
        return
    yield from _compared(table[table["name"] != "interior"])  # without it all is gone: no evidence of what is needed


def _compared(table: pd.DataFrame) -> Iterator[str]:
    """Tell which removals change most calls, which only shift all cells alike, and which change next to nothing."""
    share = table["flips"] / table["n"]
    if not len(table):
        return
    if share.max() < _STILL:
        yield "No removal changes one call in twenty: calls rest on several things at once, or on what none removes."
        return
    most = removal_title(table.loc[share.idxmax(), "name"])
    yield f"Calls depend most on what is gone with {most}: {percent(share.max())} change."
    alike = table[(share >= _STILL) & (table["rho"] >= _ORDERED)]
    if len(alike):
        yield (
            f"With {_listed(alike)}, calls change because all cells shift alike: their order stays (Spearman's "
            f"correlation of the probabilities at least {number(alike['rho'].min())}), so that what tells them apart "
            "is still there."
        )
    gone = table[(table["rho_high"] < _MIXED) | (table["rho"] < _MIXED) & table["rho_high"].isna()]
    if len(gone):
        yield f"With {_listed(gone)}, the order of cells is lost: what told them apart is gone."
    if (share < _STILL).any():
        yield f"With {_listed(table[share < _STILL])}, fewer than one call in twenty changes."


def _listed(table: pd.DataFrame) -> str:
    return " or with ".join(removal_title(name) for name in table["name"])


def _one_removal(row: pd.Series, target: str) -> str:
    p_images = row["p_images"]
    over_images = "" if p_images is None or np.isnan(p_images) else f", {p_text(p_images)} over images"
    change = f"change {number(row['change'])}, {interval_text(row['change_low'], row['change_high'], row['over'])}"
    text = (
        f"With {removal_title(row['name'])}, the mean p({target}) goes from {number(row['p_before'])} to "
        f"{number(row['p_after'])} ({change}); "
    )
    text += (
        f"{row['flips']:,} of {row['n']:,} calls change, {row['lost']:,} from and {row['gained']:,} to {target} "
        f"(McNemar {p_text(row['p'])}{over_images})"
        if row["flips"]
        else f"none of {row['n']:,} calls changes"
    )
    if row["n_known"]:
        text += (
            f"; balanced accuracy on {row['n_known']:,} cells of known class goes from "
            f"{number(row['accuracy_before'])} to {number(row['accuracy_after'])} "
            f"(McNemar {p_text(row['p_accuracy'])}), AUC from {number(row['auc_before'])} to {number(row['auc_after'])}"
        )
    return f"{text}."
