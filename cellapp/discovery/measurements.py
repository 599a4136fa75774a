"""Which columns of a cell table clusters can be looked for in."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cellapp.errors import InputError

_STARTS = (
    *("area_", "perimeter_", "equivalent_diameter_", "major_axis_", "minor_axis_"),
    *("eccentricity", "solidity", "extent", "intensity_", "sharpness"),
)
"""Size, shape and stain; not where a cell is, how it is turned, what it was called or why it was rejected."""


def measured_features(cells: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the measurements of cells.

    Parameters
    ----------
    cells : DataFrame
        Rows of a cell table, without those that quality rules reject.

    Returns
    -------
    features : ndarray of shape (N, F), float64
        Columns that differ between cells; lengths and areas in micrometres where every cell has them. A number that is
        missing is the median of its column.
    names : tuple of str

    Raises
    ------
    InputError
        When no column is left.
    """
    names = [name for name in cells.select_dtypes("number") if str(name).startswith(_STARTS)]
    numbers = cells[names].replace([np.inf, -np.inf], np.nan).dropna(axis=1, how="all")
    in_um = {name.rsplit("_um", 1)[0] for name in numbers if "_um" in name and numbers[name].notna().all()}
    numbers = numbers[[name for name in numbers if not (name.endswith("_px") and name[: -len("_px")] in in_um)]]
    numbers = numbers.fillna(numbers.median())
    numbers = numbers.loc[:, numbers.nunique() > 1]
    if numbers.empty:
        raise InputError("no measurement differs between these cells; cluster them by their vectors")
    return numbers.to_numpy(np.float64), tuple(map(str, numbers.columns))
