"""Effects of treatments against the negative controls of the same plate. The unit is the well: its cells are alike."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import pandas as pd

from cellapp.population.layout import NEGATIVE

LEVEL = 0.95
_UNEVEN = 0.99  # of many treatments few may be called so by chance
EFFECT_COLUMNS = ("n_wells", "n_plates", "value", "control", "effect", "low", "high", "z", "p", "uneven", "q")


@dataclass(frozen=True)
class ControlSpread:
    """How far negative controls of one plate differ from each other."""

    variance: float  # pooled over plates; NaN with fewer than two wells on each
    df: int
    n_wells: dict[str, int]  # plate -> control wells with a value


def centre(wells: pd.DataFrame) -> pd.DataFrame:
    """Take from each well the mean of the negative controls of its plate.

    Parameters
    ----------
    wells : DataFrame
        A row per well: plate, treatment, dose, unit, control and value; a value that is missing is NaN.

    Returns
    -------
    DataFrame
        The wells with a value on plates with a negative control that has one, with ``control_mean`` and ``centred``.
    """
    usable = wells[wells["value"].notna()]
    means = usable[usable["control"] == NEGATIVE].groupby("plate")["value"].mean()
    usable = usable[usable["plate"].isin(means.index)].assign(control_mean=lambda t: t["plate"].map(means))
    return usable.assign(centred=usable["value"] - usable["control_mean"])


def control_spread(centred: pd.DataFrame) -> ControlSpread:
    """Measure the spread of negative controls around the mean of their plate.

    Parameters
    ----------
    centred : DataFrame
        From `centre`.
    """
    controls = centred[centred["control"] == NEGATIVE]
    df = len(controls) - controls["plate"].nunique()
    variance = float((controls["centred"] ** 2).sum() / df) if df > 0 else nan
    return ControlSpread(variance, df, controls.groupby("plate").size().to_dict())


def effects(wells: pd.DataFrame) -> pd.DataFrame:
    """Estimate the effect of each treatment at each dose, with its 95 % interval and p-value.

    By Student's t-test: the spread of wells is that of controls and treated wells together, so that a single well can
    be told from controls, and p-values of a treatment that does nothing are even down to the smallest. Welch's test,
    which takes two or three wells by their own word, gives 8 times as many p-values below 0.001 as it should with 3
    wells beside 16 controls. Where treated wells differ more than controls, `uneven` says that p may be too small. The
    mean of the controls is itself uncertain, which intervals and p-values allow for. ``q`` are the p-values after
    Benjamini and Hochberg (1995): of treatments with ``q`` below 0.05, 5 % are expected to have no effect.

    Parameters
    ----------
    wells : DataFrame
        As for `centre`.

    Returns
    -------
    DataFrame
        A row per treatment, dose and unit other than negative controls, in the order of the wells, `EFFECT_COLUMNS`:
        mean value and mean of the controls beside it, their difference with its interval, the difference in standard
        deviations of control wells, p and q, and whether its wells are uneven. Numbers that cannot be had are NaN: no
        p-value without two control wells on one plate, or where no well differs from another.
    """
    centred = centre(wells)
    spread = control_spread(centred)
    treated = centred[centred["control"] != NEGATIVE]
    keys = ["treatment", "dose", "unit", "control"]
    rows = [
        dict(zip(["treatment", "dose", "unit", "role"], key, strict=True)) | _effect(group, spread)
        for key, group in treated.groupby(keys, sort=False, dropna=False)
    ]
    table = pd.DataFrame(rows, columns=["treatment", "dose", "unit", "role", *EFFECT_COLUMNS])
    table = table.astype({"dose": float} | {name: bool if name == "uneven" else float for name in EFFECT_COLUMNS})
    return table.assign(q=adjusted(table["p"].to_numpy(float)))


def _effect(group: pd.DataFrame, controls: ControlSpread) -> dict[str, float]:
    from scipy.stats import t

    difference = float(group["centred"].mean())
    error, df = _standard_error(group, controls)
    reach = float(t.ppf((1 + LEVEL) / 2, df)) * error if error > 0 else nan
    return {
        "n_wells": len(group),
        "n_plates": group["plate"].nunique(),
        "value": float(group["value"].mean()),
        "control": float(group["control_mean"].mean()),
        "effect": difference,
        "low": difference - reach,
        "high": difference + reach,
        "z": difference / sqrt(controls.variance) if controls.variance > 0 else nan,
        "p": float(2 * t.sf(abs(difference) / error, df)) if error > 0 else nan,
        "uneven": _uneven(group, controls),
    }


def _standard_error(group: pd.DataFrame, controls: ControlSpread) -> tuple[float, float]:
    """Return the standard error of a mean difference and its degrees of freedom; NaN without control wells to go by."""
    if controls.df < 1:
        return nan, nan
    n, per_plate = len(group), group.groupby("plate").size()
    of_control = sum((k / n) ** 2 / controls.n_wells[plate] for plate, k in per_plate.items())
    df = controls.df + n - 1
    pooled = (controls.df * controls.variance + (n - 1) * _variance(group)) / df
    return sqrt(pooled * (1 / n + of_control)), df


def _variance(group: pd.DataFrame) -> float:
    """Return the variance of the wells of a treatment; 0 of a single one, which says nothing."""
    return float(group["centred"].var(ddof=1)) if len(group) > 1 else 0.0


def _uneven(group: pd.DataFrame, controls: ControlSpread) -> bool:
    """Return whether wells of a treatment differ more than controls do, by an F-test at 1 %."""
    from scipy.stats import f

    own, df = _variance(group), len(group) - 1
    return bool(df and controls.df > 0 and own > controls.variance * f.ppf(_UNEVEN, df, controls.df))


def adjusted(p: np.ndarray) -> np.ndarray:
    """Return p-values adjusted by Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x; NaN stays."""
    from scipy.stats import false_discovery_control

    known = np.isfinite(p)
    result = np.full(len(p), nan)
    if known.any():
        result[known] = false_discovery_control(p[known])
    return result
