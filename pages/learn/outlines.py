"""Outlines: bring in labels that are right, see how good a run's are, and have a segmenter learn from corrections."""

import streamlit as st

from cellapp.jobs.retrain_segmenter import corrected_images
from cellapp.ui.components.messages import RESEARCH_ONLY, empty_state
from cellapp.ui.layout import frame
from cellapp.ui.learn.outlines.import_section import import_section
from cellapp.ui.learn.outlines.retrain_section import retrain_section
from cellapp.ui.learn.outlines.score_section import score_section

page = frame.open_page()
st.title("Outlines")
if not page.images:
    empty_state(
        "No image yet",
        "Upload images; then outlines can be brought in, corrected, scored and learned from.",
        icon=":material/draw:",
        page=frame.UPLOAD_PAGE,
        link="Go to Upload",
    )
    st.caption(RESEARCH_ONLY)
    st.stop()
corrected = corrected_images(page.project.id, page.images, page.runs)
import_section(page, corrected)
score_section(page)
retrain_section(page, corrected)
st.caption(RESEARCH_ONLY)
