"""Recipes are read or refused in one line, and the one that ships is sound."""

import pytest

from cellapp.errors import InputError
from cellapp.settings_io import read_recipe
from cellapp.training.encoder.recipe import Network, PretrainRecipe, Schedule
from tests.paths import ROOT


def test_the_recipe_that_ships_is_read():
    recipe = read_recipe(PretrainRecipe, ROOT / "models" / "cell-vit" / "recipe.toml")
    assert recipe.name == "cell-vit"
    assert not any("mcf" in source.folder for source in recipe.sources)  # its licence does not allow it
    assert {source.split for source in recipe.sources} == {"train"}
    assert len({source.name for source in recipe.sources}) == len(recipe.sources)
    sides = (recipe.views.global_px, recipe.views.local_px, recipe.network.image_size)
    assert all(side % recipe.network.patch_size == 0 for side in sides)


@pytest.mark.parametrize(
    "text", ["steps = = 3", "[schedule]\nsteps = 0", "colour = 3", '[network]\nmodel_type = "vit"']
)
def test_what_does_not_fit_is_said_in_one_line(text, tmp_path):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(InputError) as refused:
        read_recipe(PretrainRecipe, tmp_path / "recipe.toml")
    assert "recipe" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_absent_recipe_is_said(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_recipe(PretrainRecipe, tmp_path / "recipe.toml")


def test_registers_are_left_out_where_the_family_has_none():
    assert "num_register_tokens" not in Network(model_type="dinov2").config
    assert Network(model_type="dinov2").n_prefix == 1
    assert PretrainRecipe().network.n_prefix == 5


def test_a_recipe_survives_its_file(tmp_path):
    recipe = read_recipe(PretrainRecipe, ROOT / "models" / "cell-vit" / "recipe.toml")
    (tmp_path / "recipe.toml").write_text(recipe.toml)
    assert read_recipe(PretrainRecipe, tmp_path / "recipe.toml") == recipe


def test_the_learning_rate_rises_stays_and_falls_while_the_momentum_rises_to_one():
    schedule = Schedule(steps=100, warm_up=10)
    factors = [schedule.learning_rate_at(step) / schedule.learning_rate for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:61] == pytest.approx([1.0] * 52)
    assert sorted(factors[60:], reverse=True) == factors[60:]
    assert factors[-1] < 0.05
    assert schedule.momentum_at(0) == schedule.momentum
    assert schedule.momentum < schedule.momentum_at(90) < schedule.momentum_at(100) == 1


def test_a_longer_run_begins_as_the_shorter_one():
    short, long = Schedule(steps=100), Schedule(steps=200)
    assert all(short.learning_rate_at(step) == long.learning_rate_at(step) for step in range(60))
