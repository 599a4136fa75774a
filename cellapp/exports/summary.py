"""summary.csv: one row per image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.cells.counts import classes_of, count
from cellapp.exports.tables import write_csv
from cellapp.types.cells import Analysis

COLUMNS = ("image", "n_cells", "n_rejected", "n_", "n_unsure", "fraction_", "confluency", "seconds")
"""Order of summary.csv; ``n_`` and ``fraction_`` stand for one column or three per class."""


def summary_row(analysis: Analysis, seconds: float) -> dict[str, Any]:
    """Count one image.

    Fractions are of the cells that were called: accepted and sure. Their 95 % intervals are Wilson's, for the sampling
    of cells only: cells of one image are alike, so images differ by more than that.

    Parameters
    ----------
    analysis : Analysis
    seconds : float
        How long the image took.

    Returns
    -------
    dict
        Plain JSON values; a fraction of no cells is None.
    """
    counts = count(analysis.cells, classes_of(analysis.cells))
    row: dict[str, Any] = {"image": analysis.name, "n_cells": counts.n_cells, "n_rejected": counts.n_rejected}
    row |= {f"n_{name}": n for name, n in counts.n_of.items()}
    row["n_unsure"] = counts.n_unsure
    for name in counts.n_of:
        fraction = counts.fraction(name)
        row[f"fraction_{name}"] = None if math.isnan(fraction.value) else fraction.value
        row |= {f"fraction_{name}_low": fraction.low, f"fraction_{name}_high": fraction.high}
    return row | {"confluency": float(analysis.confluency), "seconds": round(float(seconds), 3)}


def write_summary(rows: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write ``summary.csv`` into a run's folder; images of other heads leave foreign columns empty.

    Parameters
    ----------
    rows : sequence of mappings
        From `summary_row`; none gives a file with a header alone.
    out : Path
        The run's folder.
    """
    names = dict.fromkeys([*COLUMNS[:3], *(name for row in rows for name in row)])
    return write_csv(pd.DataFrame(list(rows), columns=sorted(names, key=_place)), out / "summary.csv")


def _place(name: str) -> int:
    return COLUMNS.index(name if name in COLUMNS else f"{name.split('_')[0]}_")
