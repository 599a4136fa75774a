"""report.html: a run on one page that opens without a network."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

from cellapp.cells.answer import Answer, judge
from cellapp.cells.counts import Counts, classes_of, count
from cellapp.exports.run_json import PICTURES_BY, read_run
from cellapp.exports.tables import read_cells
from cellapp.files import atomic_write
from cellapp.models.demonstration import demonstration_of_run

INLINE_PX = 1000
"""Longest side of an overlay inside the report; the full one is beside it."""

NOT_MADE_BY = (
    *("image", "summary", "roles", "confluency", "answer", "answer_reason"),
    *("seconds", "finished", "input", "peak_memory_mb", PICTURES_BY),
)
"""Parts of run.json that differ between images of one run or are shown elsewhere."""


@dataclass(frozen=True, eq=False)
class ReportImage:
    """One image as the report shows it."""

    name: str
    counts: Counts
    answer: Answer
    confluency: float
    um_per_px: float | None
    overlay: str  # JPEG, base64
    drawn_by: str = ""  # head whose classes it shows, where that is another one


def write_report(folder: Path, *, title: str, path: Path | None = None) -> Path:
    """Write one self-contained HTML page about a run.

    Parameters
    ----------
    folder : Path
        The run's folder, with one folder per finished image; images without run.json are left out.
    title : str
        Shown as it is: every text is escaped.
    path : Path, optional
        ``report.html`` in `folder` when left out.

    Returns
    -------
    Path
    """
    target = path or folder / "report.html"
    sources = [path.parent for path in sorted(folder.glob("*/run.json"))]
    tables = [read_cells(source / "cells.parquet") for source in sources]
    classes = list(dict.fromkeys(name for table in tables for name in classes_of(table)))
    images = [_image(source, table, classes) for source, table in zip(sources, tables, strict=True)]
    made_by = read_run(sources[0] / "run.json") if sources else {}
    template = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
    ).get_template("report.html")
    page = template.render(
        title=title,
        answer=headline(tables, classes, demonstration_of_run(made_by)),
        classes=list(dict.fromkeys(name for image in images for name in image.counts.n_of)),
        images=images,
        percent=percent,
        made_by=json.dumps({k: v for k, v in made_by.items() if k not in NOT_MADE_BY}, indent=2, ensure_ascii=False),
    )
    with atomic_write(target) as part:
        part.write_text(page, encoding="utf-8")
    return target


def headline(tables: Sequence[pd.DataFrame], classes: Sequence[str], demonstration: str = "") -> str:
    """Return the result of a run as one sentence: cells, classes with intervals, unsure and rejected cells.

    Where the classes are no answer it says that in their place, and why.

    Parameters
    ----------
    tables : sequence of DataFrame
        Cell table of each image.
    classes : sequence of str
        Classes of the head, in the order they are named.
    demonstration : str
        See `cellapp.models.demonstration`.
    """
    cells = pd.concat(
        [table.assign(image_id=i) for i, table in enumerate(tables) if len(table)] or [pd.DataFrame({"qc_pass": []})]
    )
    counts, answer = count(cells, classes), judge(cells, demonstration)
    start = f"{counts.n_cells:,} {'cell' if counts.n_cells == 1 else 'cells'} in {len(tables):,} "
    start += "image" if len(tables) == 1 else "images"
    if answer.unfit:
        return f"{start}. {answer.verdict}: {answer.reason}."
    parts = _shares(counts) + _doubts(counts, cells)
    return start + (": " + ", ".join(parts) if parts else "")


def _shares(counts: Counts) -> list[str]:
    return [_with_interval(counts, name) for name in counts.n_of] if counts.n_called else []


def _doubts(counts: Counts, cells: pd.DataFrame) -> list[str]:
    n_unlike = int(cells["unlike_training"].fillna(False).astype(bool).sum()) if "unlike_training" in cells else 0
    doubts = (
        (counts.n_unsure, "unsure"),
        (n_unlike, "unlike the training cells"),
        (counts.n_rejected, "rejected by the quality rules"),
    )
    return [f"{n:,} {what}" for n, what in doubts if n]


def percent(share: float) -> str:
    """Return a share, 0 to 1, as whole per cent."""
    return f"{100 * share:.0f} %"


def _with_interval(counts: Counts, name: str) -> str:
    share = counts.fraction(name)
    return f"{percent(share.value)} {name} ({100 * share.low:.0f} to {100 * share.high:.0f})"


def _image(source: Path, cells: pd.DataFrame, classes: Sequence[str]) -> ReportImage:
    run = read_run(source / "run.json")
    with Image.open(source / "overlay.png") as overlay:
        small = overlay.convert("RGB")
    small.thumbnail((INLINE_PX, INLINE_PX))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return ReportImage(
        name=run["image"]["name"],
        counts=count(cells, classes),
        answer=judge(cells, demonstration_of_run(run)),
        confluency=run["confluency"],
        um_per_px=run["image"]["um_per_px"],
        overlay=base64.b64encode(buffer.getvalue()).decode(),
        drawn_by=(run.get(PICTURES_BY) or {}).get("head") or ("no head" if run.get(PICTURES_BY) else ""),
    )
