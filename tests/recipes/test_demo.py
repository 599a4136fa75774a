"""The recipe of the demonstration models, run small."""

import json
import tomllib

import pytest

from cellapp import loading
from cellapp.classification.head_files import load_head
from cellapp.encoders.supervise import Schedule
from cellapp.recipes.demo import DemoRecipe, train_demo

TINY = DemoRecipe(
    n_encoder_slides=1,
    n_head_slides=3,
    n_test_slides=1,
    slide_px=256,
    demo_px=256,
    schedule=Schedule(epochs=1, batch=32),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("models")
    return out, train_demo(out, TINY)


def test_the_three_uses_share_no_slide():
    seeds = [slide.seed for use in (1, 2, 3) for slide in TINY.slides(use, 50)]
    assert len(set(seeds)) == 150


def test_both_models_are_written_with_their_papers(made):
    out, figures = made
    for name in ("demo-vit", "demo-head"):
        assert "not for diagnosis" in (out / name / "card.md").read_text().lower()
        assert json.loads((out / name / "metrics.json").read_text()) == json.loads(json.dumps(figures))
        recipe = tomllib.loads((out / name / "recipe.toml").read_text())
        assert recipe["n_head_slides"] == 3
        assert recipe["schedule"]["epochs"] == 1
        assert "train_demo" in recipe["command"]


def test_they_load_and_fit_each_other(made, monkeypatch):
    out, figures = made
    head = load_head(out / "demo-head")
    encoder = loading.load(str(out / "demo-vit"), dtype="float32")
    assert head.encoder == f"demo-vit@{encoder.revision}" == figures["encoder"]
    assert "real cells" in head.trained_on


def test_figures_come_from_unseen_slides(made):
    _, figures = made
    assert figures["held_out_slides"]["n"] > 0
    assert 0 <= figures["held_out_slides"]["auc"] <= 1
    assert figures["head_cross_validation"]["validated"]
