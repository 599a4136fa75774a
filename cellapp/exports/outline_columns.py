"""The columns of summary.csv that say how far the outlines of an image can be relied on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.types.outlines import OutlineQuality


def outline_columns(quality: OutlineQuality | None) -> dict[str, Any]:
    """Return the columns that say how far outlines can be relied on; none where nobody asked.

    ``outlines`` is a sentence; the others are empty where nothing can be told.
    """
    if quality is None:
        return {}
    ends = {"expected_ap_low": quality.low, "expected_ap_high": quality.high}
    return {"expected_ap": quality.expected_ap, **ends, "outlines": quality.words}


def quality_of_row(row: Mapping[str, Any]) -> OutlineQuality | None:
    """Return what `outline_columns` wrote into a summary row; None where it has no such columns."""
    if "outlines" not in row:
        return None
    return OutlineQuality(row["outlines"], row["expected_ap"], row["expected_ap_low"], row["expected_ap_high"])
