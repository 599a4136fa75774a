"""Which project, image, run and cell a visitor looks at, and the lists around them, read once for each rerun of a page.

The URL holds the choice, so that a page can be sent to a colleague; the session remembers it when navigation drops the
parameters of the URL. Nothing but ids is kept between reruns: what they name is read from the store every time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import streamlit as st

from cellapp.errors import StoreError
from cellapp.jobs import queue
from cellapp.store.images import get_image, list_images
from cellapp.store.projects import default_project, get_project, list_projects
from cellapp.store.records import ImageRecord, JobRecord, ProjectRecord, RunRecord
from cellapp.store.runs import get_run, list_runs
from cellapp.ui.components.messages import escape

Record = TypeVar("Record")

_BELOW = {"project": ("image", "run", "cell"), "image": ("cell",), "run": ("cell",), "cell": ()}


@dataclass(frozen=True, eq=False)
class PageState:
    """What a page shows, as it was in the store when the rerun began."""

    projects: tuple[ProjectRecord, ...]  # oldest first
    project: ProjectRecord  # the one of the images, runs and jobs below
    images: tuple[ImageRecord, ...]  # newest first
    runs: tuple[RunRecord, ...]  # newest first
    jobs: tuple[JobRecord, ...]  # that wait or work, newest first
    image: ImageRecord | None  # the chosen one, else the first of the chosen run, else the newest
    run: RunRecord | None  # the chosen one of `image`, else the newest of `image`
    cell_id: int | None = None  # the chosen one
    unknown: Mapping[str, str] = field(default_factory=dict)  # "image" or "run" -> an id in the URL that is not here

    def runs_of(self, image: ImageRecord) -> list[RunRecord]:
        """Return the runs that have `image`, newest first."""
        return [run for run in self.runs if run.image(image.id) is not None]

    def jobs_of(self, run: RunRecord, kind: str) -> list[JobRecord]:
        """Return the jobs of a kind that wait for or work on a run, newest first."""
        return [job for job in self.jobs if job.kind == kind and job.payload.get("run_id") == run.id]


def read_page_state() -> PageState:
    """Read what the URL names, and the lists of its project, from the store.

    Without a project in the URL it is that of the image or run there, else the default one; it is written into the URL.
    """
    projects, project = _projects()
    remember("project", project.id)
    images, runs = list_images(project.id), list_runs(project.id)
    image = chosen_image(images, runs, choice("image"), choice("run"))
    cell = choice("cell")
    ids = {"image": {image.id for image in images}, "run": {run.id for run in runs}}
    return PageState(
        projects,
        project,
        images,
        runs,
        queue.list_jobs(project.id, active=True),
        image,
        chosen_run(runs, image, choice("run")) if image else None,
        int(cell) if cell and cell.isdecimal() else None,
        {noun: wanted for noun in ids if (wanted := choice(noun)) and wanted not in ids[noun]},
    )


def chosen_image(
    images: Sequence[ImageRecord], runs: Sequence[RunRecord], image_id: str | None, run_id: str | None
) -> ImageRecord | None:
    """Return the image named, else the first that is here of the run named, else the newest; None without images."""
    by_id = {image.id: image for image in images}
    rows = next((run.images for run in runs if run.id == run_id), ())
    wanted = [image_id, *(row.image_id for row in rows), *list(by_id)[:1]]
    return next((by_id[one] for one in wanted if one in by_id), None)


def chosen_run(runs: Sequence[RunRecord], image: ImageRecord, run_id: str | None) -> RunRecord | None:
    """Return the run named if it has `image`, else the newest that has; None when there is none."""
    mine = [run for run in runs if run.image(image.id) is not None]
    return next((run for run in mine if run.id == run_id), mine[0] if mine else None)


def write_address(page: PageState) -> None:
    """Write image and run of a page into the URL, and say which ids of the link were not here."""
    for noun, wanted in page.unknown.items():
        _say_unknown(noun, wanted)
    remember("image", page.image.id if page.image else None)
    if page.image:
        remember("run", page.run.id if page.run else None)


def choice(key: str) -> str | None:
    """Return the id chosen for "project", "image", "run" or "cell"; the URL beats what the session remembers."""
    value = st.query_params.get(key) or st.session_state.get(f"chosen_{key}")
    return str(value) if value else None


def choose(key: str, value: str | None) -> None:
    """Choose an id for `key`; what hangs below it is forgotten when it changes."""
    changed = value != choice(key)
    remember(key, value)
    for lower in _BELOW[key] if changed else ():
        remember(lower, None)


def choose_cell(cell_id: int | None) -> None:
    """Choose one cell on every page, or none."""
    choose("cell", None if cell_id is None else str(cell_id))


def remember(key: str, value: str | None) -> None:
    """Write an id into the session and the URL, and leave what hangs below it."""
    st.session_state[f"chosen_{key}"] = value
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def _projects() -> tuple[tuple[ProjectRecord, ...], ProjectRecord]:
    """Return all projects and the one of this page."""
    projects, wanted = list_projects(), choice("project")
    project = next((one for one in projects if one.id == wanted), None)
    if project is not None:
        return projects, project
    if wanted:
        _say_unknown("project", wanted)
    project = _project_of_link() or default_project()
    return (projects if project in projects else list_projects()), project


def _project_of_link() -> ProjectRecord | None:
    """Return the project of the image or run in the URL, for links that name no project."""
    for noun, get in (("image", get_image), ("run", get_run)):
        record = _get(get, choice(noun), noun)
        if record is not None:
            return get_project(record.project_id)
    return None


def _get(get: Callable[[str], Record], wanted: str | None, noun: str) -> Record | None:
    if not wanted:
        return None
    try:
        return get(wanted)
    except StoreError:
        _say_unknown(noun, wanted)
        return None


def _say_unknown(noun: str, wanted: str) -> None:
    st.toast(f"This link names a {noun} that is not here: {escape(wanted[:40])}.", icon=":material/link_off:")
    remember(noun, None)
