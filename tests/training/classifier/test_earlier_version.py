"""A head of version 0.1.0 predicts as it did then, and its recipe gives it again.

`tests/data/version_0_1_0.zip` holds the head, the pictures it was trained on and its calls on those of one class.
"""

import json
import re
import zipfile

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.head_io import load_head, save_head
from cellapp.cli import main
from cellapp.settings_io import read_recipe
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.train import train_head
from tests.paths import ROOT

pytestmark = pytest.mark.slow

_NUMBER = re.compile(r"\d+\.\d+")
PROBABILITIES = ["p_cancer", "p_normal"]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("version_0_1_0")
    with zipfile.ZipFile(ROOT / "tests" / "data" / "version_0_1_0.zip") as bundle:
        bundle.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def head_folder(earlier):
    return earlier / "home" / "heads" / "sizes"


@pytest.fixture(scope="module")
def again(earlier, head_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("again") / "sizes"
    train_head(earlier / "labelled", out, read_recipe(HeadRecipe, head_folder / "recipe.toml"))
    return out


def predict(earlier, head, out):
    assert main(["predict", str(earlier / "labelled" / "cancer"), "--head", str(head), "--out", str(out)]) == 0
    return pd.read_csv(out)


def assert_same_calls(calls, expected, atol):
    assert [name for name in calls.columns if name != "set"] == list(expected.columns)  # new heads know their limits
    same = ["file", "label", "unsure", "unlike_training"]
    pd.testing.assert_frame_equal(calls[same], expected[same])
    np.testing.assert_allclose(calls[PROBABILITIES], expected[PROBABILITIES], atol=atol)


def assert_nearly(after, before):
    """The same figures to the last of their four digits: encoders round otherwise since then."""
    if isinstance(before, dict):
        for name, value in before.items():
            assert_nearly(after[name], value)
    elif isinstance(before, list):
        assert len(after) == len(before)
        for one, other in zip(after, before, strict=True):
            assert_nearly(one, other)
    else:
        assert after == (pytest.approx(before, abs=2e-4) if isinstance(before, float) else before)


def test_the_head_predicts_as_it_did(earlier, head_folder, tmp_path):
    calls = predict(earlier, head_folder, tmp_path / "calls.csv")
    assert_same_calls(calls, pd.read_csv(earlier / "calls.csv"), atol=1e-6)


def test_training_from_its_recipe_gives_the_same_calls(earlier, again, tmp_path):
    calls = predict(earlier, again, tmp_path / "calls.csv")
    assert_same_calls(calls, pd.read_csv(earlier / "calls.csv"), atol=1e-5)


def test_training_from_its_recipe_gives_the_same_held_out_calls(head_folder, again):
    before, after = (pd.read_csv(folder / "folds.csv") for folder in (head_folder, again))
    assert list(after.columns) == list(before.columns)
    same = ["file", "sha256", "group", "fold", "truth"]
    pd.testing.assert_frame_equal(after[same], before[same])
    np.testing.assert_allclose(after[PROBABILITIES], before[PROBABILITIES], atol=1e-5)


def test_training_from_its_recipe_gives_the_same_figures_card_and_recipe(head_folder, again):
    before, after = (json.loads((folder / "metrics.json").read_text()) for folder in (head_folder, again))
    assert before.keys() <= after.keys()
    for varying in ("head", "seconds"):
        del before[varying]
    assert_nearly(after, before)
    assert (again / "recipe.toml").read_text() == (head_folder / "recipe.toml").read_text()
    cards = [_NUMBER.split((folder / "card.md").read_text()) for folder in (again, head_folder)]
    assert cards[0] == cards[1]


def test_the_description_has_the_same_keys_and_values(head_folder, again):
    before, after = (json.loads((folder / "head.json").read_text()) for folder in (head_folder, again))
    assert [name for name in after if name != "conformal"] == list(before)
    assert after["training"] == before["training"]
    assert_nearly(after["metrics"], before["metrics"])
    assert after["temperature"] == pytest.approx(before["temperature"], abs=1e-4)
    assert after["cloud"]["limit"] == pytest.approx(before["cloud"]["limit"], rel=1e-4)


def test_weights_are_the_same(head_folder, again):
    before, after = load_head(head_folder), load_head(again)
    for name in ("weight", "bias", "mean", "std"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), atol=1e-5)


def test_novelty_is_the_same_whatever_the_signs_of_its_axes(head_folder, again):
    before, after = load_head(head_folder), load_head(again)
    cells = np.random.default_rng(0).normal(size=(20, before.weight.shape[1]))
    np.testing.assert_allclose(after.novelty.distance(cells), before.novelty.distance(cells), rtol=1e-4)


def test_saving_a_loaded_head_keeps_its_version(head_folder, tmp_path):
    head = load_head(head_folder)
    assert save_head(head, tmp_path / "sizes").identity == head.identity == "sizes@6023b94a3497"
