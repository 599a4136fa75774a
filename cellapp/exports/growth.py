"""Growth over time as tables: growth.csv, doubling.csv and doubling_by_condition.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.evaluation.growth import FULL, Growth, fit_growth, pool_growth
from cellapp.exports.tables import write_csv

MEASURES = {"confluency": "Covered area", "n_cells": "Cells"}
"""What grows, by the name of its column."""
PLACES = ["sequence", "condition", "line", "batch"]


@dataclass(frozen=True, eq=False)
class GrowthSeries:
    """One place over time."""

    name: str
    condition: str  # what growth is compared by
    line: str
    batch: str
    times_h: tuple[float, ...]
    confluency: np.ndarray | None = None  # (T,) covered share of each image, 0 to 1
    n_cells: np.ndarray | None = None  # (T,) cells of each image; NaN where they were not counted


def growth_rows(series: Sequence[GrowthSeries]) -> pd.DataFrame:
    """Return one row per image: sequence, time_h, confluency or n_cells as they are known, condition, line, batch."""
    parts = []
    for one in series:
        known = {name: getattr(one, name) for name in MEASURES if getattr(one, name) is not None}
        rows = pd.DataFrame({"sequence": one.name, "time_h": one.times_h, **known})
        parts.append(rows.assign(condition=one.condition, line=one.line, batch=one.batch))
    columns = ["sequence", "time_h", "condition", "line", "batch"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    if "confluency" in table:
        table["confluency"] = table["confluency"].round(4)
    return table


def doubling_rows(growth: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Fit each sequence of `growth_rows` by one of its measures.

    Returns
    -------
    DataFrame
        sequence, line, batch, what `cellapp.evaluation.growth.fit_growth` says, the 95 % interval of the doubling time,
        and condition.
    """
    rows = [
        {"sequence": name, "line": part["line"].iloc[0], "batch": part["batch"].iloc[0]}
        | _as_row(fit_sequence(part, measure))
        | {"condition": part["condition"].iloc[0]}
        for name, part in growth.groupby("sequence", sort=False)
    ]
    return pd.DataFrame(rows)


def condition_rows(growth: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Fit each condition of `growth_rows`, its sequences together, see `cellapp.evaluation.growth.pool_growth`."""
    rows = []
    for condition, part in growth.groupby("condition", sort=True):
        fits = [fit_sequence(one, measure) for _, one in part.groupby("sequence", sort=False)]
        rows.append({"condition": condition, "sequences": len(fits)} | _as_row(pool_growth(fits)))
    return pd.DataFrame(rows)


def fit_sequence(rows: pd.DataFrame, measure: str) -> Growth:
    """Fit the rows of one sequence; covered shares until the place is full."""
    known = rows.dropna(subset=[measure])
    return fit_growth(known["time_h"], known[measure], full=FULL if measure == "confluency" else None)


def measures_of(growth: pd.DataFrame) -> list[str]:
    """Return the measures that a table holds, most often one."""
    return [name for name in MEASURES if name in growth and growth[name].notna().any()]


def write_growth_tables(series: Sequence[GrowthSeries], out: Path) -> pd.DataFrame:
    """Write growth.csv, doubling.csv and doubling_by_condition.csv; returns the rows of the first."""
    out.mkdir(parents=True, exist_ok=True)
    growth = growth_rows(series)
    measures = measures_of(growth)
    write_csv(growth, out / "growth.csv")
    fits = {name: (doubling_rows(growth, name), condition_rows(growth, name)) for name in measures}
    tables = [_joined({name: pair[at] for name, pair in fits.items()}) for at in (0, 1)]
    write_csv(tables[0], out / "doubling.csv")
    write_csv(tables[1], out / "doubling_by_condition.csv")
    return growth


def _joined(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Put the fits of all measures into one table with a column that names the measure."""
    parts = [table.assign(measure=name) for name, table in tables.items()]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*PLACES, "measure"])


def _as_row(fit: Growth) -> dict[str, Any]:
    low, high = fit.doubling_limits_h
    return asdict(fit) | {"doubling_low_h": low, "doubling_high_h": high}
