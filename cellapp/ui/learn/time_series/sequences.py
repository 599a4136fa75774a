"""Which images of a project are a sequence, and which sequences are looked at."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from cellapp.errors import CellappError
from cellapp.jobs.project_series import ProjectSeries, SeriesRequest, project_series
from cellapp.ui.components.messages import escape, show_error
from cellapp.ui.layout.frame import UPLOAD_PAGE
from cellapp.ui.session.page_state import PageState

_MOST_PROBLEMS = 5
_NO_SERIES = (
    "No image here is part of a time series: type when each was taken into the column Time on Upload, or upload images "
    "whose names end with it."
)


def choose_sequences(page: PageState) -> tuple[SeriesRequest, ProjectSeries]:
    """Draw how names are read and the table of sequences; those that are ticked off are left out.

    Returns
    -------
    SeriesRequest, ProjectSeries
        What is asked for, and the sequences that stay.
    """
    with st.expander("Where line, batch, place and time come from", icon=":material/rule:"):
        st.markdown(
            "From the image table on Upload: cell line, treatment and dose, batch, time. What is not typed in there is "
            "read from the names of files: the time at their end (`_02d12h00m`, `_36h`, `t012`), before it the place, "
            "or as a pattern says."
        )
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            pattern = st.text_input(
                "Pattern of names",
                key="series_pattern",
                persist_state="session",
                placeholder="{line}-{batch}_{place}_{time}",
                width=320,
            )
            every_h = st.number_input(
                "Hours between images", 0.001, 1000.0, 1.0, key="series_every", persist_state="session", width=160,
                help="For names and files that count their images: t01, t02.",
            )  # fmt: skip
        st.page_link(UPLOAD_PAGE, label="Type conditions in on Upload", icon=":material/edit:")
    request = SeriesRequest(project_id=page.project.id, pattern=pattern.strip(), every_h=every_h)
    try:
        series = project_series(page.images, request)
    except CellappError as error:
        show_error(error)
        st.stop()
    return _table(page, request, series)


def _table(page: PageState, request: SeriesRequest, series: ProjectSeries) -> tuple[SeriesRequest, ProjectSeries]:
    if not series.sequences:
        st.info(_NO_SERIES, icon=":material/timeline:")
    n_told = _MOST_PROBLEMS if series.sequences else 1  # all images have the same one where none is of a series
    for problem in series.problems[:n_told]:
        st.caption(f":material/warning: {escape(problem)}")
    if (n_more := len(series.problems) - n_told) > 0:
        st.caption(f"{n_more:,} more {'image is' if n_more == 1 else 'images are'} in no sequence.")
    if not series.sequences:
        return request, series
    treated = any(one.treatment for one in series.sequences)
    shown = st.data_editor(
        sequence_rows(series),
        key=f"series_table_{page.project.id}_{request.pattern}",
        hide_index=True,
        disabled=["line", "treatment", "batch", "place", "images", "from_h", "to_h"],
        height=min(38 + 35 * len(series.sequences), 318),
        column_config={
            "used": st.column_config.CheckboxColumn("Used", width=64),
            "line": "Line",
            "treatment": "Treatment" if treated else None,
            "batch": "Batch",
            "place": "Place",
            "images": st.column_config.NumberColumn("Images", format="localized"),
            "from_h": st.column_config.NumberColumn("From, h", format="%.1f"),
            "to_h": st.column_config.NumberColumn("To, h", format="%.1f"),
        },
    )
    off = tuple(one.name for one, used in zip(series.sequences, shown["used"], strict=True) if not used)
    kept = tuple(one for one in series.sequences if one.name not in off)
    return request.model_copy(update={"left_out": off}), ProjectSeries(kept, series.problems)


def sequence_rows(series: ProjectSeries) -> pd.DataFrame:
    """Return one row per sequence, as the table shows it."""
    return pd.DataFrame(
        [
            {
                "used": True,
                "line": one.line,
                "treatment": one.treatment,
                "batch": one.batch,
                "place": one.place,
                "images": len(one.files),
                "from_h": one.times_h[0],
                "to_h": one.times_h[-1],
            }
            for one in series.sequences
        ]
    )
