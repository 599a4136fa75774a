"""The recipe of the demonstration heads, run small."""

import json
import tomllib

import pytest

from cellapp.classification.head_io import load_head
from cellapp.models.load import load_model
from cellapp.training.demo.demo_heads import FAST_HEAD, HEAD, READS, DemoRecipe, train_demo
from cellapp.training.encoder.synthetic_crops import slide_settings

pytestmark = pytest.mark.slow

TINY = DemoRecipe(n_head_slides=3, n_test_slides=1, slide_px=256, demo_px=256)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp("models")
    return out, train_demo(out, TINY)


def test_no_slide_has_two_uses():
    seeds = [slide.seed for use in (2, 3) for slide in TINY.slides(use, 50)]
    pretraining = [slide_settings(seed).seed for seed in range(200)]
    assert len({*seeds, *pretraining}) == 300


@pytest.mark.parametrize("name", READS)
def test_a_head_is_written_with_its_papers(made, name):
    out, figures = made
    folder, figures = out / name, figures[name]
    card = (folder / "card.md").read_text()
    assert "not for diagnosis" in card.lower()
    assert figures["encoder"] in card
    assert json.loads((folder / "metrics.json").read_text()) == json.loads(json.dumps(figures))
    recipe = tomllib.loads((folder / "recipe.toml").read_text())
    assert recipe["n_head_slides"] == 3
    assert "train_demo" in recipe["command"]


@pytest.mark.parametrize("name", READS)
def test_it_loads_and_fits_the_bundled_encoder(made, name):
    out, figures = made
    head = load_head(out / name)
    head.check_encoder(load_model("cell-vit", dtype="float32"))
    assert head.encoder == figures[name]["encoder"]
    assert head.reads == READS[name]
    assert "real cells" in head.trained_on


@pytest.mark.parametrize("name", READS)
def test_figures_come_from_unseen_slides(made, name):
    figures = made[1][name]
    assert figures["held_out_slides"]["n"] > 0
    assert 0 <= figures["held_out_slides"]["auc"] <= 1
    assert figures["head_cross_validation"]["validated"]


def test_both_heads_saw_the_same_cells_and_the_fast_one_says_how_good_the_other_is(made):
    out, figures = made
    for part in ("held_out_slides", "default_slide"):
        assert len({figures[name][part]["n"] for name in READS}) == 1
    assert len({figures[name]["n_head_cells"] for name in READS}) == 1
    card = (out / FAST_HEAD / "card.md").read_text()
    assert f"has\n{figures[HEAD]['held_out_slides']['auc']} (AUC)" in card
    assert figures[FAST_HEAD]["head"] != figures[HEAD]["head"]
