"""Try settings on a region, see what they find and what is rejected, run them on the images."""

import streamlit as st

from cellapp.ui import frame
from cellapp.ui.messages import RESEARCH_ONLY
from cellapp.ui.workbench import workbench

header = frame.analyse_header("Segment", with_run=False)
workbench(header)
st.caption(RESEARCH_ONLY)
