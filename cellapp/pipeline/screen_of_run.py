"""Treatments in the wells of a stored run: its layout, where it is kept, and what was found by it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.pipeline.screen_runs import screen_folders
from cellapp.population.layout import COLUMNS, Placed, read_lines
from cellapp.population.screen import Screen, ScreenSettings
from cellapp.population.wells import wells_in
from cellapp.store.records import ImageRecord, RunRecord, Status

FOLDER = "_screened"
"""In the folder of a run; no folder of an image begins so."""
LAYOUT, TABLE = "layout.csv", "images.csv"
"""The layout that was given, and the one made of the table of images."""
_CONTROL_WORDS = {"dmso", "vehicle", "control", "controls", "untreated", "mock", "pbs", "water", "none", "ctrl"}


@dataclass(frozen=True)
class ScreenRequest:
    """How the wells of a run are compared."""

    settings: ScreenSettings
    control: str | None = None  # treatments; the layout says it when left out
    positive_control: str | None = None


def keep_layout(folder: Path, content: bytes) -> list[Placed]:
    """Keep a layout with a run, in place of an earlier one.

    Parameters
    ----------
    folder : Path
        Of the run.
    content : bytes
        A table, see `cellapp.population.layout.read_layout`; its controls may be named later.

    Returns
    -------
    list of Placed

    Raises
    ------
    InputError
        When it is no layout; the earlier one stays.
    """
    path = layout_path(folder)
    path.parent.mkdir(exist_ok=True)
    with atomic_write(path) as part:
        part.write_bytes(content)
        try:
            return read_lines(part)
        except InputError as error:
            raise InputError(str(error).replace(str(part), "the layout")) from error


def drop_layout(folder: Path) -> None:
    """Take the layout of a run away: the table of images says what was done to them."""
    layout_path(folder).unlink(missing_ok=True)


def layout_path(folder: Path) -> Path:
    """Return where the layout of a run with this folder is kept, whether there is one or not."""
    return folder / FOLDER / LAYOUT


def table_layout(run: RunRecord, images: Sequence[ImageRecord]) -> str:
    """Write what the table of images says as a layout: its treatments, doses, and batches as plates.

    Parameters
    ----------
    run : RunRecord
    images : sequence of ImageRecord
        Of its project.

    Returns
    -------
    str
        CSV; images without a treatment are left out. The wells are those of the names, where each of them says one and
        images of one well were treated alike.
    """
    stems = {image.image_id: image.stem for image in run.images if image.status is Status.DONE}
    treated = [image for image in images if image.id in stems and image.conditions.get("treatment")]
    rows = [_line(image, stems[image.id]) for image in treated]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    of_well = table.groupby(["plate", "well"])[["treatment", "dose"]].nunique()
    if (table["well"] == "").any() or (of_well > 1).any(axis=None):
        table["well"] = ""
    return table.to_csv(index=False, lineterminator="\n")


def _line(image: ImageRecord, stem: str) -> Mapping[str, str]:
    wells = wells_in(image.info.scene or image.name)
    said = {name: image.conditions.get(name, "") for name in ("treatment", "dose")}
    well = wells[0].name if len(wells) == 1 else ""
    return {"plate": image.conditions.get("batch", ""), "well": well, "image": stem, "unit": "", "control": "", **said}


def require_layout(run: RunRecord, folder: Path, images: Sequence[ImageRecord]) -> Path:
    """Return the layout of a run; where none was given it is made of the table of images.

    Parameters
    ----------
    run : RunRecord
    folder : Path
        Of the run.
    images : sequence of ImageRecord
        Of its project.

    Raises
    ------
    InputError
        When there is neither.
    """
    path = layout_path(folder)
    if path.exists():
        return path
    if not any(image.conditions.get("treatment") for image in images):
        raise InputError(
            f"nothing says what was done to the images of {run.name!r}: give a layout with wells and treatments, or "
            "fill the column treatment of the image table"
        )
    made, said = path.with_name(TABLE), table_layout(run, images)
    if not made.exists() or made.read_text(encoding="utf-8") != said:
        made.parent.mkdir(exist_ok=True)
        with atomic_write(made) as part:
            part.write_text(said, encoding="utf-8")
    return made


def likely_control(lines: Sequence[Placed], role: str) -> str | None:
    """Return the treatment that a layout calls a control, or for the negative one that is named like one."""
    said = [one.treatment for one in lines if one.control == role]
    if said:
        return said[0]
    named = (one.treatment for one in lines if _CONTROL_WORDS & {*re.findall("[a-z]+", one.treatment.lower())})
    return next(named, None) if role == "negative" else None


def screen_run(folder: Path, layout: Path, request: ScreenRequest) -> tuple[Screen, dict[str, Any]]:
    """Compare the treatments in the wells of a stored run, as `python -m cellapp screen` does of its folder.

    Parameters
    ----------
    folder : Path
        Of the run.
    layout : Path
        From `require_layout`.
    request : ScreenRequest

    Returns
    -------
    found : Screen
    tree : dict
        Plain JSON values, as in screen.json; `cellapp.exports.screen.screen_file` gives the files of both.

    Raises
    ------
    InputError
        See `cellapp.pipeline.screen_runs.screen_runs`.
    """
    controls = {"control": request.control, "positive_control": request.positive_control}
    return screen_folders([folder], layout, request.settings, **controls)
