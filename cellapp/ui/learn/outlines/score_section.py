"""How good the outlines of a run are, against those of another run of the same images."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs.score_outlines import SCORE, error_picture, request_score, shared_images, stored_scores
from cellapp.segmentation.agreement import n_to_correct
from cellapp.settings import IMPORTED
from cellapp.store.records import RunRecord
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.session.page_state import PageState

_COLUMNS = {
    "ap50": "AP@0.5",
    "ap75": "AP@0.75",
    "ap": "AP@0.5:0.95",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "dice": "Dice",
    "iou": "IoU",
    "hausdorff_px": "Hausdorff, px",
    "n_truth": "True",
    "n_pred": "Found",
    "n_missed": "Missed",
    "n_split": "Split",
    "n_merged": "Merged",
    "n_extra": "Extra",
}


def score_section(page: PageState) -> None:
    """Draw the choice of two runs, their figures and a picture of what is wrong."""
    st.subheader("2. How good a run is")
    pairs = {run.id: others for run in page.runs if (others := _others(run, page.runs))}
    if not pairs:
        st.caption(
            "Two runs of the same images are compared here: one that found cells, and one whose outlines are right."
        )
        return
    names = {run.id: run.name for run in page.runs}
    found = [run_id for run_id in pairs if not _is_imported(page, run_id)] or list(pairs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        run_id = st.selectbox("Run", found, format_func=names.get, key="score_run", width=240)
        truth = st.selectbox(
            "Against the outlines of", pairs[run_id], format_func=lambda run: run.name, key=f"truth_{run_id}", width=240
        )
        run = next(one for one in page.runs if one.id == run_id)
        scores = stored_scores(run, truth)
        again = scores is not None and not scores["stale"]
        label = "Score again" if scores else "Score"
        if st.button(label, icon=":material/straighten:", key="score_start", type="tertiary" if again else "secondary"):
            _start(run, truth)
    job = next((job for job in page.jobs if job.kind == SCORE), None)
    if job is not None:
        wait_for(job)
    elif scores is not None:
        _show(run, truth, scores)


def _others(run: RunRecord, runs: tuple[RunRecord, ...]) -> list[RunRecord]:
    """Return the runs that share images with a run, imported labels first."""
    others = [one for one in runs if one.id != run.id and shared_images(run, one)]
    return sorted(others, key=lambda one: one.settings.segment.segmenter != IMPORTED)


def _is_imported(page: PageState, run_id: str) -> bool:
    return any(run.id == run_id and run.settings.segment.segmenter == IMPORTED for run in page.runs)


def _start(run: RunRecord, truth: RunRecord) -> None:
    try:
        request_score(run.id, truth.id)
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _show(run: RunRecord, truth: RunRecord, scores: dict[str, Any]) -> None:
    if scores["stale"]:
        st.caption("Cells were edited since; score again.")
    images = [image for image in shared_images(run, truth) if image.image_id in scores["images"]]
    mean = scores["mean"]
    wrong = n_to_correct(scores["images"].values())
    s = "s" * (len(images) != 1)
    st.markdown(
        f"On {len(images):,} image{s} average precision is **{mean['ap50']:.2f}** at IoU 0.5 and "
        f"{mean['ap']:.2f} from 0.5 to 0.95, F1 {mean['f1']:.2f}; {wrong:,} cells would have to be corrected."
    )
    table = pd.DataFrame([scores["images"][image.image_id] for image in images])[list(_COLUMNS)]
    table = table.rename(columns=_COLUMNS)
    table.insert(0, "Image", [image.name for image in images])
    columns = {name: st.column_config.NumberColumn(format="%.3f") for name in list(_COLUMNS.values())[:8]}
    columns["Hausdorff, px"] = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(table, hide_index=True, column_config=columns, placeholder="", alt="Scores of each image")
    shown = st.selectbox("Picture of", images, format_func=lambda image: image.name, key="score_image", width=300)
    path = error_picture(run, truth, shown)
    if path.is_file():
        st.image(
            str(path),
            caption=f"What {escape(run.name)} found, missed, doubled and merged",
            alt=f"Errors in {shown.name}",
        )
