"""The parts of the Runs page: the table, one run in full, two runs compared, and the deleted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from cellapp.cells.answer import judge
from cellapp.classification.cell_columns import positive_class
from cellapp.store.records import RunRecord, Status
from cellapp.store.runs import list_runs, restore_run
from cellapp.ui.components import charts
from cellapp.ui.components.job_progress import POLL_S
from cellapp.ui.components.messages import escape, signed, trust_line
from cellapp.ui.layout.empty_states import show_notes
from cellapp.ui.layout.run_panel import images_columns, images_table
from cellapp.ui.runs.compare_runs import (
    changed_models,
    differing,
    flat_settings,
    image_table,
    paired_chart,
    settings_table,
)
from cellapp.ui.runs.run_actions import run_actions
from cellapp.ui.session.results import Results, results_of

_ORDER = ("name", "status", "progress", "images", "cells", "created", "different", "seconds")
"""In a narrow window the first ones are seen at once."""
_STATUS_COLOURS = ["gray", "orange", "green", "red", "gray", "yellow"]


def runs_table(runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Return a row per run: name, status, images done, cells, seconds, when, and the settings that are its own."""
    different = differing(runs)
    rows = [
        (
            run.name,
            [run.status.value],
            run.n_done / max(len(run.images), 1),
            f"{run.n_done:,} of {len(run.images):,}",
            run.n_cells,
            run.seconds,
            run.created,
            different[run.id],
        )
        for run in runs
    ]
    return pd.DataFrame(
        rows, columns=["name", "status", "progress", "images", "cells", "seconds", "created", "different"]
    )


def choose_runs(runs: Sequence[RunRecord]) -> list[RunRecord]:
    """Draw the table of runs and return those that are ticked; it polls while work is going on."""
    column = st.column_config
    table, working = runs_table(runs), any(run.status.active for run in runs)
    event = st.dataframe(
        table.drop(columns=_without_news(runs, working)),
        key=f"runs_table_{len(runs)}",
        column_order=_ORDER,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        column_config={
            "name": column.TextColumn("Run", width=64, pinned=True),
            "status": column.MultiselectColumn(
                "Status", options=[status.value for status in Status], color=_STATUS_COLOURS, width=76
            ),
            "progress": column.ProgressColumn("Progress", format="percent", width="small"),
            "images": column.TextColumn("Images", width=66),
            "cells": column.NumberColumn("Cells", format="localized", width=66),
            "seconds": column.NumberColumn("Seconds", format="%.1f", width=76),
            "created": column.DatetimeColumn("Started", format="D MMM YYYY, HH:mm", width=140),
            "different": column.ListColumn("Settings that differ", width="large"),
        },
        placeholder="",
        alt=f"{len(runs)} runs",
    )
    if working:
        st.fragment(_poll, run_every=POLL_S)(runs[0].project_id, _progress(runs))
    return [runs[at] for at in event["selection"]["rows"] if at < len(runs)]


def _without_news(runs: Sequence[RunRecord], working: bool) -> list[str]:
    """Return the columns that say nothing: of runs that have ended the images say the same as the progress."""
    return [name for name, told in (("progress", working), ("different", len(runs) > 1)) if not told]


def one_run(run: RunRecord) -> None:
    """Draw all of one run: its files, what can be done with it, its images, its settings."""
    st.subheader(escape(run.name))
    run_actions(run)
    for image in run.images:
        if image.error:
            st.error(f"{escape(image.name)}: {escape(image.error)}", icon=":material/error:")
    show_notes(run)
    halves = st.grid(2, min_column_width=380, gap="medium")
    with halves.cell():
        st.caption("Images")
        table = images_table(run).drop(columns="problem", errors="ignore")
        st.dataframe(table, hide_index=True, column_config=images_columns(), placeholder="", alt="Images of the run")
    with halves.cell():
        st.caption("Settings")
        settings = pd.DataFrame(flat_settings(run.settings).items(), columns=["Setting", "Value"])
        st.dataframe(settings, hide_index=True, height=320, alt="Settings of the run")
    trust_line(run)


