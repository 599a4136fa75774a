"""What every test stands on: a home folder of its own, one thread, and small synthetic slides made once."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CELLAPP_WORKER__START_EARLY", "false")  # a test that needs a worker asks for it

from pathlib import Path

import hypothesis
import pytest

from cellapp.config import app_settings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import DemoFiles, write_demo
from tests.databases import database, postgres_url

__all__ = ["database", "postgres_url"]

# Laws are about results: how long an example takes to draw or to try depends on what else runs here. The examples
# of one test may share its folder.
hypothesis.settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that processes which share the tests end together."""
    marked = {item.path for item in items if any(item.get_closest_marker(name) for name in ("slow", "browser"))}
    items.sort(key=lambda item: item.path not in marked)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    """A fresh CELLAPP_HOME, so that no test sees another's files or the developer's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CELLAPP_HOME", str(folder))
    app_settings.cache_clear()
    yield folder
    app_settings.cache_clear()


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> DemoFiles:
    """A synthetic slide of some forty cells with its truth."""
    return write_demo(tmp_path_factory.mktemp("demo"), SyntheticSettings(height=512, width=512, seed=7))


@pytest.fixture(scope="session")
def empty_demo(tmp_path_factory) -> DemoFiles:
    """A synthetic slide without any cell."""
    return write_demo(tmp_path_factory.mktemp("empty"), SyntheticSettings(height=128, width=128, seed=7, density=0))
