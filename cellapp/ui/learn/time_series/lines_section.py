"""Cell lines across batches: the button that starts learning, what was learned, and new sequences named."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from cellapp.jobs.project_series import (
    LINES,
    NAME_LINES,
    PREDICTED,
    LinesRequest,
    ProjectSeries,
    SeriesRequest,
    lines_folder,
    list_lines,
    read_metrics,
    reason_not_to_learn,
)
from cellapp.training.lines.recipe import LineRecipe
from cellapp.ui.components.charts import ACCENT, chart_config, styled
from cellapp.ui.components.downloads import file_button
from cellapp.ui.components.forms import control
from cellapp.ui.components.messages import empty_state, escape
from cellapp.ui.learn.time_series.attention_section import attention_section
from cellapp.ui.learn.time_series.work import ask, show_work
from cellapp.ui.session.page_state import PageState

_WAYS = {"attention": "Attention", "mean": "Mean of patches", "max": "Maximum of patches", "vote": "Vote of patches"}
_TEXTS = {"line": str, "batch": str, "place": str, "called": str, "sequence": str}


def lines_section(page: PageState, request: SeriesRequest, series: ProjectSeries) -> None:
    """Draw the form, the newest result and the sequences that can be named."""
    done = list_lines(page.project.id)
    _form(page, request, series, again=bool(done))
    if not done:
        if not any(job.kind == LINES for job in page.jobs):
            empty_state(
                "Which line is it, and is it the line or the batch?",
                "Lines are learned from patches over time and tested on whole batches that were not seen, beside the "
                "score that mixes batches.",
                icon=":material/timeline:",
            )
        return
    chosen = done[0]
    if len(done) > 1:
        names = {one.key: describe(one) for one in done}
        key = st.selectbox("Shown", list(names), format_func=names.get, key=f"lines_shown_{page.project.id}")
        chosen = next(one for one in done if one.key == key)
    folder = lines_folder(page.project.id, chosen.key)
    _result(folder)
    _new_sequences(page, request, series, chosen)


def describe(request: LinesRequest) -> str:
    """Return what a network was trained by, in words."""
    recipe = request.recipe
    parts = [request.encoder, f"{recipe.epochs} epochs", f"{recipe.segments} segments", f"seed {recipe.seed}"]
    parts += [f"names {request.pattern}"] if request.pattern else []
    parts += [f"{len(request.left_out)} sequences left out"] if request.left_out else []
    return ", ".join(parts)


def _form(page: PageState, request: SeriesRequest, series: ProjectSeries, *, again: bool) -> None:
    working, why = show_work(page, LINES), reason_not_to_learn(series.known)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        with st.popover("How it learns", icon=":material/tune:"):
            values = {name: control(LineRecipe, name, key="lines", upto=upto) for name, upto in _UPTO.items()}
        start = st.button(
            "Learn again" if again else f"Learn lines from {len(series.known):,} sequences",
            icon=":material/school:",
            type="secondary" if again else "primary",
            key="lines_start",
            disabled=working or bool(why),
        )
    if why:
        st.caption(escape(f"{why[0].upper()}{why[1:]}."))
    if start:
        ask(LINES, LinesRequest(**request.model_dump(), recipe=LineRecipe(**values)))


_UPTO = {"epochs": 300, "segments": 12, "seed": 100}


def _result(folder: Path) -> None:
    """Draw what a network is worth, sequence by sequence."""
    metrics = read_metrics(folder)
    said = escape(metrics["sentence"])
    if metrics.get("tells_batch"):  # networks of before do not say
        st.warning(said, icon=":material/warning:")
    else:
        st.markdown(said)
    halves = st.grid(2, min_column_width=380, gap="medium")
    with halves.cell():
        st.plotly_chart(
            _split_chart(metrics),
            key="lines_splits",
            config=chart_config("lines"),
            alt="Share of sequences named right where whole batches are held out, and where batches are mixed",
        )
    with halves.cell():
        st.markdown("**In a batch that was not seen**")
        _shares(dict(sorted(metrics["per_batch"].items())), "Batch", "in each batch that was not seen")
        ways = {"attention": metrics["batch_separated"]["accuracy"]} | metrics["baselines"]
        _shares({_WAYS[name]: share for name, share in ways.items()}, "Way of pooling", "by each way of pooling")
    _sequences(folder, metrics)


def _shares(shares: dict[str, float], title: str, where: str) -> None:
    """Draw shares of sequences named right as a table of bars."""
    right = st.column_config.ProgressColumn("Named right", format="percent", min_value=0, max_value=1)
    st.dataframe(
        pd.DataFrame(list(shares.items()), columns=["of", "right"]),
        hide_index=True,
        column_config={"of": title, "right": right},
        alt=f"Share of sequences named right {where}",
    )


def _split_chart(metrics: dict) -> go.Figure:
    """Draw both scores with their intervals, and what chance would reach."""
    splits = [("batches held out", metrics["batch_separated"]), ("batches mixed", metrics["batch_stratified"])]
    figure = go.Figure()
    figure.add_bar(
        x=[name for name, _ in splits],
        y=[100 * one["accuracy"] for _, one in splits],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * max(one["high"] - one["accuracy"], 0) for _, one in splits],
            "arrayminus": [100 * max(one["accuracy"] - one["low"], 0) for _, one in splits],
        },
        marker={"color": [ACCENT, "#8A8A8A"], "pattern": {"shape": ["", "/"]}},
        hovertemplate="%{x}: %{y:.0f} %<extra></extra>",
        width=0.5,
    )
    chance = 100 / max(len(metrics["lines"]), 1)
    figure.add_hline(y=chance, line={"dash": "dot", "width": 2, "color": "#8A8A8A"}, annotation_text="chance")
    figure.update_yaxes(title_text="sequences named right, %", range=[0, 105])
    gap = 100 * metrics["gap"]
    return styled(figure, f"Gap between the two: {gap:.0f} percentage points, with 95 % intervals", height=340)


def _sequences(folder: Path, metrics: dict) -> None:
    """Draw every sequence as it is called when its batch is held out, and what a chosen one rests on."""
    held_out = pd.read_csv(folder / "held_out.csv", dtype=_TEXTS, keep_default_na=False)
    st.subheader("Each sequence, its batch held out")
    row = _call_table(held_out, metrics["lines"], f"lines_held_out_{folder.name}")
    attention_section(folder, held_out.iloc[row], "train")
    with st.container(horizontal=True, gap="small"):
        for name, said in (("held_out.csv", "Sequences (CSV)"), ("attention.csv", "Weights of patches (CSV)")):
            file_button(folder / name, said, name)
        file_button(folder / "metrics.json", "Scores (JSON)", "metrics.json")


def _call_table(calls: pd.DataFrame, lines: list[str], key: str) -> int:
    """Draw calls of sequences; returns the row that was chosen, the first one before that."""
    right = calls["called"] == calls["line"]
    shown = calls.assign(
        right=["" if not line else "✓" if ok else "✗" for line, ok in zip(calls["line"], right, strict=True)]
    )
    columns = {
        "line": "Line",
        "batch": "Batch",
        "place": "Place",
        "called": "Called",
        "right": st.column_config.TextColumn("Right", width="small"),
    }
    p = {f"p_{line}": st.column_config.ProgressColumn(f"p({line})", min_value=0, max_value=1) for line in lines}
    event = st.dataframe(
        shown[[*columns, *p]],
        key=key,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=columns | p,
        placeholder="",
        height=min(38 + 35 * len(shown), 318),
        alt="Line of each sequence as it is known and as it is called, with uncalibrated probabilities",
    )
    st.caption("Probabilities are uncalibrated. Choose a row to see what its call rests on.")
    return int(event.selection.rows[0]) if event.selection.rows else 0


def _new_sequences(page: PageState, request: SeriesRequest, series: ProjectSeries, chosen: LinesRequest) -> None:
    """Draw the button that names sequences without a line, and how they were named."""
    st.subheader("New sequences")
    working = show_work(page, NAME_LINES)
    folder = lines_folder(page.project.id, chosen.key) / PREDICTED
    n = len(series.new)
    if not n:
        st.caption("Upload images of a time series without a cell line, and they can be named here.")
    elif st.button(f"Name {n:,} sequences", icon=":material/label:", key="lines_name", disabled=working):
        ask(NAME_LINES, request, key=chosen.key)
    if (folder / "predictions.csv").is_file():
        calls = pd.read_csv(folder / "predictions.csv", dtype=_TEXTS, keep_default_na=False)
        row = _call_table(calls, read_metrics(folder.parent)["lines"], f"lines_named_{chosen.key}")
        attention_section(folder, calls.iloc[row], "named")
        file_button(folder / "predictions.csv", "Named sequences (CSV)", "predictions.csv")
