"""Projects, and the channel names and roles each one remembers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.settings import VectorSettings
from cellapp.store.database import reading, writing
from cellapp.store.records import ProjectRecord
from cellapp.store.schema import Project
from cellapp.types.image import Role

_DEFAULT_NAME = "My project"


def create_project(name: str) -> ProjectRecord:
    """Create a project; two may have the same name.

    Raises
    ------
    InputError
        The name is empty.
    """
    with writing() as session:
        return _add(session, Project(name=_checked(name)))


def default_project() -> ProjectRecord:
    """Return the project everybody starts in, made at the first call."""
    try:
        with writing() as session:
            row = session.scalar(select(Project).where(Project.is_default))
            return _record(row) if row else _add(session, Project(name=_DEFAULT_NAME, is_default=True))
    except IntegrityError:  # another process made it between our query and our insert
        with reading() as session:
            return _record(session.scalars(select(Project).where(Project.is_default)).one())


def list_projects() -> tuple[ProjectRecord, ...]:
    """Return every project, oldest first."""
    with reading() as session:
        return tuple(_record(row) for row in session.scalars(select(Project).order_by(Project.created, Project.id)))


def get_project(project_id: str) -> ProjectRecord:
    """Return a project.

    Raises
    ------
    StoreError
        There is no such project.
    """
    with reading() as session:
        return _record(project_row(session, project_id))


def remember_channels(
    project_id: str, names: Sequence[str], roles: Sequence[Role], *, file_names: Sequence[str] | None = None
) -> None:
    """Remember names and roles of channels for the next images of a project.

    Parameters
    ----------
    project_id : str
    names : sequence of str
        Names in force.
    roles : sequence of Role
        One per name.
    file_names : sequence of str, optional
        Names of the same channels in the files; `names` when left out.
    """
    choices = zip(file_names or names, names, roles, strict=True)
    with writing() as session:
        row = project_row(session, project_id)
        row.channels = {**row.channels, **{file_name: [name, Role(role).value] for file_name, name, role in choices}}


def project_vectors(project_id: str) -> VectorSettings:
    """Return how the cells of a project become vectors, for everything that shares them."""
    with reading() as session:
        return VectorSettings.model_validate(project_row(session, project_id).vector_settings)


def set_project_vectors(project_id: str, settings: VectorSettings) -> None:
    """Say how the cells of a project become vectors from now on; those made before stay with their runs."""
    with writing() as session:
        project_row(session, project_id).vector_settings = settings.model_dump(mode="json")


def project_row(session: Session, project_id: str) -> Project:
    """Return the row of a project inside a session; raises StoreError when there is none."""
    row = session.get(Project, project_id)
    if row is None:
        raise StoreError(f"no project {project_id!r}; GET /projects and the sidebar list those there are")
    return row


def _add(session: Session, row: Project) -> ProjectRecord:
    session.add(row)
    session.flush()
    return _record(row)


def _record(row: Project) -> ProjectRecord:
    return ProjectRecord(row.id, row.name, row.created, row.depth)


def _checked(name: str) -> str:
    if not name.strip():
        raise InputError("a project needs a name of at least one letter; got an empty one")
    return clean_text(name)
