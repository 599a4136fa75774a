"""Fine-tuning in the second step of Train: its choices, what it costs, and its curves while it learns."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as html_escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cellapp.jobs import queue
from cellapp.jobs.training_folder import live_curves
from cellapp.pipeline.progress import duration
from cellapp.rendering.colours import FURTHER_COLOURS
from cellapp.store.heads import HeadRecord
from cellapp.store.records import JobRecord
from cellapp.training.classifier.epoch_time import epoch_sentence
from cellapp.training.classifier.recipe import Augmentation, FineTuning
from cellapp.ui.components.charts import chart_config, styled
from cellapp.ui.components.forms import control
from cellapp.ui.components.job_progress import POLL_S

_DETAILS = (
    "stop_by",
    "patience",
    "validation_folds",
    "batch",
    "warm_up",
    "floor",
    "weight_decay",
    "layer_decay",
    "label_smoothing",
    "clip",
)
_UPTO = {"blocks": 12, "epochs": 60, "warm_up": 5.0, "weight_decay": 0.3, "clip": 10.0}


def finetune_form() -> dict[str, Any]:
    """Draw the choices of fine-tuning with the defaults of the recipe and return them."""
    with st.container(horizontal=True):
        values = {name: _number(name) for name in ("blocks", "encoder_rate", "head_rate", "epochs")}
    with st.expander("Stopping, schedule and augmentation", icon=":material/tune:"):
        values |= {name: control(FineTuning, name, key="tune", upto=_UPTO.get(name)) for name in _DETAILS}
        values["augmentation"] = {
            name: control(Augmentation, name, key="tune_change") for name in Augmentation.model_fields
        }
    return values


def _number(name: str) -> float:
    field = FineTuning.model_fields[name]
    shared = {"key": f"tune_{name}", "help": field.description, "width": 170, "persist_state": "session"}
    titles = {
        "blocks": "Last blocks that learn",
        "encoder_rate": "Learning rate, encoder",
        "head_rate": "Learning rate, head",
        "epochs": "Epochs at most",
    }
    if isinstance(field.default, int):
        low = 0 if name == "blocks" else 1
        return st.number_input(titles[name], low, _UPTO[name], field.default, **shared)
    return st.number_input(titles[name], 1e-7, 1.0, field.default, 1e-5, format="%.1e", **shared)


def cost(n_cells: int, epochs: int, folds: int, heads: Sequence[HeadRecord]) -> str:
    """Say how long fine-tuning takes here, from the epochs of earlier heads, or that nobody knows yet."""
    measured = [head.metrics.get("fine_tuning", {}).get("seconds_per_cell") for head in heads]
    rate = next((one for one in measured if one), None)
    fits = f"{folds + 1} trainings (one per fold, one on all cells) of at most {epochs} epochs"
    if rate is None:
        return (
            f"{fits}. How long an epoch takes is measured on a few batches before the first one and shown at once; "
            "without a GPU reckon with minutes for a thousand cells. It can be cancelled."
        )
    epoch = rate * n_cells
    return f"{fits}; an epoch takes about {duration(epoch)} here, all at most {duration(epoch * epochs * (folds + 1))}."


def show_curves(job: JobRecord) -> None:
    """Draw the curves of a fine-tuning that is under way, again and again; nothing for another training."""
    if job.payload.get("work"):
        st.fragment(_curves, run_every=2 * POLL_S)(job.id)


def _curves(job_id: str) -> None:
    curves = live_curves(queue.get_job(job_id))
    if not curves or not curves["fits"]:
        time = f"{epoch_sentence(curves['epoch_s'], curves['epochs'], curves['planned'])}. " if curves else ""
        st.caption(f"{time}Curves come with the first epoch.")
        return
    grid = st.grid(2, min_column_width=340, gap="medium")
    for name, figure in (("loss", loss_chart(curves)), ("balanced", accuracy_chart(curves))):
        with grid.cell():
            st.plotly_chart(figure, key=f"train_live_{name}", config=chart_config(f"fine_tuning_{name}"))
    if not _has(curves, "validation_loss"):
        st.caption("No groups are kept for validation: there are too few, or all are learnt from for all epochs.")


def loss_chart(curves: dict[str, Any]) -> go.Figure:
    """Draw the loss of each training by epoch: on training cells as a line, on validation groups dashed.

    Parameters
    ----------
    curves : dict
        Content of ``epochs.json``.
    """
    figure = go.Figure()
    for number, fit in enumerate(curves["fits"]):
        _line(figure, fit, number, "training_loss", "training", "solid")
        _line(figure, fit, number, "validation_loss", "validation", "dash")
    figure.update_yaxes(title_text="loss", rangemode="tozero")
    return _by_epoch(figure, "Loss, training and validation (dashed)")


def accuracy_chart(curves: dict[str, Any]) -> go.Figure:
    """Draw the balanced accuracy on validation groups of each training by epoch; parameters as `loss_chart`."""
    figure = go.Figure()
    for number, fit in enumerate(curves["fits"]):
        _line(figure, fit, number, "validation_balanced_accuracy", "validation", "dash")
    figure.update_yaxes(title_text="balanced accuracy", range=[0, 1.01], tickformat=".0%")
    return _by_epoch(figure, "Balanced accuracy on validation groups")


def _by_epoch(figure: go.Figure, title: str) -> go.Figure:
    figure.update_xaxes(title_text="epoch", dtick=None, rangemode="tozero")
    return styled(figure, title, height=320)


def _line(figure: go.Figure, fit: dict[str, Any], number: int, value: str, what: str, dash: str) -> None:
    points = [point for point in fit["points"] if point.get(value) is not None]
    if points:
        figure.add_scatter(
            x=[point["epoch"] for point in points],
            y=[point[value] for point in points],
            mode="lines+markers",
            line={"dash": dash, "width": 2, "color": FURTHER_COLOURS[number % len(FURTHER_COLOURS)]},
            name=html_escape(fit["name"]),
            legendgroup=fit["name"],
            showlegend=what == "training" or value == "validation_balanced_accuracy",
            hovertemplate=f"{html_escape(fit['name'])}, {what}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
        )


def _has(curves: dict[str, Any], value: str) -> bool:
    return any(point.get(value) is not None for fit in curves["fits"] for point in fit["points"])
