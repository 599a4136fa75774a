"""The card of the head that does not ship says what its figures say."""

import json

from cellapp.evaluation.intervals import FIGURES
from cellapp.settings_io import read_recipe
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.model_card import head_card, methods_table
from tests.classification.heads import random_head
from tests.paths import ROOT

FOLDER = ROOT / "models" / "mcf10a-mcf7"


def test_the_card_repeats_the_figures_of_its_run():
    metrics = json.loads((FOLDER / "metrics.json").read_text(encoding="utf-8"))
    card = (FOLDER / "card.md").read_text(encoding="utf-8")
    assert methods_table(metrics["methods"]) in card
    assert metrics["encoder"] in card


def test_weights_whose_licence_forbids_it_do_not_ship():
    assert {path.name for path in FOLDER.iterdir()} == {*("card.md", "metrics.json", "recipe.toml", "finetune.toml")}


def metrics_of(**changes):
    figure = {"value": 0.75, "low": 0.5, "high": 1.0}
    values = {
        "warning": None,
        "validated": True,
        "reason": None,
        "grouped_by": "slide",
        "n_folds": 5,
        "n_groups": 1200,
        "positive": "cancer",
        "regularisation": 0.1,
        "methods": {"own": dict.fromkeys(FIGURES, figure)},
        "reliability": [{"low": 0.9, "high": 1.0, "n": 1234, "said": 0.95, "was": 0.9}],
        "left_out": [],
    }
    return values | changes


def card_of(**changes):
    return head_card(metrics_of(**changes), random_head(training={"pictures_sha256": "ab" * 32}))


def test_every_card_says_that_it_is_for_research_and_of_which_data():
    card = card_of()
    assert "not for diagnosis" in card
    assert "ab" * 6 in card
    assert "5 folds grouped by slide" in card
    assert "1,200 groups" in card
    assert "| 0.9 to 1.0 | 1,234 | 0.950 | 0.900 |" in card


def test_a_card_without_figures_gives_the_reason():
    card = card_of(validated=False, reason="one group only")
    assert "Figures: none, one group only." in card
    assert "| probability |" not in card


def test_a_warning_stands_out():
    assert "**Split by file.**" in card_of(warning="Split by file.")
    assert "folds grouped by file" in card_of(grouped_by=None)


def test_figures_without_value_or_interval_are_written_as_such():
    row = dict.fromkeys(FIGURES, {"value": 0.5, "low": None, "high": None})
    row |= {"precision": {"value": None, "low": None, "high": None}}
    table = methods_table({"own": row}).splitlines()[-1]
    assert table.count("| 0.500 ") == len(FIGURES) - 1
    assert table.count("| none ") == 1


def test_the_recipe_of_fine_tuning_is_one():
    recipe = read_recipe(HeadRecipe, FOLDER / "finetune.toml", called="recipe of a head")
    assert (recipe.mode, recipe.finetune.stop_by, recipe.views) == ("finetune", "never", 8)
