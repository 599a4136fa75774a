"""The classes of a project, any number of them by any names, and the one that metrics are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from cellapp.classification.cell_columns import default_positive
from cellapp.errors import InputError
from cellapp.labelling.class_names import check_classes, clean_class
from cellapp.store.database import reading, writing
from cellapp.store.label_schema import Label, LabelRule
from cellapp.store.projects import project_row
from cellapp.store.schema import Project


@dataclass(frozen=True)
class ProjectClasses:
    """Classes in the order in which they were named."""

    names: tuple[str, ...]
    positive: str | None  # the one chosen, else "cancer" where it exists, else the first; None without classes


def project_classes(project_id: str) -> ProjectClasses:
    """Return the classes of a project, those of labels from before classes were kept included."""
    with reading() as session:
        row = project_row(session, project_id)
        used = session.scalars(
            select(Label.class_name).where(Label.project_id == project_id, Label.retracted.is_(None)).distinct()
        )
        names = tuple(dict.fromkeys([*row.classes, *sorted(used)]))
        chosen = row.positive if row.positive in names else None
    return ProjectClasses(names, chosen or (default_positive(names) if names else None))


def positive_among(project_id: str, classes: Sequence[str]) -> str:
    """Return the positive class of a head of these classes: the project's where it is one, else `default_positive`."""
    declared = project_classes(project_id).positive
    return declared if declared in classes else default_positive(classes)


def set_classes(project_id: str, names: Sequence[str], positive: str | None = None) -> ProjectClasses:
    """Name the classes of a project, in the order in which keys choose them.

    Parameters
    ----------
    project_id : str
    names : sequence of str
        A class that labels or rules have cannot be left out.
    positive : str, optional
        One of them; the one before, where it is left out and still there.

    Raises
    ------
    InputError
        A name is empty or reserved, two differ in spelling alone, one in use is missing, or `positive` is none of them.
    """
    cleaned = list(dict.fromkeys(clean_class(name) for name in names))
    check_classes(cleaned)
    if positive is not None and (positive := clean_class(positive)) not in cleaned:
        raise InputError(f"the positive class {positive!r} is none of {', '.join(cleaned) or 'no classes'}")
    with writing() as session:
        row = project_row(session, project_id)
        for table in (Label, LabelRule):
            here = (table.project_id == project_id, table.retracted.is_(None))
            missing = sorted(set(session.scalars(select(table.class_name).where(*here).distinct())) - set(cleaned))
            if missing:
                raise InputError(f"cells are labelled {missing[0]!r}; relabel them before you take the class away")
        row.classes, row.positive = cleaned, positive or row.positive
    return project_classes(project_id)


def add_to_classes(row: Project, names: Sequence[str]) -> None:
    """Add classes to the row of a project; raises InputError where one differs from another in spelling alone."""
    merged = list(dict.fromkeys([*row.classes, *names]))
    check_classes(merged)
    if merged != row.classes:
        row.classes = merged
