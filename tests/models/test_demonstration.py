"""Heads for show are known by what they say, by the registry, and by their arrays wherever they are copied."""

import json
import shutil

import pytest

from cellapp.classification.head_io import DESCRIPTION, load_head, save_head
from cellapp.models.demonstration import demonstration_of_head, demonstration_of_run
from cellapp.models.load import load_model
from cellapp.models.registry import registry
from cellapp.settings import AnalyseSettings
from tests.classification.heads import random_head

SHOWN = "trained on synthetic cells"
FOR_SHOW = sorted(name for name, model in registry().items() if model.demonstration)


def settings_of(head):
    return AnalyseSettings.model_validate({"classify": {"head": head}}).model_dump(mode="json")


@pytest.mark.parametrize("name", FOR_SHOW)
def test_a_head_that_ships_is_for_show_and_so_are_its_copies(name, tmp_path):
    copy = shutil.copytree(registry()[name].folder, tmp_path / "anything")
    for head in (load_model(name), load_model(str(copy))):
        assert demonstration_of_head(head) == SHOWN
    assert demonstration_of_run({"settings": settings_of(str(copy)), "head": load_model(name).identity}) == SHOWN
    assert demonstration_of_run({"settings": settings_of(name)}) == SHOWN


def test_a_head_says_it_in_its_own_folder(tmp_path):
    save_head(random_head(demonstration="trained on drawings"), tmp_path)
    assert demonstration_of_head(load_head(tmp_path)) == "trained on drawings"


def test_heads_that_say_nothing_are_not_for_show(tmp_path):
    save_head(random_head(name="demo-head"), tmp_path / "demo-head")
    assert "demonstration" not in json.loads((tmp_path / "demo-head" / DESCRIPTION).read_text())
    head = load_head(tmp_path / "demo-head")
    assert demonstration_of_head(head) == demonstration_of_head(None) == ""
    assert demonstration_of_run({"settings": settings_of(str(tmp_path / "demo-head")), "head": head.identity}) == ""


@pytest.mark.parametrize("run", [{}, {"head": None}, {"settings": settings_of(None), "head": None}, {"head": ""}])
def test_a_run_without_a_head_shows_nothing(run):
    assert demonstration_of_run(run) == ""


def test_what_a_run_recorded_holds_when_its_head_is_gone():
    assert demonstration_of_run({"demonstration": "trained on drawings", "settings": settings_of("/gone")}) != ""
