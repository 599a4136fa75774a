"""However the app is started, one process serves the pages and the API."""

import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.web.server.app_discovery import discover_asgi_app

from cellapp.cli import main
from tests.paths import ROOT

pytestmark = pytest.mark.slow

LOOK = """
from streamlit.runtime.pages_manager import PagesManager
import app
print(*[route.path for route in app.app._user_routes], PagesManager.uses_pages_directory)
"""


def test_streamlit_run_finds_the_server_in_the_entrypoint():
    assert discover_asgi_app(ROOT / "app.py").import_string == "app:app"


def test_the_server_has_the_api_and_knows_no_old_kind_of_pages():
    """Otherwise the first visitor who follows a link is told that there is no such page."""
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "/api" in done.stdout.split()
    assert done.stdout.split()[-1] == "False"


def test_below_a_base_path_the_api_is_there_too():
    chosen = "from streamlit import config; config.set_option('server.baseUrlPath', 'lab/cells')"
    done = subprocess.run([sys.executable, "-c", chosen + LOOK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"/lab/cells/api", "/api"} <= set(done.stdout.split())


def test_many_visitors_wait_little_for_each_other():
    """Whoever computes gives the interpreter back soon, and garbage is not collected after each run of a script."""
    look = "import sys; from streamlit.config import get_option; import app; print(sys.getswitchinterval(), "
    look += "get_option('runner.postScriptGC'))"
    done = subprocess.run([sys.executable, "-c", look], cwd=ROOT, capture_output=True, text=True, check=True)
    interval_s, collects = done.stdout.split()[-2:]
    assert float(interval_s) <= 0.001
    assert collects == "False"


@pytest.mark.parametrize("options", [[], ["--port", "9000", "--headless"]])
def test_serve_runs_the_entrypoint_and_tells_its_address(monkeypatch, capsys, options):
    """The greeting is the program's own: Streamlit's comes with offers to developers."""
    ran = []
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: ran.append(command) or subprocess.CompletedProcess([], 0)
    )
    assert main(["serve", *options]) == 0
    assert Path(ran[0][ran[0].index("run") + 1]) == ROOT / "app.py"
    assert ran[0][ran[0].index("--logger.hideWelcomeMessage") + 1] == "true"
    assert f"http://127.0.0.1:{9000 if options else 8501} " in capsys.readouterr().out
