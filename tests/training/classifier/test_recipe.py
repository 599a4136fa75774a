"""A recipe is read as it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.settings import CropMode, FeatureSettings
from cellapp.settings_io import read_recipe
from cellapp.training.classifier.recipe import FineTuning, HeadRecipe
from tests.paths import ROOT

RECIPES = st.builds(
    HeadRecipe,
    encoder=st.text(min_size=1, max_size=20),
    features=st.sampled_from(["embedding", "both"]),
    views=st.sampled_from([1, 8]),
    positive=st.none() | st.text(max_size=10),
    crop=st.sampled_from(list(CropMode)),
    crop_px=st.none() | st.integers(8, 1024),
    note=st.text(max_size=30),
)


@settings(max_examples=20, deadline=None)
@given(RECIPES)
def test_what_is_written_is_read(tmp_path_factory, recipe):
    path = tmp_path_factory.getbasetemp() / "recipe.toml"
    path.write_text(recipe.toml, encoding="utf-8")
    assert read_recipe(HeadRecipe, path) == recipe


def test_options_win_over_the_file_and_silence_changes_nothing(tmp_path):
    (tmp_path / "recipe.toml").write_text('encoder = "mine"\nfolds = 3\n')
    recipe = read_recipe(HeadRecipe, tmp_path / "recipe.toml", folds=4, seed=None)
    assert (recipe.encoder, recipe.folds, recipe.seed) == ("mine", 4, 0)


@pytest.mark.parametrize("epochs", [2, None])
def test_options_change_a_part_of_the_recipe(tmp_path, epochs):
    written = HeadRecipe(mode="finetune", finetune=FineTuning(epochs=7, blocks=1, clip=0))
    (tmp_path / "recipe.toml").write_text(written.toml)
    recipe = read_recipe(HeadRecipe, tmp_path / "recipe.toml", finetune={"epochs": epochs})
    assert recipe.finetune == written.finetune.model_copy(update={"epochs": epochs or 7})


def test_a_head_from_pictures_is_fitted_to_each_crop():
    assert HeadRecipe(features="both").reads == FeatureSettings(fit_to="crop", views=8, shape=True)


def test_what_does_not_fit_is_refused(tmp_path):
    with pytest.raises(InputError, match="recipe of a head, views: .*; got 3"):
        read_recipe(HeadRecipe, None, called="recipe of a head", views=3)
    (tmp_path / "recipe.toml").write_text("colour = 1\n")
    with pytest.raises(InputError, match="colour: "):
        read_recipe(HeadRecipe, tmp_path / "recipe.toml")
    with pytest.raises(InputError, match="cannot read the recipe"):
        read_recipe(HeadRecipe, tmp_path / "nowhere.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("*/recipe.toml")), ids=lambda path: path.parent.name)
def test_the_recipes_of_heads_in_the_repository_can_be_read(path):
    if "group_column" in path.read_text(encoding="utf-8"):
        assert read_recipe(HeadRecipe, path).group_column == "acquisition"
