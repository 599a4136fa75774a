"""The frame around every page: project picker and jobs in the sidebar, one header row on the analysis pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cellapp.cells.answer import NO_CLASSIFIER, Fitness, pool
from cellapp.models.registry import is_demonstration
from cellapp.store.projects import create_project
from cellapp.store.records import ImageRecord, RunImage, RunRecord, Status
from cellapp.ui.components.job_progress import show_jobs
from cellapp.ui.components.messages import empty_state, escape, trust_line
from cellapp.ui.components.picture import show_picture
from cellapp.ui.components.viewer_layers import thumbnail_address
from cellapp.ui.layout.outline_quality import images_in_order, order_toggle, outlines_badge
from cellapp.ui.session.page_state import PageState, choose, read_page_state, write_address

ICON = Path(__file__).with_name("icon.svg")  # a file of ours: Material page icons come from a font server
SELECTED = Path(__file__).with_name("selected.css")
UPLOAD_PAGE = "pages/analyse/upload.py"
SEGMENT_PAGE = "pages/analyse/segment.py"
CORRECT = "Correct cells"  # what Segment shows besides settings to try
CLASSIFY_PAGE = "pages/analyse/classify.py"
EXPLAIN_PAGE = "pages/analyse/explain.py"
SCREEN_PAGE = "pages/analyse/screen.py"
LABEL_PAGE = "pages/learn/label.py"
TRAIN_PAGE = "pages/learn/train.py"
DISCOVER_PAGE = "pages/learn/discover.py"
OUTLINES_PAGE = "pages/learn/outlines.py"
TIME_SERIES_PAGE = "pages/learn/time_series.py"
RUNS_PAGE = "pages/manage/runs.py"
MODELS_PAGE = "pages/manage/models.py"
_FILE_NAME_SIGNS = 16  # of the name of a file with many images, in the list of images


def open_page() -> PageState:
    """Read what a page shows and draw what all pages share: project picker and jobs under the navigation."""
    page = read_page_state()
    st.html(SELECTED)
    with st.sidebar:
        _project_picker(page)
        show_jobs(page.project.id, page.jobs)
    return page


def way_to_cells(page: PageState) -> dict[str, str]:
    """Return where a project gets its first cells, as `empty_state` takes it: Upload while it has no image."""
    if page.images:
        return {"page": SEGMENT_PAGE, "link": "Go to Segment"}
    return {"page": UPLOAD_PAGE, "link": "Go to Upload"}


def analyse_header(page: PageState, title: str, *, titled: bool = True, with_run: bool = True) -> ImageRecord:
    """Draw the row shared by the analysis pages and return the image in it.

    Parameters
    ----------
    page : PageState
    title : str
        Heading of the page, at the start of the row.
    titled : bool
        Draw it beside an image, too; not where the page's first line is its result.
    with_run : bool
        Show the run picker; Segment, which makes runs, leaves it out.

    Returns
    -------
    ImageRecord
        The page stops here, with a way to Upload, when the project has no image.
    """
    write_address(page)
    image = page.image
    if image is None:
        st.title(title)
        empty_state(
            "No image yet",
            "Upload an image, or try the demo slide.",
            icon=":material/image:",
            page=UPLOAD_PAGE,
            link="Go to Upload",
        )
        trust_line(None)
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom", key="analyse_header"):
        if titled:
            st.markdown(f"### {title}", width="content")
        show_picture(thumbnail_address(image), alt=f"Thumbnail of {image.name}", width_px=56, height_px=42)
        images = page.images if with_run else images_in_order(page)
        _picker("image", {one.id: _short_name(one) for one in images}, image.id, width=280)
        if with_run and page.run:
            _picker("run", {run.id: run.name for run in page.runs_of(image)}, page.run.id, width=200)
        if not with_run:
            order_toggle(page)
        _badges(image, page.run, every_judgement=not with_run)
    return image


def _project_picker(page: PageState) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall"):
        _picker("project", {project.id: project.name for project in page.projects}, page.project.id)
        with st.popover("", icon=":material/add:", help="New project", key="new_project_form", on_change="rerun"):
            name = st.text_input("Name of the new project", key="new_project_name", max_chars=120)
            st.button("Create project", key="new_project", disabled=not name.strip(), on_click=_new_project)


def _new_project() -> None:
    """Create the project whose name was typed, choose it, and leave the form closed and empty."""
    name = st.session_state["new_project_name"].strip()
    choose("project", create_project(name).id)
    st.session_state["new_project_name"], st.session_state["new_project_form"] = "", False


def _picker(noun: str, names: dict[str, str], chosen: str, *, width: int | str = "stretch") -> None:
    """Draw a list of names, one per id, of which `chosen` is shown; another one is chosen before the rerun."""
    key = f"{noun}_picker"
    st.session_state[key] = chosen
    st.selectbox(
        noun.capitalize(),
        list(names),
        format_func=lambda one: names.get(one, one),
        key=key,
        on_change=lambda: choose(noun, st.session_state[key]),
        width=width,
    )


def _short_name(image: ImageRecord) -> str:
    """Return a name that fits the list: of a file with many images its end, scene and time, tells them apart."""
    info, most = image.info, _FILE_NAME_SIGNS
    if image.name != info.title or not info.suffix or len(info.name) <= most:
        return image.name
    return " · ".join(part for part in (f"{info.name[: most - 1].rstrip()}…", info.scene, info.time) if part)


def _badges(image: ImageRecord, run: RunRecord | None, *, every_judgement: bool) -> None:
    """Draw how far this image is in this run, as badges; what is said of good outlines only where it is asked for."""
    row = run.image(image.id) if run else None
    with st.container(horizontal=True, gap="xsmall", width="content"):
        if row is None:
            st.badge("Not analysed yet", icon=":material/pending:", color="gray")
        elif row.status is Status.FAILED:
            st.badge("Failed", icon=":material/error:", color="red", help=row.error)
        elif row.status is not Status.DONE:
            st.badge(row.status.capitalize(), icon=":material/hourglass_top:", color="orange")
        else:
            _done_badges(run, row, every_judgement=every_judgement)


def _done_badges(run: RunRecord, row: RunImage, *, every_judgement: bool) -> None:
    n_cells = row.n_cells
    st.badge(f"{n_cells or 0:,} {'cell' if n_cells == 1 else 'cells'}", icon=":material/blur_on:", color="blue")
    if not n_cells:
        return
    outlines_badge(row.summary, every=every_judgement)
    if run.settings.classify.head:
        _classes_badge(run, row.summary)
    if run.settings.explain.n:
        st.badge("Explained", icon=":material/check:", color="blue")


def _classes_badge(run: RunRecord, summary: Mapping[str, Any]) -> None:
    """Draw that the image is classified; a row of an earlier version says nothing of its head, the registry may."""
    if summary.get("answer") == Fitness.UNFIT or is_demonstration(run.settings.classify.head):
        why = escape(str(summary.get("answer_reason") or "demonstration head"))
        label = NO_CLASSIFIER if pool([summary]).mostly_unlike else "Classes for show"
        st.badge(label, icon=":material/warning:", color="orange", help=why)
    else:
        st.badge("Classified", icon=":material/check:", color="blue")
