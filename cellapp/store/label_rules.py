"""Rules that label every cell of some images by a column of the image table; each is one row, expanded when read."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select

from cellapp.errors import InputError
from cellapp.files import clean_text
from cellapp.labelling.class_names import clean_class
from cellapp.labelling.sources import ColumnRule
from cellapp.store.database import reading, writing
from cellapp.store.label_schema import LabelRule
from cellapp.store.project_classes import add_to_classes
from cellapp.store.projects import project_row
from cellapp.store.records import CONDITIONS
from cellapp.store.schema import now


def add_rule(project_id: str, column: str, value: str, class_name: str, *, who: str = "") -> ColumnRule:
    """Say that every cell of an image with a value in a column has a class; an earlier rule for the two is retracted.

    Parameters
    ----------
    project_id : str
    column : str
        One of `CONDITIONS`.
    value : str
    class_name : str
        Becomes a class of the project.
    who : str

    Raises
    ------
    InputError
        There is no such column, the value is empty, or the class has no name.
    """
    if column not in CONDITIONS:
        raise InputError(f"the image table has no column {column!r}; choose one of: {', '.join(CONDITIONS)}")
    if not value.strip():
        raise InputError(f"a rule needs a value of {column!r}; images without one get no label")
    name = clean_class(class_name)
    with writing() as session:
        add_to_classes(project_row(session, project_id), [name])
        same = (LabelRule.project_id == project_id, LabelRule.column == column, LabelRule.value == value.strip())
        for before in session.scalars(select(LabelRule).where(*same, LabelRule.retracted.is_(None))):
            before.retracted = now()
        by = clean_text(who) if who.strip() else ""
        row = LabelRule(project_id=project_id, column=column, value=value.strip(), class_name=name, who=by)
        session.add(row)
        session.flush()
        return _rule(row)


def list_rules(project_id: str) -> tuple[ColumnRule, ...]:
    """Return the rules of a project in the order in which they were made."""
    query = select(LabelRule).where(LabelRule.project_id == project_id, LabelRule.retracted.is_(None))
    with reading() as session:
        return tuple(_rule(row) for row in session.scalars(query.order_by(LabelRule.id)))


def retract_rules(ids: Collection[int]) -> None:
    """Take rules back; their rows stay, with the time."""
    with writing() as session:
        for row in session.scalars(select(LabelRule).where(LabelRule.id.in_(list(map(int, ids))))):
            row.retracted = now()


def _rule(row: LabelRule) -> ColumnRule:
    return ColumnRule(row.column, row.value, row.class_name, row.who, row.created, row.id)
