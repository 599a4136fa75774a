"""Routes served in the process of the pages; `app.py` joins both.

``streamlit run app.py`` and ``uvicorn app:app`` start both.
"""

import os
import sys

from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit.config import get_option
from streamlit.runtime.pages_manager import PagesManager

from cellapp.api.app import api
from cellapp.api.streamed_files import StreamedFiles
from cellapp.auth.hosts import OnlyOwnHosts

# What visitors bring is for the owner of this process alone; the worker it starts inherits that.
os.umask(0o077)

# Streamlit sends what all visitors are shown, one message after the other, from a single thread, which lets go of the
# interpreter after each. A script that computes gives it back only after this interval (5 ms by default), so with
# several visitors a page of a hundred messages waited for half a second and more.
sys.setswitchinterval(0.0005)

# A folder named pages/ makes Streamlit look for its old kind of pages until st.navigation has run once: a first visitor
# who follows a link to a page would get "page not found".
PagesManager.uses_pages_directory = False

# Streamlit puts its own routes below server.baseUrlPath and leaves those of others where they are. The short path stays
# for a proxy that takes the long one away before it hands a request on.
_base = str(get_option("server.baseUrlPath") or "").strip("/")
ROUTES = tuple(Mount(f"{path}/api", app=api) for path in dict.fromkeys((f"/{_base}" if _base else "", "")))
MIDDLEWARE = (Middleware(OnlyOwnHosts), Middleware(StreamedFiles))
