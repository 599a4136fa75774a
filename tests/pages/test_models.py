import json
import shutil
from pathlib import Path

import pytest

from cellapp.classification.head_io import save_head
from cellapp.config import app_settings
from cellapp.jobs import queue
from cellapp.models.registry import entry, registry
from cellapp.models.status import status
from cellapp.store.heads import add_head, list_heads
from cellapp.store.projects import default_project
from cellapp.store.segmenters import add_segmenter
from tests.classification.heads import random_head

PAGE = "pages/manage/models.py"


@pytest.mark.parametrize("kind", ["segmenter", "encoder", "head"])
def test_every_model_of_a_kind_has_a_card(open_page, kind):
    app = open_page(PAGE)
    app.segmented_control(key="models_kind").set_value(kind).run()
    assert not app.exception
    cards = {name for name, entry in registry().items() if entry.kind == kind}
    assert all(app.get_by_key(f"model_{name}") for name in cards)


def test_a_missing_model_can_be_fetched_and_shows_progress(open_page, no_worker):
    name = next(n for n, e in registry().items() if e.kind == "segmenter" and status(n).state == "missing")
    app = open_page(PAGE)
    app.button(key=f"fetch_{name}").click().run()
    assert not app.exception
    assert [job.payload for job in queue.list_jobs()] == [{"name": name}]
    assert no_worker
    assert app.progress
    app.button(key=f"cancel_{name}").click().run()
    assert not app.exception


def test_what_is_here_has_no_download(open_page):
    keys = [button.key for button in open_page(PAGE).button]
    assert "fetch_classical" not in keys


def test_a_failed_download_says_why(open_page):
    name = next(n for n, e in registry().items() if e.kind == "segmenter" and status(n).state == "missing")
    job = queue.submit("fetch", {"name": name})
    queue.claim("w")
    queue.fail(job.id, "the hub cannot be reached", worker_id="w")
    assert any("cannot be reached" in error.value for error in open_page(PAGE).error)


def test_offline_says_how_models_get_here(open_page, monkeypatch):
    monkeypatch.setenv("CELLAPP_OFFLINE", "true")
    app_settings.cache_clear()
    app = open_page(PAGE)
    assert any("models fetch" in info.value for info in app.info)
    assert not any(str(button.key).startswith("fetch_") for button in app.button)


def test_a_card_shows_the_curves_of_its_training(open_page):
    app = open_page(PAGE)
    assert not app.get("plotly_chart")
    app.session_state["card_foreground"] = True
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 3
    assert any("held-out images" in caption.value for caption in app.caption)


def test_a_segmenter_of_the_project_shows_its_curves(open_page, tmp_path):
    for name in ("weights.safetensors", "config.json", "curves.json"):
        shutil.copyfile(entry("foreground").folder / name, tmp_path / name)
    figures = {"base": "foreground", "images": ["a.tif"], "n_cells": 5, "held_out": []}
    (tmp_path / "metrics.json").write_text(json.dumps(figures))
    one = add_segmenter(default_project().id, tmp_path, "own")
    app = open_page(PAGE)
    assert not app.get("plotly_chart")
    app.session_state[f"segmenter_curves_{one.id}"] = True
    app.run()
    assert not app.exception
    assert len(app.get("plotly_chart")) == 3


def test_a_card_opens(open_page):
    app = open_page(PAGE)
    app.session_state["card_classical"] = True
    app.run()
    assert not app.exception


def test_a_card_shows_its_pictures_where_it_names_them(monkeypatch):
    """A browser cannot ask for files beside the card, so they are drawn by the page."""
    from cellapp.models.registry import entry
    from cellapp.models.status import card
    from cellapp.ui.models import model_cards

    drawn = []
    monkeypatch.setattr(model_cards.st, "markdown", lambda text: drawn.append(text))
    monkeypatch.setattr(model_cards.st, "image", lambda path, caption: drawn.append((path, caption)))
    model_cards._card(card("compact"), entry("compact").folder)
    pictures = [part for part in drawn if isinstance(part, tuple)]
    assert len(pictures) >= 3
    assert all(path.is_file() and caption for path, caption in pictures)
    assert not any("![" in part for part in drawn if isinstance(part, str))


def test_heads_of_the_project_are_listed_removed_and_brought_back(open_page, tmp_path):
    save_head(random_head(), tmp_path / "made")
    record = add_head(default_project().id, tmp_path / "made", "my lines")
    app = open_page(PAGE)
    app.segmented_control(key="models_kind").set_value("head").run()
    assert not app.exception
    assert app.get_by_key(f"head_{record.id}")
    app.button(key=f"remove_{record.id}").click().run()
    assert list_heads(default_project().id) == ()
    app.button(key="undo_remove_model").click().run()
    assert not app.exception
    assert [one.id for one in list_heads(default_project().id)] == [record.id]


def test_a_head_that_names_a_path_of_the_server_is_refused(open_page, tmp_path):
    save_head(random_head(encoder="/srv/nets/vit@1"), tmp_path / "made")
    packed = Path(shutil.make_archive(str(tmp_path / "made"), "zip", tmp_path / "made"))
    app = open_page(PAGE)
    app.segmented_control(key="models_kind").set_value("head").run()
    app.file_uploader(key="import_head_0").upload("made.zip", packed.read_bytes()).run()
    assert not app.exception
    assert any("'/srv/nets/vit', which is not in its zip" in error.value for error in app.error)
    assert list_heads(default_project().id) == ()
