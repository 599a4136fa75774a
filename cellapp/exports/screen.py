"""A screen as files: wells.csv, effects.csv, dose_response.csv, screen.json and screen.html."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from cellapp.errors import first_names
from cellapp.exports.screen_figures import dose_curve, plate_map
from cellapp.exports.tables import csv_text
from cellapp.files import atomic_write
from cellapp.population.plate_quality import GOOD_Z_PRIME, PlateQuality
from cellapp.population.screen import Screen, treatment_words
from cellapp.population.wells import plate_words

FILES = ("wells.csv", "effects.csv", "dose_response.csv", "screen.json", "screen.html")
_EDGE_ALPHA = 0.05


def write_screen(found: Screen, out: Path, tree: Mapping[str, Any]) -> Path:
    """Write what was found on plates.

    Parameters
    ----------
    found : Screen
    out : Path
        Folder; made where it is absent.
    tree : mapping
        Plain JSON values for ``screen.json``: `screen_tree` with version, settings, layout and head.

    Returns
    -------
    Path
        The folder, with ``wells.csv`` (a row per well), ``effects.csv`` (per treatment and dose), ``dose_response.csv``
        (per treatment with four doses or more), ``screen.json`` (hits, plates, what was left out) and ``screen.html``
        (plates and curves, which opens without a network).
    """
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        with atomic_write(out / name) as part:
            part.write_bytes(screen_file(found, tree, name).encode())
    return out


def screen_file(found: Screen, tree: Mapping[str, Any], name: str) -> str:
    """Return the content of one of `FILES`, as `write_screen` writes it."""
    if name == "screen.json":
        return json.dumps(dict(tree), indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    if name == "screen.html":
        return _page(found)
    return csv_text({"wells.csv": found.wells, "effects.csv": found.effects, "dose_response.csv": found.doses}[name])


def screen_tree(found: Screen) -> dict[str, Any]:
    """Return plain JSON values: measure, sentences, hits, effects, dose responses, plates and what was left out."""
    return {
        "measure": found.measure,
        "by_class": found.by_class,
        "n_wells": len(found.wells),
        "n_treatments": int(found.effects["treatment"].nunique()),
        "sentence": hit_sentence(found),
        "hits": _records(found.hits),
        "effects": _records(found.effects),
        "dose_response": _records(found.doses),
        "plates": [_plain(asdict(one) | {"z_prime": one.z_prime, "ssmd": one.ssmd}) for one in found.plates],
        "edge": None if found.edge is None else dict(zip(("difference", "p"), found.edge, strict=True)),
        "notes": [*quality_sentences(found), *found.left_out],
    }


def hit_sentence(found: Screen) -> str:
    """Say how many treatments are hits, in one sentence."""
    n, tested = len(found.hits), int(found.effects["p"].notna().sum())
    if found.wells["value"].isna().all():
        return "No well has enough cells to measure."
    if not tested:
        return "No effect could be tested: that takes two negative control wells on one plate that differ at all."
    both = {way: int((found.hits["hit"] == way).sum()) for way in ("lower", "higher")}
    ways = ", ".join(f"{k} {way}" for way, k in both.items() if k)
    named = f": {ways}" if ways else ""
    return f"{n} of {tested} treatments and doses differ from the negative controls in {found.measure}{named}."


def quality_sentences(found: Screen) -> list[str]:
    """Say what speaks against the plates, and how far their controls lie apart."""
    said = [text for plate in found.plates if (text := _plate_sentence(plate))]
    if len(found.lost_cells):
        names = [treatment_words(row) for row in found.lost_cells.to_dict("records")]
        said.append(f"Fewer than half of the cells of the controls: {first_names(names, 8)}.")
    if found.edge is not None and found.edge[1] < _EDGE_ALPHA:
        difference, p = found.edge
        said.append(
            f"Negative controls at the edge differ from those inside by {difference:+.3g} (p {p:.2g}): "
            "treatments at the edge are compared with the mean of both."
        )
    return said


def _plate_sentence(plate: PlateQuality) -> str:
    where = f"{plate_words(plate.plate)}: " if plate.plate else ""
    if plate.n_negative == 1:
        return f"{where}one negative control, so that its place on the plate cannot be told from its treatment."
    if math.isnan(plate.z_prime):
        return ""
    worth = "controls lie well apart" if plate.z_prime >= GOOD_Z_PRIME else "controls overlap" * (plate.z_prime < 0)
    return f"{where}Z' {plate.z_prime:.2f} of the positive against the negative control{worth and f', {worth}'}."


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [_plain(row) for row in table.to_dict("records")]


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in row.items()}


def _page(found: Screen) -> str:
    plates = list(dict.fromkeys(found.wells.loc[found.wells["well"] != "", "plate"]))
    parts = [(plate_words(plate), plate_map(found, plate)) for plate in plates]
    for row in found.doses.to_dict("records"):
        figure = dose_curve(found, row["treatment"], row["unit"])
        parts.append((f"{row['treatment']}: {row['sentence']}", figure.update_layout(height=360)))
    body = [f"<h1>Treatments: {escape(found.measure)}</h1>", f"<p>{escape(hit_sentence(found))}</p>"]
    body += [f"<p>{escape(text)}</p>" for text in (*quality_sentences(found), *found.left_out)]
    for k, (title, figure) in enumerate(parts):
        body += [f"<h2>{escape(title)}</h2>", _drawn(figure, with_library=k == 0)]
    head = '<meta charset="utf-8"><title>Screen</title><style>body{font-family:sans-serif;margin:2em}</style>'
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _drawn(figure: go.Figure, *, with_library: bool) -> str:
    safe = go.Figure(figure).update_layout(template="plotly_white")
    return safe.to_html(include_plotlyjs=with_library, full_html=False)
