"""Galleries of the worst errors of a head and of the labels that look wrong, each cell one click from another class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from cellapp.evaluation.split_by_cell import at_chance
from cellapp.store.heads import HeadRecord
from cellapp.store.records import RunRecord
from cellapp.ui.components.gallery import act_on_tiles, page_of
from cellapp.ui.components.messages import escape
from cellapp.ui.layout.relabel import relabel, remember_visitor, take_back, visitor
from cellapp.ui.learn.evidence import Evidence, memory_of
from cellapp.ui.learn.judged_cells import JudgedCell, in_runs, judged_cells, tiles_of
from cellapp.ui.session.page_state import PageState
from cellapp.ui.session.results import Results, results_of

SHOWN = 24
_GIVEN = "train_given"  # key of a cell -> ids of the labels given to it here, which can be taken back
_TILE_PX = 150
_DOUBTS = "Labels that held-out calls contradict (confident learning), the least believable first"
_WHO = "A label given here is a word of yours, as on Label; where others said something else the cell is disputed."


def error_gallery(page: PageState, head: HeadRecord, evidence: Evidence, *, doubtful: bool) -> None:
    """Draw the cells that a head was most wrong about, or whose labels look wrong, with a button each.

    Parameters
    ----------
    page : PageState
    head : HeadRecord
    evidence : Evidence
    doubtful : bool
        Labels that look wrong in place of wrong calls.
    """
    weights = head.identity.rpartition("@")[2]
    images = memory_of(head.id, head.project_id, weights).images
    judged = judged_cells(evidence.errors, images, doubtful=doubtful)
    runs = {run.id: run for run in page.runs}
    results = {run_id: results_of(runs[run_id]) for run_id in {cell.run_id for cell in judged} & runs.keys()}
    here = {image.id: image for image in page.images}
    cells = in_runs(judged, results, here)
    if not _introduce(evidence, len(cells), doubtful=doubtful):
        return
    kind = "doubts" if doubtful else "errors"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Your name", visitor(), key=f"train_who_{kind}", width=220, help=_WHO)
        remember_visitor(name)
        part = cells[page_of(len(cells), size=SHOWN, key=f"train_page_{kind}_{head.id}")]
    tiles = _tiles(part, results, here, evidence.classes)
    chosen = act_on_tiles(tiles, key=f"train_{kind}_{head.id}", tile_px=_TILE_PX)
    if chosen:
        _act(next(cell for cell in part if cell.key == chosen), runs)


def _introduce(evidence: Evidence, n_here: int, *, doubtful: bool) -> bool:
    """Say what the gallery shows and by whom the cells were called; returns whether there are cells to show."""
    errors = evidence.errors
    n_all = int(errors["label_looks_wrong"].sum() if doubtful else (errors["label"] != errors["truth"]).sum())
    if not n_all:
        st.caption("No label looks wrong." if doubtful else f"Every cell was called right on unseen {evidence.groups}.")
        return False
    what = _DOUBTS if doubtful else "Wrong calls, the surest first"
    fold = f"the fold that did not see {'its' if evidence.grouped_by else 'this'} {escape(evidence.group)}"
    st.caption(f"{what}. Each cell is scored by {fold}. A label given here counts in the next training.")
    if doubtful and at_chance(evidence.figures):
        st.caption("This head is not shown to be better than guessing: what it says against labels means little.")
    if not n_here:
        st.info(
            f"The {n_all:,} {'cell is' if n_all == 1 else 'cells are'} not of a run of this project that is still "
            "here, so that there are no pictures; errors.csv of the head lists them. Train on a run to see them.",
            icon=":material/hide_image:",
        )
    elif n_here < n_all:
        st.caption(f"{n_here:,} of {n_all:,} are of runs and images that are still here.")
    return n_here > 0


def _tiles(
    cells: Sequence[JudgedCell], results: Mapping[str, Results], images: Mapping, classes: tuple[str, ...]
) -> list:
    given = st.session_state.get(_GIVEN, {})
    drawn = {}
    for run_id in dict.fromkeys(cell.run_id for cell in cells):
        mine = [cell for cell in cells if cell.run_id == run_id]
        drawn |= {tile.key: tile for tile in tiles_of(mine, results[run_id], images, given, classes)}
    return [drawn[cell.key] for cell in cells]


def _act(cell: JudgedCell, runs: Mapping[str, RunRecord]) -> None:
    given = dict(st.session_state.get(_GIVEN, {}))
    run = runs[cell.run_id]
    if cell.key in given:
        take_back(run, cell.image_id, given.pop(cell.key))
    else:
        ids = relabel(run, {cell.image_id: {cell.cell_id: cell.suggested}})
        if ids is None:
            return
        given[cell.key] = ids
    st.session_state[_GIVEN] = given
    st.rerun()
