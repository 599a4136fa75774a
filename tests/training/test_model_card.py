"""The card of the head that does not ship says what its figures say."""

import json

from cellapp.training.model_card import methods_table
from tests.paths import ROOT

FOLDER = ROOT / "models" / "mcf10a-mcf7"


def test_the_card_repeats_the_figures_of_its_run():
    metrics = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    assert methods_table(metrics["methods"]) in card
    assert metrics["encoder"] in card


def test_weights_whose_licence_forbids_it_do_not_ship():
    assert {path.name for path in FOLDER.iterdir()} == {"card.md", "metrics.json", "recipe.toml"}
