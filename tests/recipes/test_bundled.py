"""The models that ship are the ones the registry vouches for, and they fit each other."""

import json
import shutil

import pytest

from cellapp import loading
from cellapp.errors import ModelError


@pytest.mark.parametrize("name", ["demo-vit", "demo-head"])
def test_what_ships_is_what_the_registry_says(name):
    assert loading.status(name).state == "bundled"
    loading.load(name, dtype="float32")
    assert "not for diagnosis" in loading.card(name).lower()
    metrics = json.loads((loading.entry(name).folder / "metrics.json").read_text())
    assert metrics["held_out_slides"]["auc"] > 0.97


def test_the_bundled_head_fits_the_bundled_encoder():
    loading.load("demo-head").check_encoder(loading.load("demo-vit"))


def test_a_bundled_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    shutil.copytree(loading.entry("demo-head").folder, tmp_path / "demo-head")
    monkeypatch.setattr("cellapp.weights.registry.MODELS", tmp_path)
    (tmp_path / "demo-head" / "head.json").write_text("{}")
    with pytest.raises(ModelError, match="git checkout models"):
        loading.load("demo-head")
