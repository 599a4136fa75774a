"""The recipe of the demonstration head, run small."""

import json
import tomllib

import pytest

from cellapp import loading
from cellapp.classification.head_files import load_head
from cellapp.pretraining.synthetic import slide_settings
from cellapp.recipes.demo import DemoRecipe, train_demo

TINY = DemoRecipe(n_head_slides=3, n_test_slides=1, slide_px=256, demo_px=256)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("models")
    return out, train_demo(out, TINY)


def test_no_slide_has_two_uses():
    seeds = [slide.seed for use in (2, 3) for slide in TINY.slides(use, 50)]
    pretraining = [slide_settings(seed).seed for seed in range(200)]
    assert len({*seeds, *pretraining}) == 300


def test_the_head_is_written_with_its_papers(made):
    out, figures = made
    folder = out / "demo-head"
    card = (folder / "card.md").read_text()
    assert "not for diagnosis" in card.lower()
    assert figures["encoder"] in card
    assert json.loads((folder / "metrics.json").read_text()) == json.loads(json.dumps(figures))
    recipe = tomllib.loads((folder / "recipe.toml").read_text())
    assert recipe["n_head_slides"] == 3
    assert "train_demo" in recipe["command"]


def test_it_loads_and_fits_the_bundled_encoder(made):
    out, figures = made
    head = load_head(out / "demo-head")
    head.check_encoder(loading.load("cell-vit", dtype="float32"))
    assert head.encoder == figures["encoder"]
    assert "real cells" in head.trained_on


def test_figures_come_from_unseen_slides(made):
    _, figures = made
    assert figures["held_out_slides"]["n"] > 0
    assert 0 <= figures["held_out_slides"]["auc"] <= 1
    assert figures["head_cross_validation"]["validated"]
