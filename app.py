"""The app: its server when imported, its router for every visit.

Streamlit imports this file once to find what to serve, pages and API in one process, and then runs it for each visit.
"""

import streamlit as st

from cellapp.compute.garbage import collect_visits, spare_libraries
from cellapp.errors import CellappError
from cellapp.jobs.standby import start_early
from cellapp.ui.components.messages import show_error
from cellapp.ui.layout import frame


def route() -> None:
    """Configure the page, draw the navigation and run the page, which draws the rest of the sidebar."""
    st.set_page_config(page_title="cellapp", page_icon=str(frame.ICON), layout="wide")
    page = st.navigation(
        {
            "Analyse": [
                st.Page(frame.UPLOAD_PAGE, title="Upload", icon=":material/upload:", default=True),
                st.Page(frame.SEGMENT_PAGE, title="Segment", icon=":material/blur_on:"),
                st.Page(frame.CLASSIFY_PAGE, title="Classify", icon=":material/donut_small:"),
                st.Page(frame.EXPLAIN_PAGE, title="Explain", icon=":material/lightbulb:"),
                st.Page(frame.SCREEN_PAGE, title="Screen", icon=":material/grid_on:"),
            ],
            "Learn": [
                st.Page(frame.LABEL_PAGE, title="Label", icon=":material/label:"),
                st.Page(frame.TRAIN_PAGE, title="Train", icon=":material/school:"),
                st.Page(frame.OUTLINES_PAGE, title="Outlines", icon=":material/draw:"),
                st.Page(frame.DISCOVER_PAGE, title="Discover", icon=":material/bubble_chart:"),
                st.Page(frame.TIME_SERIES_PAGE, title="Time series", icon=":material/timeline:"),
            ],
            "Manage": [
                st.Page(frame.RUNS_PAGE, title="Runs", icon=":material/history:"),
                st.Page(frame.MODELS_PAGE, title="Models", icon=":material/deployed_code:"),
            ],
        }
    )
    try:
        page.run()
    except CellappError as error:  # what a page does not show in a place of its own
        show_error(error)
    finally:  # the page that ends has imported what it needs
        spare_libraries()
        start_early()  # after the page: nobody waits for it
        collect_visits()


if __name__ == "__main__":
    route()
else:
    from cellapp.server import MIDDLEWARE, ROUTES

    app = st.App(__file__, routes=ROUTES, middleware=MIDDLEWARE)
