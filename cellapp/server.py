"""What one process serves beside the pages; `app.py` joins it with them.

``streamlit run app.py`` and ``uvicorn app:app`` start both.
"""

from starlette.routing import Mount
from streamlit.runtime.pages_manager import PagesManager

from cellapp.api import api

# A folder named pages/ makes Streamlit look for its old kind of pages until st.navigation has run once: the first
# visitor with a link to a page would be told that there is no such page.
PagesManager.uses_pages_directory = False

ROUTES = (Mount("/api", app=api),)
