"""Try settings on a region, see what they find and what is rejected, run them on the images."""

import streamlit as st

from cellapp.ui.components.messages import RESEARCH_ONLY
from cellapp.ui.layout import frame
from cellapp.ui.segment.workbench import workbench

page = frame.open_page()
image = frame.analyse_header(page, "Segment", with_run=False)
workbench(page, image)
st.caption(RESEARCH_ONLY)
