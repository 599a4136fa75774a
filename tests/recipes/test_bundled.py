"""The models that ship are what the registry vouches for, they fit each other, and their figures can be had again."""

import json
import shutil

import pytest

from cellapp import loading
from cellapp.errors import ModelError
from cellapp.recipes.demo import DemoRecipe, evaluate
from cellapp.recipes.synthetic_cells import embed_found, find_cells
from cellapp.settings import DEFAULT_ENCODER, ClassifySettings

MAX_ENCODER_BYTES = 12e6


def figures_of(name):
    return json.loads((loading.entry(name).folder / "metrics.json").read_text())


@pytest.mark.parametrize("name", ["cell-vit", "demo-head", "demo-head-fast"])
def test_what_ships_is_what_the_registry_says(name):
    assert loading.status(name).state == "bundled"
    loading.load(name, dtype="float32")
    assert "not for diagnosis" in loading.card(name).lower()


def test_the_bundled_encoder_is_the_default_and_small():
    entry = loading.entry(DEFAULT_ENCODER)
    assert entry.source == "bundled"
    assert (entry.folder / "model.safetensors").stat().st_size < MAX_ENCODER_BYTES
    encoder = loading.load(DEFAULT_ENCODER, dtype="float32")
    assert (encoder.input_px, encoder.patch_px) == (64, 8)


def test_its_card_says_what_its_figures_say():
    card, figures = loading.card("cell-vit"), figures_of("cell-vit")
    assert f"{figures['n']:,} crops" in card
    assert f"{figures['step']:,} steps" in card
    assert f"{figures['knn']:.3f}" in card
    assert f"{figures['knn_untrained']:.3f}" in card
    assert figures["knn"] > figures["knn_untrained"] + 0.05


@pytest.mark.parametrize("name", [ClassifySettings().head, "demo-head-fast"])
def test_the_bundled_heads_fit_the_bundled_encoder(name):
    loading.load(name).check_encoder(loading.load(DEFAULT_ENCODER))


def test_the_head_is_good_on_slides_it_has_not_seen():
    held_out = figures_of("demo-head")["held_out_slides"]
    assert held_out["auc"] >= 0.98
    assert held_out["calibration_error"] <= 0.05


def test_the_figures_on_one_slide_can_be_had_again():
    figures, recipe = figures_of("demo-head"), DemoRecipe()
    found = [find_cells(slide, loading.load("compact", dtype="float32")) for slide in recipe.slides(3, 1)]
    head = loading.load("demo-head")
    again = evaluate(head, embed_found(found, loading.load("cell-vit", dtype="float32"), head.reads))
    assert again["n"] == pytest.approx(figures["first_test_slide"]["n"], abs=2)
    for name in ("auc", "balanced_accuracy"):
        assert again[name] == pytest.approx(figures["first_test_slide"][name], abs=0.03)


def test_a_bundled_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    shutil.copytree(loading.entry("demo-head").folder, tmp_path / "demo-head")
    monkeypatch.setattr("cellapp.weights.registry.MODELS", tmp_path)
    (tmp_path / "demo-head" / "head.json").write_text("{}")
    with pytest.raises(ModelError, match="git checkout models"):
        loading.load("demo-head")
