"""A segmenter that learns from corrected images, as a job, and how it does before and after on unseen ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue
from cellapp.jobs.retrain_segmenter import RETRAIN, CorrectedImage, RetrainRequest, request_retraining
from cellapp.models.registry import registry
from cellapp.models.status import status
from cellapp.settings_io import validated
from cellapp.store.records import Status
from cellapp.store.segmenters import (
    SegmenterRecord,
    export_segmenter,
    list_segmenters,
    remove_segmenter,
    restore_segmenter,
)
from cellapp.training.segmenter.retrain_settings import CellposeSettings, RetrainSettings, result_sentence
from cellapp.ui.components.forms import label
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.kept_model import export_and_remove, undo_removal
from cellapp.ui.components.messages import escape, show_error, show_problem
from cellapp.ui.layout.frame import SEGMENT_PAGE
from cellapp.ui.session.page_state import PageState

_TRAINABLE = ("compact", "foreground", "cellpose")  # adapters
_STEPS = (  # of each number: its smallest value, its step and how it is shown
    ("steps", 1, 10, "%d"),
    ("epochs", 1, 10, "%d"),
    ("learning_rate", 1e-7, 1e-5, "%.1e"),
    ("weight_decay", 0.0, 0.01, "%.3f"),
)
_COMPARED = {"ap50": "AP@0.5", "ap": "AP@0.5:0.95", "f1": "F1", "dice": "Dice"}


def retrain_section(page: PageState, corrected: Sequence[CorrectedImage]) -> None:
    """Draw the form, the job that works, and the newest segmenter of the project."""
    st.subheader("3. Learn from corrections")
    segmenters = list_segmenters(page.project.id)
    job = next((job for job in page.jobs if job.kind == RETRAIN), None)
    if job is not None:
        wait_for(job)
        st.button(
            "Cancel", icon=":material/close:", key="retrain_cancel", on_click=queue.request_cancel, args=(job.id,)
        )
    elif corrected:
        _form(page, corrected, segmenters)
        _failure(page.project.id)
    else:
        st.caption(
            "Correct the outlines of two images or more, or bring them in; then a segmenter can learn from them."
        )
    undo_removal(partial(list_segmenters, page.project.id, removed=True), restore_segmenter)
    if segmenters:
        _result(segmenters)


def _form(page: PageState, corrected: Sequence[CorrectedImage], segmenters: Sequence[SegmenterRecord]) -> None:
    held = _choose_held(corrected)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        base, model = _choose_base(segmenters)
        n_ever = len(segmenters) + len(list_segmenters(page.project.id, removed=True))
        name = st.text_input("Name", f"Segmenter {n_ever + 1}", key=f"retrain_name_{n_ever}", max_chars=80, width=220)
    values = _settings(model)
    learn = [one.key for one in corrected if one.key not in held]
    n = len(learn)
    if st.button(
        f"Retrain on {n:,} image{'s' * (n != 1)}",
        icon=":material/school:",
        type="primary" if not segmenters else "secondary",
        key="retrain_start",
        disabled=not learn,
    ):
        request = {"project_id": page.project.id, "learn": learn, "score": held, "base": base, "name": name}
        _start(request, model, values)


def _choose_held(corrected: Sequence[CorrectedImage]) -> list[str]:
    """Let a quarter of the images, or others, be kept from the training; returns their keys."""
    by_key = {one.key: one for one in corrected}
    keys = list(by_key)
    return st.multiselect(
        "Held out, only scored before and after",
        keys,
        default=keys[: max(1, len(keys) // 4)] if len(keys) > 1 else [],
        format_func=lambda key: by_key[key].image.name,
        key=f"retrain_held_{len(keys)}",
        help="All other corrected images are learnt from. Nothing of these is.",
    )


def _choose_base(segmenters: Sequence[SegmenterRecord]) -> tuple[str, type[RetrainSettings | CellposeSettings]]:
    """Let the segmenter be chosen that is trained on; returns its name and the settings that fit it."""
    adapters = {name: model.adapter for name, model in registry().items() if model.adapter in _TRAINABLE}
    present = [name for name in adapters if status(name).present]
    kept = {one.identity: one for one in segmenters}
    base = st.selectbox(
        "Set out from",
        [*present, *kept],
        format_func=lambda name: kept[name].name if name in kept else name,
        key="retrain_base",
        width=220,
    )
    of_cellpose = kept[base].of_cellpose if base in kept else adapters.get(base) == "cellpose"
    return base, CellposeSettings if of_cellpose else RetrainSettings


def _settings(model: type[RetrainSettings | CellposeSettings]) -> dict[str, Any]:
    fields = model.model_fields
    with st.expander("How long and how fast it learns", icon=":material/tune:"):
        return {
            name: st.number_input(
                label(name),
                min_value=low,
                value=fields[name].default,
                step=step,
                format=shown,
                help=fields[name].description,
                key=f"retrain_{name}_{model.__name__}",
                persist_state="session",
                width=200,
            )
            for name, low, step, shown in _STEPS
            if name in fields
        }


def _start(request: dict[str, Any], model: type[RetrainSettings | CellposeSettings], values: dict[str, Any]) -> None:
    try:
        request_retraining(RetrainRequest(**request, settings=validated(model, values, name=label)))
    except CellappError as error:
        show_error(error)
        return
    st.rerun()


def _failure(project_id: str) -> None:
    ended = [job for job in queue.list_jobs(project_id, active=False) if job.kind == RETRAIN]
    newest = max(ended, key=lambda job: job.created, default=None)
    if newest is not None and newest.status is Status.FAILED:
        show_problem(newest.error or "The retraining failed.")


def _result(segmenters: Sequence[SegmenterRecord]) -> None:
    names = {one.id: f"{one.name}, {one.created:%d %B %H:%M}" for one in segmenters}
    chosen = segmenters[0]
    if len(segmenters) > 1:
        wanted = st.selectbox("Segmenter", list(names), format_func=names.get, key="retrained", width=340)
        chosen = next((one for one in segmenters if one.id == wanted), chosen)
    metrics = chosen.metrics
    st.markdown(f"### {escape(result_sentence(chosen.name, metrics))}")
    if metrics["held_out"]:
        rows = {
            row["image"]: {
                f"{word} {when}": row[when][key] for key, word in _COMPARED.items() for when in ("before", "after")
            }
            for row in metrics["held_out"]
        }
        table = pd.DataFrame(rows).T.rename_axis("Image")
        shown = {name: st.column_config.NumberColumn(format="%.3f") for name in table}
        st.dataframe(table, column_config=shown, alt="Scores of held-out images before and after")
    _actions(chosen)


def _actions(chosen: SegmenterRecord) -> None:
    with st.container(horizontal=True, gap="small"):
        if st.button("Use on this project", type="primary", icon=":material/check:", key="segmenter_use"):
            st.session_state["segment_segmenter"] = chosen.identity
            st.switch_page(SEGMENT_PAGE)
        file_name = chosen.name if chosen.of_cellpose else f"{chosen.name}.zip"
        export_and_remove(chosen, partial(export_segmenter, chosen), file_name, remove_segmenter)
