"""Labels as somebody at the cells of a run gives them, one key at a time: what arrives twice is stored once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import select

from cellapp.errors import InputError
from cellapp.files import clean_text
from cellapp.labelling.class_names import clean_class
from cellapp.store.database import reading
from cellapp.store.label_rows import NewLabel
from cellapp.store.label_schema import Label
from cellapp.store.labels import add_labels, restore_labels, retract_labels
from cellapp.store.runs import get_run

CellKey = tuple[str, int]
"""Image id and cell id in a run."""


@dataclass(frozen=True)
class Given:
    """What became of labels that were given."""

    added: tuple[int, ...]  # ids of those that are new
    each: tuple[int, ...]  # id of the label that says each of them, new or not, in the order given


_one_at_a_time = Lock()  # a browser whose page is loaded again sends what it had no answer to, while that is worked on


def give_labels(run_id: str, labels: Sequence[tuple[CellKey, str]], *, who: str = "") -> Given:
    """Add labels to cells of a run, leaving out those that the person gave before.

    Parameters
    ----------
    run_id : str
    labels : sequence of (image id, cell id), class
        Of two for one cell the last counts.
    who : str

    Returns
    -------
    Given
        Retracting `each` undoes what was meant, also where it arrived before and the answer was lost.

    Raises
    ------
    InputError
        A class has no name.
    StoreError
        The run has no such cell; then nothing is added.
    """
    run, wanted = get_run(run_id), {cell: clean_class(name) for cell, name in labels}
    with _one_at_a_time:
        said = {cell: id for cell, (id, name) in _last_words(run_id, wanted, who).items() if wanted[cell] == name}
        new = [
            NewLabel(image_id, name, run_id, cell_id, who=who)
            for (image_id, cell_id), name in wanted.items()
            if (image_id, cell_id) not in said
        ]
        added = add_labels(run.project_id, new) if new else ()
    said |= {(record.image_id, int(record.cell_id)): record.id for record in added}
    return Given(tuple(record.id for record in added), tuple(said[cell] for cell, _ in labels))


def clear_labels(run_id: str, cells: Collection[CellKey], *, who: str = "") -> tuple[int, ...]:
    """Take back all that a person said of cells of a run; returns ids, which `restore_labels` brings back."""
    get_run(run_id)
    ids = [id for id, cell, _ in _words(run_id, cells, who)]
    retract_labels(ids)
    return tuple(ids)


def set_retracted(run_id: str, ids: Collection[int], *, retracted: bool) -> tuple[str, ...]:
    """Take labels of a run back, or bring them back; returns the ids of their images.

    Raises
    ------
    InputError
        One is not of this run; then nothing is changed.
    """
    get_run(run_id)
    wanted = set(ids)
    with reading() as session:
        query = select(Label.id, Label.image_id).where(Label.run_id == run_id)
        known = {id: image_id for id, image_id in session.execute(query) if id in wanted}
    if foreign := sorted(wanted - known.keys()):
        raise InputError(f"run {run_id!r} has no label {foreign[0]}; GET /runs/{run_id}/labels lists them")
    (retract_labels if retracted else restore_labels)(ids)
    return tuple(dict.fromkeys(known.values()))


def _last_words(run_id: str, cells: Mapping[CellKey, str], who: str) -> dict[CellKey, tuple[int, str]]:
    return {cell: (id, name) for id, cell, name in _words(run_id, cells, who)}


def _words(run_id: str, cells: Collection[CellKey], who: str) -> list[tuple[int, CellKey, str]]:
    """Return id, cell and class of what a person said of some cells, in the order in which it was said."""
    by = clean_text(who) if who.strip() else ""
    of_image: dict[str, set[int]] = {}
    for image_id, cell_id in cells:
        of_image.setdefault(image_id, set()).add(int(cell_id))
    found = []
    with reading() as session:
        for image_id, cell_ids in of_image.items():
            query = select(Label.id, Label.cell_id, Label.class_name).where(
                Label.run_id == run_id, Label.image_id == image_id, Label.who == by, Label.retracted.is_(None)
            )
            if len(cell_ids) <= 500:  # more are filtered here: a statement takes so many values only
                query = query.where(Label.cell_id.in_(cell_ids))
            rows = session.execute(query.order_by(Label.created, Label.id))
            found += [(id, (image_id, cell), name) for id, cell, name in rows if cell in cell_ids]
    return found
