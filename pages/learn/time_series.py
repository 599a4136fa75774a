"""How fast do they grow, which line is it, and is it the line or the batch?"""

import streamlit as st

from cellapp.ui.components.messages import RESEARCH_ONLY, empty_state
from cellapp.ui.layout import frame
from cellapp.ui.learn.time_series.growth_section import growth_section
from cellapp.ui.learn.time_series.lines_section import lines_section
from cellapp.ui.learn.time_series.sequences import choose_sequences

page = frame.open_page()
st.title("Time series")
if not page.images:
    empty_state(
        "No images yet",
        "Upload images of places that were photographed again and again; their names or conditions say when.",
        icon=":material/timeline:",
        page=frame.UPLOAD_PAGE,
        link="Go to Upload",
    )
    st.caption(RESEARCH_ONLY)
    st.stop()

request, series = choose_sequences(page)
section = st.segmented_control(
    "Section",
    ["growth", "lines"],
    default="growth",
    required=True,
    format_func={"growth": "Growth", "lines": "Cell lines"}.get,
    key="series_section",
    persist_state="session",
    label_visibility="collapsed",
)
(growth_section if section == "growth" else lines_section)(page, request, series)
st.caption(RESEARCH_ONLY)
