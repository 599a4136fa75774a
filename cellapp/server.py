"""Pages and API in one process: `streamlit run cellapp/server.py`, or `uvicorn cellapp.server:app`."""

import streamlit as st
from starlette.routing import Mount

from cellapp.api import api
from cellapp.settings import REPOSITORY

app = st.App(REPOSITORY / "app.py", routes=[Mount("/api", app=api)])
