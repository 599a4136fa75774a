"""What a report says of the quality of images and cells: rejections by reason, doubts, sizes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cellapp.exports.report.counts import ReportImage, called_cells, pooled
from cellapp.exports.report.words import counted, percent
from cellapp.regions.words import REGIONS, regions_sentence

FILLED = 0.9
"""Share of an image from which a cell is taken for the whole of it."""
FEW_CELLS = 20
"""Cells of an image below which it says little."""
_TOLD = 5  # images whose regions are told


@dataclass(frozen=True, eq=False)
class Quality:
    """Rejected cells by reason, and sentences on what else may be wrong."""

    reasons: tuple[tuple[str, int, str], ...]  # reason, cells, share of all cells; a cell may have several
    sentences: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]  # image, what was found wrong with it while it was read or segmented


def quality_of(images: Sequence[ReportImage]) -> Quality:
    """Sum up the quality of the images of a run."""
    cells = pooled([image.cells for image in images])
    n, reasons = len(cells), _reasons(cells)
    notes = [(image.name, str(note)) for image in images for note in _notes(image)]
    sentences = [
        *_regions(images),
        *_size(cells),
        *_doubts(called_cells(images)),
        *_poor_images(images),
        *_filled(images),
    ]
    return Quality(
        tuple((reason, k, percent(k / n)) for reason, k in reasons.most_common()), tuple(sentences), tuple(notes)
    )


def _reasons(cells: pd.DataFrame) -> Counter[str]:
    if "qc_reason" not in cells:
        return Counter()
    given = cells["qc_reason"].fillna("")
    return Counter(reason for text in given[given != ""] for reason in str(text).split("; "))


def _notes(image: ReportImage) -> list[str]:
    said = [*(image.run["image"].get("notes") or ()), (image.run.get("summary") or {}).get("note")]
    return [str(note) for note in said if note]


def _regions(images: Sequence[ReportImage]) -> list[str]:
    """Return in which images cells were counted in regions only, and how many there are by area."""
    limited = [image for image in images if image.run.get(REGIONS)]
    told = [f"{image.name}: {regions_sentence(image.run[REGIONS], len(image.cells))}." for image in limited[:_TOLD]]
    more = f"So were {len(limited) - _TOLD:,} more images." if len(limited) > _TOLD else ""
    return ["Cells were counted in regions drawn on the image.", *told, *([more] if more else [])] if limited else []


def _size(cells: pd.DataFrame) -> list[str]:
    passed = cells[cells["qc_pass"].astype(bool)]
    metric = "area_um2" in passed and bool(passed["area_um2"].notna().all())
    column, unit = ("area_um2", "µm²") if metric else ("area_px", "px²")
    if column not in passed or passed.empty:
        return []
    low, middle, high = passed[column].quantile([0.25, 0.5, 0.75])
    return [f"Accepted cells cover {middle:,.0f} {unit} at the median (half of them {low:,.0f} to {high:,.0f})."]


def _doubts(called: pd.DataFrame) -> list[str]:
    """Return the shares of unsure cells and of those unlike the training cells, among the classified ones."""
    columns = (("unsure", "are unsure"), ("unlike_training", "are unlike the cells that the head was trained on"))
    found = [(what, int(called[name].fillna(False).astype(bool).sum())) for name, what in columns if name in called]
    return [
        f"Of {counted(len(called), 'classified cell')} {n:,} ({percent(n / len(called))}) {what}."
        for what, n in found
        if len(called)
    ]


def _filled(images: Sequence[ReportImage]) -> list[str]:
    """Return in how many images one cell is all there is, so that its outline is that of the picture."""
    n = sum(
        bool((image.cells["area_px"] > FILLED * math.prod(image.run["image"]["shape"][-2:])).any()) for image in images
    )
    if not n:
        return []
    covers = f"one cell covers more than {FILLED * 100:.0f} % of the picture"
    return [
        f"In {counted(n, 'image')} {covers}: its outline is that of the picture, and sizes, shapes and places in the "
        "cell say little."
    ]


def _poor_images(images: Sequence[ReportImage]) -> list[str]:
    few = [image.name for image in images if image.counts.n_cells - image.counts.n_rejected < FEW_CELLS]
    if not few:
        return []
    names = ", ".join(few[:5]) + (" and others" if len(few) > 5 else "")
    verb = "has" if len(few) == 1 else "have"
    return [
        f"{counted(len(few), 'image')} {verb} fewer than {FEW_CELLS} accepted cells and {verb} little to say: {names}."
    ]
