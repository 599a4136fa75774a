"""What a cell counts as, decided in one place for tables, charts, overlays and exports."""

from __future__ import annotations

import pandas as pd

UNSURE, REJECTED, UNCLASSIFIED = "unsure", "rejected", "cell"
RESERVED = frozenset({UNSURE, REJECTED, UNCLASSIFIED, "cells"})
"""Names no class may have: summaries count other things under them."""


def outcome(cells: pd.DataFrame) -> pd.Series:
    """Return what each cell counts as.

    A person's word (`manual_label`) beats everything; then the quality filter ("rejected"), then doubt ("unsure"), then
    the head's label. Without a head every accepted cell is a "cell".

    Parameters
    ----------
    cells : DataFrame
        A cell table with at least `qc_pass`; `label`, `unsure` and `manual_label` where they exist.

    Returns
    -------
    Series of str, indexed by cell_id, named "outcome"
    """
    result = pd.Series(UNCLASSIFIED, index=cells.index, name="outcome", dtype=object)
    if "label" in cells:
        result = result.mask(cells["label"].fillna("") != "", cells["label"])
        result = result.mask(cells["unsure"].fillna(False).astype(bool), UNSURE)
    result = result.mask(~cells["qc_pass"].astype(bool), REJECTED)
    if "manual_label" in cells:
        result = result.mask(cells["manual_label"].fillna("") != "", cells["manual_label"])
    return result.astype(object)