def two_runs(first: RunRecord, second: RunRecord) -> None:
    """Draw two runs compared: settings that differ, counts, and what changed for each image."""
    st.subheader(f"{escape(first.name)} and {escape(second.name)}")
    pair = (results_of(first), results_of(second))
    settings, changed = settings_table(first, second), changed_models(*(results.provenance for results in pair))
    if settings.empty:
        st.caption("Both runs used the same settings.")
    else:
        st.dataframe(settings, hide_index=True, alt="Settings in which the two runs differ")
    if changed:
        st.caption(f":material/info: Other weights in the one than in the other: {escape(', '.join(changed))}.")
    table = _compared(pair)
    if "share_first" in table:
        _paired(table, pair, key="paired")
    changes = {name: signed for name in table.columns if name.endswith("_change")}
    st.dataframe(
        table.style.format(changes, na_rep=""),
        hide_index=True,
        column_config=_change_columns(first.name, second.name),
        placeholder="",
        alt="Both runs image by image",
    )
    _no_answers(pair)
    trust_line(first)
    trust_line(second)


def _compared(pair: tuple[Results, Results], *, unfit: bool = False) -> pd.DataFrame:
    one, two = pair
    names = {image.image_id: image.name for results in pair for image in results.run.images}
    demonstrations = (one.demonstration, two.demonstration)
    done = (one.done, two.done)
    return image_table(one.called(), two.called(), names, done=done, demonstrations=demonstrations, unfit=unfit)


def _paired(table: pd.DataFrame, pair: tuple[Results, Results], *, key: str) -> None:
    classes = pair[0].classes or pair[1].classes
    target = positive_class(classes)
    figure = paired_chart(table, target, classes, names=(pair[0].run.name, pair[1].run.name))
    alt = f"Share of {target} cells in both runs"
    st.plotly_chart(figure, key=key, config=charts.chart_config("two_runs"), alt=alt)


def _no_answers(pair: tuple[Results, Results]) -> None:
    """Draw why shares are left out, and fold away what the heads say all the same."""
    answers = {results.run.name: judge(results.called(), results.demonstration) for results in pair}
    for name, answer in answers.items():
        if answer.unfit:
            st.caption(escape(f"{name} has no shares. {answer.verdict}: {answer.reason}."))
    if not any(answer.unfit for answer in answers.values()):
        return
    folded = st.expander("Shares by unfit heads: not an answer", on_change="rerun", key="unfit_pair")
    if folded.open:
        with folded:
            table = _compared(pair, unfit=True)
            if "share_first" in table:
                _paired(table, pair, key="unfit_paired")
            else:
                st.caption("No share: every cell with a sure call is unlike the training cells.")


def deleted_runs(removed: Sequence[RunRecord]) -> None:
    """Draw the deleted runs, each with a button that restores it."""
    if not removed:
        return
    with st.expander(f"Deleted runs ({len(removed):,})", icon=":material/delete:"):
        st.caption("They are kept for a week.")
        for run in removed:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.text(f"{run.name}, {run.n_cells:,} cells")
                st.button("Bring back", key=f"restore_{run.id}", on_click=restore_run, args=(run.id,))


def _progress(runs: Sequence[RunRecord]) -> list[tuple[str, str, int]]:
    return [(run.id, run.status.value, run.n_done) for run in runs]


def _poll(project_id: str, drawn: list[tuple[str, str, int]]) -> None:
    """Draw nothing; draw the page again when a run has gone on since it was drawn."""
    if _progress(list_runs(project_id)) != drawn:
        st.rerun()


def _change_columns(first: str, second: str) -> Mapping[str, object]:
    column = st.column_config
    return {
        "image": column.TextColumn("Image"),
        "cells_first": column.NumberColumn(f"Cells, {first}", format="localized"),
        "cells_second": column.NumberColumn(f"Cells, {second}", format="localized"),
        "cells_change": column.NumberColumn("Change"),
        "share_first": column.NumberColumn(f"Share, {first}", format="%.0f %%"),
        "share_second": column.NumberColumn(f"Share, {second}", format="%.0f %%"),
        "share_change": column.NumberColumn("Change in points"),
    }
