"""Figures that were drawn for the report of a run, kept with it: SVG files with a list of what they show."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cellapp.files import atomic_folder
from cellapp.settings import ExplainSettings

FOLDER = ".report"
_LIST = "figures.json"
_SCALE = 1.6  # pixels of the page for a point of the drawing: its words are then as large as a caption's
_WIDTH = re.compile(r'<svg[^>]*\bwidth="([\d.]+)pt"')
_ID = re.compile(r'\bid="([^"]+)"')


@dataclass(frozen=True)
class ReportFigure:
    """One figure: a drawing and what is written below it."""

    title: str
    caption: str
    svg: str


def write_figures(
    folder: Path, figures: Sequence[ReportFigure], head: str | None, explain: ExplainSettings | None = None
) -> Path:
    """Keep the figures of a run's report; those before are replaced.

    Parameters
    ----------
    folder : Path
        Of the run.
    figures : sequence of ReportFigure
    head : str, optional
        Identity of the head whose classes they show.
    explain : ExplainSettings, optional
        Method and layer of their maps, where there are some.
    """
    tree = {"head": head, "figures": [asdict(one) for one in figures]}
    tree |= {"explain": explain.model_dump(mode="json")} if explain else {}
    with atomic_folder(folder / FOLDER) as part:
        (part / _LIST).write_text(
            json.dumps(tree, ensure_ascii=False),
            encoding="utf-8",
        )
    return folder / FOLDER


def read_figures(folder: Path, head: str | None) -> list[ReportFigure]:
    """Return the figures kept for the report of a run; none where they show the classes of another head."""
    path = folder / FOLDER / _LIST
    if not path.is_file():
        return []
    newest = max((one.stat().st_mtime_ns for one in folder.glob("*/labels.tif")), default=0)
    tree = json.loads(path.read_text(encoding="utf-8"))
    if tree["head"] != head or newest > path.stat().st_mtime_ns:
        return []
    return [ReportFigure(**one) for one in tree["figures"]]


def maps_made_by(folder: Path) -> ExplainSettings | None:
    """Return method and layer of the maps in the figures kept for a report; None where an earlier version kept them."""
    tree = json.loads((folder / FOLDER / _LIST).read_text(encoding="utf-8"))
    return ExplainSettings.model_validate(tree["explain"]) if tree.get("explain") else None


def inline(svg: str) -> str:
    """Return a drawing as a part of a page: no header, a width, and names of its own for what it refers to."""
    start = svg.find("<svg")
    body = svg[max(start, 0) :]
    mark = f"f{hashlib.sha256(body.encode()).hexdigest()[:8]}-"
    for name in dict.fromkeys(_ID.findall(body)):
        quoted = re.escape(name)
        body = re.sub(rf'\bid="{quoted}"', f'id="{mark}{name}"', body)
        body = re.sub(rf'(url\(#|href="#){quoted}(?=[)"])', rf"\g<1>{mark}{name}", body)
    width = _WIDTH.search(body)
    return body if width is None else body.replace("<svg", f'<svg style="width: {float(width[1]) * _SCALE:.0f}px"', 1)
