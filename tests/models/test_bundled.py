"""The models that ship are what the registry vouches for, they fit each other, and their figures can be had again."""

import json
import shutil

import pytest

from cellapp.errors import ModelError
from cellapp.models.load import load_model
from cellapp.models.registry import entry
from cellapp.models.status import card, status
from cellapp.settings import DEFAULT_ENCODER, ClassifySettings
from cellapp.training.demo.demo_heads import DemoRecipe, evaluate
from cellapp.training.synthetic_cells import find_cells

pytestmark = pytest.mark.slow

MAX_ENCODER_BYTES = 12e6


def figures_of(name):
    return json.loads((entry(name).folder / "metrics.json").read_text())


@pytest.mark.parametrize("name", ["cell-vit", "demo-head", "demo-head-fast", "compact", "compact-labelfree"])
def test_what_ships_is_what_the_registry_says(name):
    assert status(name).state == "bundled"
    load_model(name, dtype="float32")
    assert "not for diagnosis" in card(name).lower()


def test_the_bundled_encoder_is_the_default_and_small():
    model = entry(DEFAULT_ENCODER)
    assert model.source == "bundled"
    assert (model.folder / "model.safetensors").stat().st_size < MAX_ENCODER_BYTES
    encoder = load_model(DEFAULT_ENCODER, dtype="float32")
    assert (encoder.input_px, encoder.patch_px) == (64, 8)


def test_its_card_says_what_its_figures_say():
    text, figures = card("cell-vit"), figures_of("cell-vit")
    assert f"{figures['n']:,} crops" in text
    assert f"{figures['step']:,} steps" in text
    assert f"{figures['knn']:.3f}" in text
    assert f"{figures['knn_untrained']:.3f}" in text
    assert figures["knn"] > figures["knn_untrained"] + 0.05


@pytest.mark.parametrize("name", [ClassifySettings().head, "demo-head-fast"])
def test_the_bundled_heads_fit_the_bundled_encoder(name):
    load_model(name).check_encoder(load_model(DEFAULT_ENCODER))


def test_the_head_is_good_on_slides_it_has_not_seen():
    held_out = figures_of("demo-head")["held_out_slides"]
    assert held_out["auc"] >= 0.98
    assert held_out["calibration_error"] <= 0.05


def test_the_figures_on_one_slide_can_be_had_again():
    figures, recipe = figures_of("demo-head"), DemoRecipe()
    found = [find_cells(slide, load_model("compact", dtype="float32")) for slide in recipe.slides(3, 1)]
    head = load_model("demo-head")
    again = evaluate(head, load_model("cell-vit", dtype="float32"), found)
    assert again["n"] == pytest.approx(figures["first_test_slide"]["n"], abs=2)
    for name in ("auc", "balanced_accuracy"):
        assert again[name] == pytest.approx(figures["first_test_slide"][name], abs=0.03)


def test_a_bundled_file_that_was_changed_is_refused(tmp_path, monkeypatch):
    shutil.copytree(entry("demo-head").folder, tmp_path / "demo-head")
    monkeypatch.setattr("cellapp.models.registry.MODELS", tmp_path)
    (tmp_path / "demo-head" / "head.json").write_text("{}")
    with pytest.raises(ModelError, match="git checkout models"):
        load_model("demo-head")
