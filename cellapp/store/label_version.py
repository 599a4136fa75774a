"""Whether anything was said about the cells of a project since one looked last, in one statement."""

from __future__ import annotations

from sqlalchemy import func, select

from cellapp.store.database import reading
from cellapp.store.label_schema import Label, LabelRule
from cellapp.store.schema import Project


def label_version(project_id: str) -> str:
    """Return a text that changes whenever a label, a rule or a class of a project does, for caches and for the page."""
    columns = []
    for table in (Label, LabelRule):
        here = table.project_id == project_id
        active = (here, table.retracted.is_(None))
        columns += [select(what(table.id)).where(*active).scalar_subquery() for what in (func.count, func.sum)]
        columns.append(select(func.max(table.retracted)).where(here).scalar_subquery())
    of_project = [select(column).where(Project.id == project_id) for column in (Project.classes, Project.positive)]
    columns += [query.scalar_subquery() for query in of_project]
    with reading() as session:
        return "/".join(str(value) for value in session.execute(select(*columns)).one())
