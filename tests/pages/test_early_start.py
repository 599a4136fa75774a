"""Whoever opens the app starts the worker, which imports its libraries while they look at the page."""

import pytest

from cellapp.config import app_settings
from cellapp.jobs import standby

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("early", ["true", "false"])
def test_opening_the_app_asks_for_a_worker_where_the_settings_say_so(no_worker, open_page, monkeypatch, early):
    monkeypatch.setenv("CELLAPP_WORKER__START_EARLY", early)
    monkeypatch.setattr(standby, "_asked_s", float("-inf"))
    monkeypatch.setattr(standby, "free_memory_bytes", standby.memory_bytes)
    app_settings.cache_clear()
    open_page()
    assert bool(no_worker) == (early == "true")
