"""What commands say of outlines that look unreliable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellapp.cli.output import note


def note_unreliable(rows: Sequence[Mapping[str, Any]]) -> None:
    """Name the images whose outlines look unreliable, the least reliable first.

    Parameters
    ----------
    rows : sequence of mapping
        With ``image`` and what `cellapp.exports.outline_columns` adds.
    """
    from cellapp.exports.outline_columns import quality_of_row

    judged = [(row["image"], quality) for row in rows if (quality := quality_of_row(row))]
    unreliable = [(image, quality) for image, quality in judged if quality.unreliable]
    for image, quality in sorted(unreliable, key=lambda one: one[1].expected_ap):
        note(f"cellapp: {image}: {quality.words}")
