"""Another name for a class of a project, everywhere it is written."""

from __future__ import annotations

from sqlalchemy import select, update

from cellapp.errors import InputError
from cellapp.labelling.class_names import check_classes, clean_class
from cellapp.store.database import writing
from cellapp.store.label_schema import Label, LabelRule
from cellapp.store.project_classes import ProjectClasses, project_classes
from cellapp.store.projects import project_row
from cellapp.store.schema import Cell, Run


def rename_class(project_id: str, name: str, to: str) -> ProjectClasses:
    """Give a class another name: in the list of classes, in all labels and rules, and on the cells that show it.

    Parameters
    ----------
    project_id : str
    name, to : str
        Heads that were trained before keep the name they learned.

    Raises
    ------
    InputError
        There is no such class, or the new name is empty, reserved, or that of another class.
    """
    new, known = clean_class(to), project_classes(project_id).names
    if name not in known:
        raise InputError(f"there is no class {name!r}; the classes are {', '.join(known) or 'none so far'}")
    if new == name:
        return project_classes(project_id)
    if new in known:
        raise InputError(f"there is a class {new!r} already; relabel the cells of {name!r} to join the two")
    names = [new if one == name else one for one in known]
    check_classes(names)
    with writing() as session:
        row = project_row(session, project_id)
        row.classes, row.positive = names, new if row.positive == name else row.positive
        for table in (Label, LabelRule):
            here = (table.project_id == project_id, table.class_name == name)
            session.execute(update(table).where(*here).values(class_name=new))
        runs = select(Run.id).where(Run.project_id == project_id)
        session.execute(update(Cell).where(Cell.run_id.in_(runs), Cell.manual_label == name).values(manual_label=new))
    return project_classes(project_id)
