"""What was measured of the methods of explanation on a head, kept as a file in its folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cellapp.explanation.methods import is_slow
from cellapp.files import atomic_write
from cellapp.models.registry import head_of_run, model_folder

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


def doubt_of(run: Mapping[str, Any]) -> str:
    """Return what speaks against shares of places in a run: a sentence where the exact attribution fails on its head.

    Parameters
    ----------
    run : mapping
        Content of a run.json.

    Returns
    -------
    str
        "" where it passes, nothing was measured, or the head is another by now.
    """
    name, identity = head_of_run(run)
    row = stored_truth(model_folder(name), identity).get("exact") if name and identity else None
    if row is None or row["true"]:
        return ""
    return (
        f"Shares of places are of the exact attribution, which fails on this head: {'; '.join(row['warnings'])}. "
        "Believe what becomes of calls when something is removed instead."
    )


def most_faithful(figures: Mapping[str, Any]) -> str | None:
    """Return the method whose places, when imputed, cost the logit most (ROAD), of those that pass every measure.

    Methods that reach the 95 % interval of the best one are as faithful as the cells measured can tell: a quick one
    among them comes before slow ones, so that no slow method becomes a default for what may be chance.

    Parameters
    ----------
    figures : mapping of str to dict
        By method, see `stored_truth`.

    Returns
    -------
    str or None
        None where no method passes.
    """
    gains = {name: row["road"]["gain"] for name, row in figures.items() if row["true"]}
    if not gains:
        return None
    best = max(gains.values(), key=lambda gain: gain["value"])
    equal = [name for name, gain in gains.items() if gain["value"] >= best["low"]]
    return min(equal, key=lambda name: (is_slow(name), -gains[name]["value"]))
