"""What was measured of the methods of explanation on a head, kept as a file in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cellapp.files import atomic_write

FILE = "explanation.json"


def write_truth(result: Mapping[str, Any], path: Path) -> Path:
    """Write what `cellapp.pipeline.score_explanations.score_explanations` returned."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def stored_truth(folder: Path, identity: str | None = None) -> dict[str, Any]:
    """Return the figures of each method measured on the head in a folder; none where it is another or there are none.

    Parameters
    ----------
    folder : Path
    identity : str, optional
        Of the head as it is now; figures of an earlier version count for nothing.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(content["methods"]) if identity in (None, content.get("head")) else {}


def most_faithful(figures: Mapping[str, Any]) -> str | None:
    """Return the method whose places, when imputed, cost the logit most (ROAD), of those that pass every measure.

    Parameters
    ----------
    figures : mapping of str to dict
        By method, see `stored_truth`.

    Returns
    -------
    str or None
        None where no method passes.
    """
    passing = [name for name, row in figures.items() if row["true"]]
    return max(passing, key=lambda name: figures[name]["road"]["gain"]["value"], default=None)
