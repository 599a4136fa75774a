"""Second step of Train: how, with good defaults, and the button that starts it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs import queue
from cellapp.jobs.train import TRAIN, request_training
from cellapp.jobs.training_cells import TrainRequest
from cellapp.pipeline.progress import duration
from cellapp.settings_io import validated
from cellapp.store.heads import HeadRecord
from cellapp.store.records import JobRecord, Status
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.ui.components.forms import control, label
from cellapp.ui.components.job_progress import wait_for
from cellapp.ui.components.messages import show_error, show_problem
from cellapp.ui.learn.finetune_form import cost, finetune_form, show_curves
from cellapp.ui.learn.what_step import What

MODE = "train_mode"
"""Key of the choice between probe and fine-tuning."""
_MODES = {"probe": "Linear probe", "finetune": "Fine-tuning"}
_SAID = {
    "probe": "A **linear probe**: a logistic regression on the vectors of the cells, calibrated, and tested on what it "
    "has not seen. The encoder is not run again where the vectors are there.",
    "finetune": "**Fine-tuning**: the last blocks of the encoder learn together with the head, from the cells cut out "
    "of the images again, and the score stands beside that of the frozen encoder. The head brings its encoder along.",
}
_OPTIONS = {
    "probe": ("folds", "seed", "resample", "class_weights"),
    "finetune": ("folds", "seed", "class_weights"),
}
_TOO_FEW = "Training needs two classes: give another value a class of its own, or label cells of another."
_SECONDS_PER_CELL = 0.002  # until a head of this project has been timed


def how_step(what: What, heads: Sequence[HeadRecord], n_ever: int, *, again: bool) -> None:
    """Draw the recipe and the button.

    Parameters
    ----------
    what : What
    heads : sequence of HeadRecord
        Of the project: what they took says how long this one may take.
    n_ever : int
        Heads the project has had, for the number of the next one.
    again : bool
        Whether a head is shown below, whose button is the primary one.
    """
    tuned = st.segmented_control(
        "How it learns",
        list(_MODES),
        default="probe",
        required=True,
        format_func=_MODES.get,
        key=MODE,
        persist_state="session",
    )
    st.markdown(_SAID[tuned])
    name = st.text_input("Name of the head", f"Head {n_ever + 1}", key=f"train_name_{n_ever}", max_chars=80, width=300)
    values = {"mode": "finetune", "finetune": finetune_form()} if tuned == "finetune" else {}
    with st.expander("Folds, balance and seed", icon=":material/tune:"):
        values |= {option: control(HeadRecipe, option, key="train") for option in _OPTIONS[tuned]}
    with st.container(horizontal=True, vertical_alignment="center"):
        if _pressed(what, again=again):
            _start(what, name, values)
        too_few = len(what.counts.columns) < 2
        st.caption(_TOO_FEW if too_few else _cost(what, values, heads), width="content")


def _pressed(what: What, *, again: bool) -> bool:
    """Draw the button that starts a training, and return whether it was pressed."""
    return st.button(
        "Train again" if again else f"Train on {what.n_cells:,} cells",
        icon=":material/school:",
        type="secondary" if again else "primary",
        key="train_start",
        disabled=len(what.counts.columns) < 2 or not what.n_cells,
    )


def how_title(job: JobRecord | None = None) -> str:
    """Return the name of the step with what is chosen in it or, while a training is under way, with how that learns."""
    chosen = st.session_state.get(MODE) or "probe"
    mode = (job.payload.get("recipe") or {}).get("mode", chosen) if job else chosen
    return f"2. How: {_MODES[mode].lower()}"


def _cost(what: What, values: dict[str, Any], heads: Sequence[HeadRecord]) -> str:
    if "finetune" not in values:
        return f"About {duration(seconds_of(what.n_cells, heads))}."
    return cost(what.n_cells, values["finetune"]["epochs"], min(values["folds"], len(what.counts)), heads)


def seconds_of(n_cells: int, heads: Sequence[HeadRecord]) -> float:
    """Estimate how long a training takes, from what earlier heads of the project took."""
    rates = [head.metrics["seconds"] / head.metrics["n"] for head in heads if _timed(head)]
    return max(2.0, n_cells * (median(rates) if rates else _SECONDS_PER_CELL))


def training_jobs(jobs: Sequence[JobRecord]) -> list[JobRecord]:
    """Return the trainings among some jobs."""
    return [job for job in jobs if job.kind == TRAIN]


def show_training(job: JobRecord) -> None:
    """Draw the progress of a training, which can be cancelled, and the curves of a fine-tuning."""
    wait_for(job)
    st.button(
        "Cancel", icon=":material/close:", key=f"train_cancel_{job.id}", on_click=queue.request_cancel, args=(job.id,)
    )
    show_curves(job)


def show_failure(project_id: str) -> None:
    """Draw why the newest training failed, where it did."""
    ended = training_jobs(queue.list_jobs(project_id, active=False))
    newest = max(ended, key=lambda job: job.created, default=None)
    if newest is not None and newest.status is Status.FAILED:
        show_problem(newest.error or "The training failed.")


def _timed(head: HeadRecord) -> bool:
    probed = "fine_tuning" not in head.metrics
    return probed and bool(head.metrics.get("seconds")) and bool(head.metrics.get("n"))


def _start(what: What, name: str, values: dict[str, Any]) -> None:
    try:
        recipe = validated(HeadRecipe, values | {"positive": what.positive}, name=label)
        request_training(
            TrainRequest(
                project_id=what.run.project_id,
                run_ids=(what.run.id,),
                column=what.column,
                classes=what.classes if what.column else None,
                cell_labels=what.cell_labels,
                group_by=what.group_by,
                name=name,
                recipe=recipe,
            )
        )
    except CellappError as error:
        show_error(error)
        return
    st.session_state.pop("train_head", None)
    st.rerun()
