"""The frame around every page: project picker and jobs in the sidebar, one header row on the analysis pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from cellapp.store import projects
from cellapp.store.images import list_images
from cellapp.store.records import ImageRecord, ProjectRecord, RunRecord, Status
from cellapp.ui.components.job_progress import show_jobs
from cellapp.ui.components.messages import empty_state
from cellapp.ui.session import url
from cellapp.ui.session.cache import thumbnail_uri

ICON = Path(__file__).with_name("icon.svg")  # a file of ours: Material page icons come from a font server
UPLOAD_PAGE = "pages/analyse/upload.py"


@dataclass(frozen=True)
class Header:
    """What an analysis page is about: project and image are always there, the run may not be yet."""

    project: ProjectRecord
    image: ImageRecord
    run: RunRecord | None


def show_sidebar() -> None:
    """Draw the project picker and one line for each job under the navigation."""
    project = url.current_project()
    with st.sidebar:
        _project_picker(project)
        show_jobs(project.id)


def analyse_header(title: str | None = None, *, with_run: bool = True) -> Header:
    """Draw the row shared by the analysis pages and return what was chosen in it.

    Parameters
    ----------
    title : str, optional
        Heading of the page, at the start of the row; left out where the page's first line is the answer.
    with_run : bool
        Show the run picker; Segment, which makes runs, leaves it out.

    Returns
    -------
    Header
        The page stops here, with a way to Upload, when the project has no image.
    """
    project = url.current_project()
    image = url.current_image(project)
    if image is None:
        empty_state(
            "No image yet",
            "Upload an image, or try the demo slide.",
            icon=":material/image:",
            page=UPLOAD_PAGE,
            link="Go to Upload",
        )
        st.stop()
    run = url.current_run(project, image)
    with st.container(horizontal=True, vertical_alignment="bottom", key="analyse_header"):
        if title:
            st.markdown(f"### {title}", width="content")
        thumbnail = thumbnail_uri(image)
        if thumbnail:
            st.image(thumbnail, width=56, alt=f"Thumbnail of {image.name}")
        _image_picker(project, image)
        if with_run:
            _run_picker(project, image, run)
        _badges(image, run)
    return Header(project, image, run)


def _project_picker(project: ProjectRecord) -> None:
    names = {record.id: record.name for record in projects.list_projects()}
    st.session_state["project_picker"] = project.id
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        st.selectbox(
            "Project",
            list(names),
            format_func=lambda key: names.get(key, key),
            key="project_picker",
            on_change=_pick,
            args=("project",),
        )
        with st.popover("", icon=":material/add:", help="New project"):
            name = st.text_input("Name of the new project", key="new_project_name", max_chars=120)
            if st.button("Create project", key="new_project", disabled=not name.strip()):
                url.choose("project", projects.create_project(name.strip()).id)
                st.rerun()


def _image_picker(project: ProjectRecord, image: ImageRecord) -> None:
    names = {record.id: record.name for record in list_images(project.id)}
    st.session_state["image_picker"] = image.id
    st.selectbox(
        "Image",
        list(names),
        format_func=lambda key: names.get(key, key),
        key="image_picker",
        on_change=_pick,
        args=("image",),
        width=280,
    )


def _run_picker(project: ProjectRecord, image: ImageRecord, run: RunRecord | None) -> None:
    runs = {record.id: record for record in url.runs_of(project, image)}
    if run is None:
        return
    st.session_state["run_picker"] = run.id
    st.selectbox(
        "Run",
        list(runs),
        format_func=lambda key: runs[key].name if key in runs else key,
        key="run_picker",
        on_change=_pick,
        args=("run",),
        width=200,
    )


def _pick(key: str) -> None:
    url.choose(key, st.session_state[f"{key}_picker"])


def _badges(image: ImageRecord, run: RunRecord | None) -> None:
    """Say in small badges how far this image has come in this run."""
    row = run.image(image.id) if run else None
    with st.container(horizontal=True, gap="xsmall", width="content"):
        if row is None:
            st.badge("Not analysed yet", icon=":material/pending:", color="gray")
        elif row.status is Status.FAILED:
            st.badge("Failed", icon=":material/error:", color="red", help=row.error)
        elif row.status is not Status.DONE:
            st.badge(row.status.capitalize(), icon=":material/hourglass_top:", color="orange")
        else:
            _done_badges(run, row.n_cells)


def _done_badges(run: RunRecord, n_cells: int | None) -> None:
    st.badge(f"{n_cells or 0:,} {'cell' if n_cells == 1 else 'cells'}", icon=":material/blur_on:", color="blue")
    if not n_cells:
        return
    if run.settings.classify.head:
        st.badge("Classified", icon=":material/check:", color="blue")
    if run.settings.explain.n:
        st.badge("Explained", icon=":material/check:", color="blue")
