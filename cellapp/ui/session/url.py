"""Which project, image, run and cell the visitor looks at.

The URL holds the choice, so that a page can be sent to a colleague; the session remembers it when navigation drops the
parameters of the URL. Nothing but ids is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from cellapp.errors import StoreError
from cellapp.store.images import get_image, list_images
from cellapp.store.projects import default_project, get_project
from cellapp.store.records import ImageRecord, ProjectRecord, RunRecord
from cellapp.store.runs import get_run, list_runs
from cellapp.ui.components.messages import escape

Record = TypeVar("Record")

_BELOW = {"project": ("image", "run", "cell"), "image": ("cell",), "run": ("cell",), "cell": ()}


def choice(key: str) -> str | None:
    """Return the id chosen for "project", "image", "run" or "cell"; the URL beats what the session remembers."""
    value = st.query_params.get(key) or st.session_state.get(f"chosen_{key}")
    return str(value) if value else None


def choose(key: str, value: str | None) -> None:
    """Choose an id for `key`; what hangs below it is forgotten when it changes."""
    if value == choice(key):
        _remember(key, value)
        return
    _remember(key, value)
    for lower in _BELOW[key]:
        _remember(lower, None)


def current_project() -> ProjectRecord:
    """Return the project in the URL, that of the image or run in the URL, or the default one."""
    project = _known(get_project, choice("project"), "project") or _owner() or default_project()
    _remember("project", project.id)
    return project


def current_image(project: ProjectRecord) -> ImageRecord | None:
    """Return the chosen image of `project`, else the first of the chosen run, else the newest; None without images."""
    images = {image.id: image for image in list_images(project.id)}
    wanted = choice("image")
    if wanted and wanted not in images:
        _say_unknown("image", wanted)
    found = images.get(wanted or "") or _first_of_run(project, images) or next(iter(images.values()), None)
    _remember("image", found.id if found else None)
    return found


def current_run(project: ProjectRecord, image: ImageRecord | None = None) -> RunRecord | None:
    """Return the chosen run of `project`, else the newest one that has `image`; None when there is none.

    Parameters
    ----------
    project : ProjectRecord
    image : ImageRecord, optional
        When given, only runs of this image count: switching the image switches the run.
    """
    runs = runs_of(project, image)
    wanted = choice("run")
    if wanted and wanted not in {run.id for run in list_runs(project.id)}:
        _say_unknown("run", wanted)
    found = next((run for run in runs if run.id == wanted), runs[0] if runs else None)
    _remember("run", found.id if found else None)
    return found


def runs_of(project: ProjectRecord, image: ImageRecord | None) -> list[RunRecord]:
    """List the project's runs, newest first, only those of `image` when it is given."""
    runs = list_runs(project.id)
    return [run for run in runs if image is None or run.image(image.id) is not None]


def selected_cell() -> int | None:
    """Return the cell chosen in the URL, or None."""
    value = choice("cell")
    return int(value) if value and value.isdecimal() else None


def select_cell(cell_id: int | None) -> None:
    """Choose one cell on every page, or none."""
    choose("cell", None if cell_id is None else str(cell_id))


def _remember(key: str, value: str | None) -> None:
    st.session_state[f"chosen_{key}"] = value
    if value is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != value:
        st.query_params[key] = value


def _known(get: Callable[[str], Record], wanted: str | None, noun: str) -> Record | None:
    if not wanted:
        return None
    try:
        return get(wanted)
    except StoreError:
        _say_unknown(noun, wanted)
        return None


def _owner() -> ProjectRecord | None:
    """Return the project of the image or run in the URL, for links that name no project."""
    for key, get in (("image", get_image), ("run", get_run)):
        record = _known(get, choice(key), key)
        if record is not None:
            return get_project(record.project_id)
    return None


def _first_of_run(project: ProjectRecord, images: dict[str, ImageRecord]) -> ImageRecord | None:
    wanted = next((run for run in list_runs(project.id) if run.id == choice("run")), None)
    rows = wanted.images if wanted else ()
    return next((images[row.image_id] for row in rows if row.image_id in images), None)


def _say_unknown(noun: str, wanted: str) -> None:
    st.toast(f"This link names a {noun} that is not here: {escape(wanted[:40])}.", icon=":material/link_off:")
    _remember(noun, None)
