"""Pages and API in one process: `streamlit run cellapp/server.py`, or `uvicorn cellapp.server:app`."""

import streamlit as st
from starlette.routing import Mount
from streamlit.runtime.pages_manager import PagesManager

from cellapp.api import api
from cellapp.settings import REPOSITORY

# A folder named pages/ makes Streamlit look for its old kind of pages until st.navigation has run once: the first
# visitor with a link to a page would be told that there is no such page.
PagesManager.uses_pages_directory = False

app = st.App(REPOSITORY / "app.py", routes=[Mount("/api", app=api)])
