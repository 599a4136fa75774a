"""What a report counts: the run in one sentence, each image and each condition, with intervals."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from cellapp.cells.answer import Answer, judge
from cellapp.cells.counts import Counts, count
from cellapp.exports.crops_zip import has_crops
from cellapp.exports.report.words import counted, percent
from cellapp.exports.run_json import PICTURES_BY, read_run
from cellapp.models.demonstration import demonstration_of_run

INLINE_PX = 1000
"""Longest side of an overlay inside the report; the full one is beside it."""


@dataclass(frozen=True, eq=False)
class ReportImage:
    """One image as the report shows it."""

    stem: str  # its folder in the run
    name: str
    run: Mapping[str, Any]  # its run.json
    cells: pd.DataFrame
    counts: Counts
    answer: Answer
    overlay: str  # JPEG, base64
    has_crops: bool = True  # crops.zip is beside it
    drawn_by: str = ""  # head whose classes it shows, where that is another one
    sample: Mapping[str, str] = field(default_factory=dict)  # condition -> value, of those that are given

    @property
    def confluency(self) -> float:
        """Covered share of the image, 0 to 1."""
        return float(self.run["confluency"])

    @property
    def um_per_px(self) -> float | None:
        """Size of a pixel; None where nobody knows it."""
        return self.run["image"]["um_per_px"]

    @property
    def channels(self) -> str:
        """Channels and what each shows."""
        names, roles = self.run["image"]["channels"], self.run.get("roles") or ()
        pairs = zip(names, [*roles, *[""] * (len(names) - len(roles))], strict=True)
        return ", ".join(f"{name} ({role})" if role and role != name else str(name) for name, role in pairs)

    @property
    def size(self) -> str:
        """Rows and columns, in pixels and where known in millimetres."""
        height, width = self.run["image"]["shape"][-2:]
        px = f"{width:,} by {height:,} px"
        if not self.um_per_px:
            return px
        return f"{px}, {width * self.um_per_px / 1000:.2g} by {height * self.um_per_px / 1000:.2g} mm"


def report_image(source: Path, cells: pd.DataFrame, classes: Sequence[str], sample: Mapping[str, str]) -> ReportImage:
    """Read one image of a run.

    Parameters
    ----------
    source : Path
        Its folder.
    cells : DataFrame
        Its cell table.
    classes : sequence of str
        Of all images of the run.
    sample : mapping of condition to value
        What the image table says of it.
    """
    run = read_run(source / "run.json")
    with Image.open(source / "overlay.png") as overlay:
        small = overlay.convert("RGB")
    small.thumbnail((INLINE_PX, INLINE_PX))
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return ReportImage(
        stem=source.name,
        name=run["image"]["name"],
        run=run,
        cells=cells,
        counts=count(cells, classes),
        answer=judge(cells, demonstration_of_run(run)),
        overlay=base64.b64encode(buffer.getvalue()).decode(),
        has_crops=has_crops(source),
        drawn_by=(run.get(PICTURES_BY) or {}).get("head") or ("no head" if run.get(PICTURES_BY) else ""),
        sample={name: value for name, value in sample.items() if value},
    )


@dataclass(frozen=True, eq=False)
class Group:
    """Images that have a condition in common, counted together."""

    name: str  # "treatment: dexamethasone"
    images: Sequence[ReportImage]
    counts: Counts
    answer: Answer


def groups_of(images: Sequence[ReportImage], classes: Sequence[str]) -> list[Group]:
    """Count images together by each value of each condition that differs within the run, and all of them."""
    sets = [("all images", list(images))]
    for key in dict.fromkeys(name for image in images for name in image.sample):
        values = list(dict.fromkeys(image.sample.get(key, "not given") for image in images))
        if len(values) > 1:
            sets += [
                (f"{key.replace('_', ' ')}: {value}", [i for i in images if i.sample.get(key, "not given") == value])
                for value in values
            ]
    return [_group(name, mine, classes) for name, mine in sets] if len(images) > 1 else []


def _group(name: str, images: Sequence[ReportImage], classes: Sequence[str]) -> Group:
    cells = pooled([image.cells for image in images])
    return Group(name, images, count(cells, classes), judge(cells, images[0].answer.demonstration))


def pooled(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the cells of several images in one table, told apart by `image_id`."""
    filled = [table.assign(image_id=i) for i, table in enumerate(tables) if len(table)]
    return pd.concat(filled or [pd.DataFrame({"qc_pass": []})])


def called_cells(images: Sequence[ReportImage]) -> pd.DataFrame:
    """Return the accepted cells that the head called, whatever people said of them later."""
    cells = pooled([image.cells for image in images])
    if "label" not in cells:
        return cells.iloc[:0]
    return cells[(cells["label"].fillna("") != "") & cells["qc_pass"].astype(bool)]


def by_hand(images: Sequence[ReportImage]) -> str:
    """Return how many cells count as what somebody said, and how often the head says the same; "" without any."""
    cells = pooled([image.cells for image in images])
    given = cells["manual_label"].fillna("") if "manual_label" in cells else pd.Series("", cells.index)
    if not (given != "").any():
        return ""
    called = called_cells(images)
    both = called[called["manual_label"].fillna("") != ""]
    text = (
        f"Of {counted(len(cells), 'cell')} {(given != '').sum():,} have a class that somebody gave them, which counts "
    )
    text += "in place of the call."
    if len(both):
        n_same = int((both["label"] == both["manual_label"]).sum())
        text += f" Of {len(both):,} of them the head says the same of {n_same:,} ({percent(n_same / len(both))})."
    return text


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
    cells = pooled(tables)
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


def _with_interval(counts: Counts, name: str) -> str:
    share = counts.fraction(name)
    return f"{percent(share.value)} {name} ({100 * share.low:.0f} to {100 * share.high:.0f})"
