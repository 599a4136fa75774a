"""From a label that is new to its row: whether it can be kept, the outline of its cell, and where it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.labelling.analysed_cells import AnalysedCells
from cellapp.labelling.outline import Outline
from cellapp.labelling.sources import LabelSource
from cellapp.store.label_rows import NewLabel, cells_on_disk, check_cells
from cellapp.store.label_schema import Label
from cellapp.store.schema import Cell, Image


def check_new(session: Session, project_id: str, labels: Iterable[NewLabel]) -> None:
    """Refuse labels of images that are not the project's, and of cells that their run does not have.

    Raises
    ------
    StoreError
    """
    of_image: dict[tuple[str | None, str], set[int]] = {}
    for label in labels:
        of_image.setdefault((label.run_id, label.image_id), set()).update(
            () if label.cell_id is None else (label.cell_id,)
        )
    for (run_id, image_id), cell_ids in of_image.items():
        image = session.get(Image, image_id)
        if image is None or image.project_id != project_id:
            raise StoreError(f"project {project_id!r} has no image {image_id!r}; reload the page")
        if run_id is not None:
            check_cells(session, run_id, image_id, cell_ids)


def outlines_of(labels: Sequence[NewLabel]) -> list[Outline | None]:
    """Read the pixels of each cell from its run.

    Returns
    -------
    list of Outline or None
        None where the run's files are gone, or there is no cell.

    Raises
    ------
    InputError
        When a label has neither a cell nor a place.
    """
    of_part: dict[tuple[str, str], AnalysedCells | None] = {}
    outlines: list[Outline | None] = []
    for label in labels:
        if label.run_id is None or label.cell_id is None:
            if label.y_px is None or label.x_px is None:
                raise InputError(f"label {label.class_name!r} has no place; give a cell of a run, or y and x")
            outlines.append(None)
            continue
        part = (label.run_id, label.image_id)
        if part not in of_part:
            of_part[part] = cells_on_disk(*part)
        cells = of_part[part]
        outlines.append(cells.outline(label.cell_id) if cells and label.cell_id in cells.table.index else None)
    return outlines


def label_row(session: Session, project_id: str, label: NewLabel, name: str, outline: Outline | None) -> Label:
    """Make the row of a label, at the place of its outline, else where it was put, else in the middle of its cell.

    Parameters
    ----------
    session : Session
    project_id : str
    label : NewLabel
    name : str
        Of its class, as it was checked.
    outline : Outline, optional
        Of its cell.
    """
    y_px, x_px = outline.point if outline else (label.y_px, label.x_px)
    if y_px is None or x_px is None:
        cell = session.get(Cell, (label.run_id, label.image_id, label.cell_id))
        y_px, x_px = cell.centroid_y_px, cell.centroid_x_px
    return Label(
        project_id=project_id,
        image_id=label.image_id,
        run_id=label.run_id,
        cell_id=label.cell_id,
        class_name=name,
        who=clean_text(label.who) if label.who.strip() else "",
        source=LabelSource(label.source).value,
        y_px=float(y_px),
        x_px=float(x_px),
        outline=outline.json if outline else None,
        created=label.created,
    )
