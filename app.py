"""The app: its server when imported, its router for every visit.

Streamlit imports this file once to find what to serve, pages and API in one process, and then runs it for each visit.
"""

import streamlit as st

from cellapp.errors import CellappError
from cellapp.ui.components.messages import show_error
from cellapp.ui.layout.frame import ICON, show_sidebar


def route() -> None:
    """Configure the page, draw the navigation and the sidebar every page shares, and run the page."""
    st.set_page_config(page_title="cellapp", page_icon=str(ICON), layout="wide")
    page = st.navigation(
        {
            "Analyse": [
                st.Page("pages/analyse/upload.py", title="Upload", icon=":material/upload:", default=True),
                st.Page("pages/analyse/segment.py", title="Segment", icon=":material/blur_on:"),
                st.Page("pages/analyse/classify.py", title="Classify", icon=":material/donut_small:"),
                st.Page("pages/analyse/explain.py", title="Explain", icon=":material/lightbulb:"),
            ],
            "Manage": [
                st.Page("pages/manage/runs.py", title="Runs", icon=":material/history:"),
                st.Page("pages/manage/models.py", title="Models", icon=":material/deployed_code:"),
            ],
        }
    )
    show_sidebar()
    try:
        page.run()
    except CellappError as error:  # whatever a page did not tell in its own place
        show_error(error)


if __name__ == "__main__":
    route()
else:
    from cellapp.server import ROUTES

    app = st.App(__file__, routes=ROUTES)
