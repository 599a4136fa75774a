"""The lower half of the Explain page: what the calls of the whole run rest on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pandas as pd
import streamlit as st

from cellapp.errors import ModelError
from cellapp.explanation.finding_tables import needed
from cellapp.explanation.mean_map import MeanMap
from cellapp.exports.explanations import mean_maps_path, read_mean_maps, summary_path
from cellapp.jobs import queue, worker_process
from cellapp.pipeline.cell_figures import mean_maps_figure
from cellapp.pipeline.explain_method import with_explain_method
from cellapp.pipeline.progress import duration
from cellapp.pipeline.run_sample import CELLS
from cellapp.store.records import JobRecord, Status
from cellapp.ui.components import charts
from cellapp.ui.components.job_progress import explain_seconds, summary_passes, wait_for
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.components.model_badges import head_of
from cellapp.ui.explain import summary_charts
from cellapp.ui.explain.findings_panel import findings_section
from cellapp.ui.explain.measured import described_cells, is_metric
from cellapp.ui.explain.shown_cells import save_figures
from cellapp.ui.session.kept import kept_file
from cellapp.ui.session.results import Results

KIND = "regions"
AUTOMATIC_S = 30.0
"""A measurement shorter than this starts without a click."""


def summary_section(results: Results, target: str, *, models: bool) -> None:
    """Draw what the calls of the whole run rest on, or the way to have it measured.

    Parameters
    ----------
    results : Results
    target : str
        Class to explain.
    models : bool
        Whether encoder and head are here to measure with.
    """
    st.markdown("### Over all cells")
    measured = described_cells(results, target)
    if measured is not None and len(measured):
        _draw(measured, results, target)
        if needed(measured) and models and not results.run.status.active:
            _measure(results, target)
    elif measured is not None:
        st.caption("No cell of this run has a class, so there is nothing to measure.")
    elif results.run.status.active:
        st.caption("Measured when all images of the run are done.")
    elif not models:
        st.caption("The head of this run is not here; Models says how to get it.")
    else:
        _measure(results, target)


def _measure(results: Results, target: str) -> None:
    job = _latest(results, target)
    if job is not None and job.status.active:
        wait_for(job)
        return
    n_cells = min(CELLS, _n_called(results))
    method = with_explain_method(results.run.settings, head_of(results.run)).explain.named
    seconds = explain_seconds(results.provenance, n_cells, times=summary_passes(results.provenance, method))
    if job is None and seconds is not None and seconds <= AUTOMATIC_S:
        _submit(results, target)
        st.rerun()
    if job is not None and job.status is Status.FAILED:
        show_error(ModelError(job.error or "the measurement failed; the worker's log says why"))
    took = f", about {duration(seconds)} on this machine" if seconds else ""
    st.caption(f"Where in the cells and in which channels the calls come from, measured on {n_cells:,} cells{took}.")
    st.button(
        "Measure", icon=":material/query_stats:", key="measure_overview", on_click=_submit, args=(results, target)
    )


def _latest(results: Results, target: str) -> JobRecord | None:
    """Return the newest job for this class, one that failed or was cancelled too; None when there was none."""
    payload = {"run_id": results.run.id, "target": target}
    jobs = queue.list_jobs(results.run.project_id, active=False)
    return next((job for job in jobs if job.kind == KIND and dict(job.payload) == payload), None)


def _submit(results: Results, target: str) -> None:
    queue.submit(KIND, {"run_id": results.run.id, "target": target}, results.run.project_id, urgent=True)
    worker_process.ensure_worker()


def _draw(table: pd.DataFrame, results: Results, target: str) -> None:
    n_called = _n_called(results)
    st.markdown(escape(summary_charts.summary_sentences(table, target)))
    drawn = "which is all" if len(table) == n_called else "drawn evenly over the calls"
    st.caption(
        f"Measured on {len(table):,} of {n_called:,} classified cells of this run, {drawn}. "
        "It shows what the head goes by, not what makes a cell one or the other."
    )
    path = summary_path(results.folder, target)
    key = ("overview", path, results.version_key, target)
    _grid(kept_file(*key, make=lambda: _figures(table, results, target)) or {})
    _mean_maps(results, target)
    findings_section(table, target, results)


def _n_called(results: Results) -> int:
    return results.kept("called cells", make=lambda: int((results.cells["label"].fillna("") != "").sum()))


def _figures(table: pd.DataFrame, results: Results, target: str) -> dict[str, charts.Drawn]:
    unit = "µm²" if is_metric(results.cells) else "px²"
    figures = {
        "place": summary_charts.compartment_figure(table, results.classes, target),
        "share": summary_charts.share_figure(table, target),
        "channel": summary_charts.channel_figure(table, results.classes, target),
        "energy": summary_charts.energy_figure(table, results.classes, unit),
    }
    if not summary_charts.effect_columns(table):
        del figures["channel"]
    if (both := summary_charts.channel_place_figure(table)) is not None:
        figures["channel_place"] = both
    return {name: charts.Drawn(figure) for name, figure in figures.items()}


def _mean_maps(results: Results, target: str) -> None:
    means, method = read_mean_maps(results.folder, target)
    if not means:
        return
    st.markdown("#### Mean map of each class")
    names = ", ".join(f"{name} ({mean.n_cells:,} cells)" for name, mean in means.items())
    written_ns = mean_maps_path(results.folder, target).stat().st_mtime_ns
    drawn = _mean_maps_svg(results.run.id, target, written_ns, means, method)
    st.image(drawn, alt=f"Mean maps of {names}", width=min(240 * len(means) + 100, 900))
    draw = partial(mean_maps_figure, means, target, method=method)
    save_figures({"Mean maps": (f"{results.run.name}_mean_maps", draw)}, f"save_means_{results.run.id}")


@st.cache_data(max_entries=64, show_spinner=False)  # matplotlib takes longer than the rest of the page
def _mean_maps_svg(run_id: str, target: str, written_ns: int, _means: Mapping[str, MeanMap], method: str) -> str:
    return mean_maps_figure(_means, target, method=method).svg()


def _grid(figures: Mapping[str, charts.Drawn]) -> None:
    grid = st.grid(2, min_column_width=380, gap="medium")
    for name, figure in figures.items():
        with grid.cell():
            st.plotly_chart(
                figure,
                key=f"overview_{name}",
                config=charts.chart_config(f"explained_by_{name}"),
                alt=figure.title,
            )
