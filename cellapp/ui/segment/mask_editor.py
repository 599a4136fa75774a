"""Cells of a run mended by hand on the Segment page: the slide with tools, what was changed, and by whom."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.editing.edit import edit_from_json
from cellapp.editing.history import EditRecord, edits_in_force
from cellapp.jobs.edit_masks import edit_masks
from cellapp.jobs.follow_edits import last_follow, request_follow
from cellapp.jobs.write_edits import edits_done
from cellapp.store.mask_edits import last_edit, list_edits
from cellapp.store.records import ImageRecord, RunRecord, Status
from cellapp.ui.components import viewer, viewer_layers
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.messages import escape
from cellapp.ui.layout import image_regions
from cellapp.ui.layout.cells_on_slide import surroundings
from cellapp.ui.layout.relabel import remember_visitor, visitor
from cellapp.ui.segment.edit_answers import answer_new, answers_of
from cellapp.ui.session import cache
from cellapp.ui.session.page_state import PageState, choose
from cellapp.ui.session.results import Results, results_of

_HEIGHT = 640
_FIELDS = ("kind", "cells", "points", "radius_px")
_POLL_S = 1.0
_WHO = "Edits are kept with it, and undo takes back your own."


def run_to_edit(page: PageState, image: ImageRecord) -> RunRecord | None:
    """Return the run whose cells of an image can be edited: the chosen one, if it is done; None where it is not."""
    entry = page.run.image(image.id) if page.run else None
    done = entry is not None and entry.status is Status.DONE and not page.run.status.active
    return page.run if done else None


def mask_editor(page: PageState, image: ImageRecord, run: RunRecord) -> None:
    """Draw the slide with the cells of a run and the tools that edit them.

    Parameters
    ----------
    page : PageState
    image : ImageRecord
    run : RunRecord
        From `run_to_edit`.
    """
    if not st.session_state.get(f"editor_is_ready_{run.id}"):
        request_follow(
            run.id, image.id
        )  # a worker takes seconds to start and to load an encoder, and classes wait for it
        st.session_state[f"editor_is_ready_{run.id}"] = True
    results = results_of(run)
    grid = st.grid(3, min_column_width=230, gap="medium")
    left, right = grid.cell(column_span=2), grid.cell()
    with right:
        _choices(page, image, run)
    records = list_edits(run.id, image.id)
    with left:
        _viewer(results, image, records, page.cell_id)
    with right:
        _changed(results, image, records)


def _choices(page: PageState, image: ImageRecord, run: RunRecord) -> None:
    """Draw which run is edited and by whom."""
    mine = {one.id: one for one in page.runs_of(image)}
    if len(mine) > 1:
        chosen = st.selectbox(
            "Run", list(mine), index=list(mine).index(run.id), format_func=lambda one: mine[one].name, key="editor_run"
        )
        if chosen != run.id:
            choose("run", chosen)
            st.rerun()
    remember_visitor(st.text_input("Your name", visitor(), key="editor_who", max_chars=200, help=_WHO))


def _viewer(results: Results, image: ImageRecord, records: Sequence[EditRecord], cell_id: int | None) -> None:
    run, number = results.run, records[-1].number if records else 0
    threshold = run.settings.classify.threshold
    labels = viewer_layers.label_tiles(run, image, threshold=threshold, version=results.version_key)
    answers = answers_of(_key(run, image))
    chosen = results.cells[(results.cells["image_id"] == image.id) & (results.cells["cell_id"] == cell_id)]
    viewer.show_image(
        image,
        [cache.whole(image, composition(image, cache.overview(image))), labels],
        key=f"editor_{run.id}_{image.id}",
        alt=f"{image.name} with the outlines of its cells, which can be edited",
        um_per_px=run.settings.um_per_px or image.um_per_px,
        regions=image_regions.of_results(results, image),
        focus=surroundings(chosen),
        editing=viewer.Editing(
            viewer_layers.outlines_address(run, image), number, answers, lambda edits: _do(run, image, edits)
        ),
        height=_HEIGHT,
    )


def _do(run: RunRecord, image: ImageRecord, edits: Sequence[Mapping[str, Any]]) -> None:
    """Do the edits that came from the browser and were not done yet, and have classes and files follow."""
    if answer_new(_key(run, image), edits, lambda edit: _answer(run, image, edit)):
        request_follow(run.id, image.id)


def _answer(run: RunRecord, image: ImageRecord, edit: Mapping[str, Any]) -> dict[str, Any]:
    asked = {name: edit[name] for name in _FIELDS if name in edit}
    report = edit_masks(run.id, image.id, [edit_from_json(asked)], who=_who(), seen=edit.get("seen"))
    return {"sentence": f"{report.sentences[0]}.", "changed": list(report.changed)}


def _who() -> str:
    """Return the visitor's name, or one that nobody else has, so that undo takes back nobody else's edits."""
    return visitor() or st.session_state.setdefault("editor_visitor", f"visitor {uuid.uuid4().hex[:4]}")


def _key(run: RunRecord, image: ImageRecord) -> str:
    return f"editor_answers_{run.id}_{image.id}"


def _changed(results: Results, image: ImageRecord, records: Sequence[EditRecord]) -> None:
    """Say what the last edit changed, and list the cells that were edited, the latest first."""
    run = results.run
    entry = run.image(image.id)
    done, n_cells = edits_done(results.folder / entry.stem), int((results.cells["image_id"] == image.id).sum())
    in_force = edits_in_force(records)
    edits = f"{len(in_force):,} edit{'s' * (len(in_force) != 1)}"
    st.markdown(f"**{n_cells:,} cells**" + (f", {edits}" if records else ""))
    if not records:
        st.caption(
            "Pick a tool and mend an outline: cells you do not touch keep their numbers. Keys are in the tooltips."
        )
        return
    table = _edited_cells(results, image, in_force)
    waits = done["followed"] < records[-1].number
    st.markdown(f"{escape(records[-1].sentence)}{'' if waits else _classes_of(table, records[-1])}.")
    if waits:
        st.fragment(_following, run_every=_POLL_S)(run.id, image.id, str(results.folder / entry.stem))
    st.dataframe(table.head(200), hide_index=True, alt="Cells that were edited", placeholder="")


def _edited_cells(results: Results, image: ImageRecord, in_force: Sequence[EditRecord]) -> pd.DataFrame:
    """Return a row for each edited cell that is there: what it counts as now, its size, and who edited it last."""
    by = {cell: record for record in in_force for cell in record.cells}
    cells = results.called()
    cells = cells[(cells["image_id"] == image.id) & cells["cell_id"].isin(by.keys())]
    area, unit = ("area_um2", "µm²") if "area_um2" in cells else ("area_px", "px²")
    table = pd.DataFrame(
        {
            "cell": cells["cell_id"].to_numpy(),
            "counts as": cells["outcome"].to_numpy(),
            unit: cells[area].round().to_numpy(),
            "edit": [by[cell].number for cell in cells["cell_id"].tolist()],
            "by": [by[cell].who for cell in cells["cell_id"].tolist()],
        }
    )
    return table.sort_values(["edit", "cell"], ascending=[False, True])


def _classes_of(table: pd.DataFrame, record: EditRecord) -> str:
    """Return what the cells of an edit count as, as the end of a sentence; "" while that is not known."""
    counted = table[table["cell"].isin(record.cells)]["counts as"].unique().tolist()
    if len(counted) != 1:
        return f"; they count as {escape(', '.join(counted))}" if counted else ""
    n = int(table["cell"].isin(record.cells).sum())
    which = {1: "it counts", 2: "both count"}.get(n, "all count")
    return f"; {which} as {escape(str(counted[0]))}"


def _following(run_id: str, image_id: str, folder: str) -> None:
    """Say that classes are on their way, and draw the page again when they are there."""
    if edits_done(Path(folder))["followed"] >= last_edit(run_id, image_id):
        st.rerun()
    job = last_follow(run_id, image_id)
    if job is not None and job.status is Status.FAILED:
        st.warning(f"The classes of the changed cells could not be made: {escape(job.error or '')}")
    else:
        st.caption(":material/sync: Classes of the changed cells follow in seconds.")
