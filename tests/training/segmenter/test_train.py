"""Training learns, stops, goes on, and writes what the loader reads."""

import json

import numpy as np
import pytest
import torch

from cellapp.errors import Cancelled, InputError
from cellapp.models.training_curves import FILE
from cellapp.segmentation.flow_unet_io import load_network
from cellapp.settings_io import read_recipe
from cellapp.training.segmenter.recipe import SegmenterRecipe
from cellapp.training.segmenter.train import CHECKPOINT, train_segmenter

pytestmark = pytest.mark.slow

TINY = SegmenterRecipe(widths=(8, 16), steps=40, batch=2, crop_px=48, n_synthetic=2, average=0.5)
SHORT = TINY.model_copy(update={"steps": 24, "n_synthetic": 1})
ONE_STEP = TINY.model_copy(update={"steps": 1, "n_synthetic": 1})


@pytest.fixture(scope="module")
def nothing(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def weights(folder):
    return load_network(folder).state_dict()


def test_the_loss_falls_and_the_network_loads(nothing, tmp_path):
    told = []
    train_segmenter(TINY, nothing, tmp_path, on_step=lambda step, done: told.append((float(step.split()[-1]), done)))
    assert told[-1][0] < told[0][0]
    assert told[-1][1] == 1
    assert load_network(tmp_path).settings == TINY.network


def test_a_stopped_training_ends_where_an_unbroken_one_does(nothing, tmp_path):
    def stop(step, done):
        if done >= 0.5:
            raise Cancelled("enough")

    train_segmenter(SHORT, nothing, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train_segmenter(SHORT, nothing, tmp_path / "broken", checkpoint_s=0, on_step=stop)
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    train_segmenter(SHORT, nothing, tmp_path / "broken")
    whole, broken = (json.loads((tmp_path / name / FILE).read_text()) for name in ("whole", "broken"))
    assert len(whole["epochs"]) == len(broken["epochs"]) == SHORT.steps
    for name in ("loss", "dice", "iou"):
        values = [[row[name] for row in curves["epochs"]] for curves in (whole, broken)]
        np.testing.assert_allclose(*values, atol=0.02)
    whole, broken = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    for name, tensor in whole.items():
        torch.testing.assert_close(broken[name], tensor, rtol=1e-2, atol=1e-3)


def test_nothing_to_learn_from_is_refused(nothing, tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        train_segmenter(TINY.model_copy(update={"n_synthetic": 0}), nothing, tmp_path)


@pytest.fixture(scope="module")
def first(nothing, tmp_path_factory):
    """A network after one step."""
    return train_segmenter(ONE_STEP, nothing, tmp_path_factory.mktemp("first"))


def test_training_sets_out_from_another_network(nothing, first, tmp_path):
    still = ONE_STEP.model_copy(update={"learning_rate": 1e-9, "average": 0.0, "seed": 1})
    train_segmenter(still, nothing, tmp_path, start=first)
    before, after = weights(first), weights(tmp_path)
    for name in (name for name in before if "conv.weight" in name):
        # Folding divides by what normalisation saw, which a step changes a little for each feature.
        turned = torch.nn.functional.cosine_similarity(before[name].flatten(1), after[name].flatten(1))
        assert turned.min() > 0.999


def test_a_network_of_the_foreground_sets_out_from_one_of_flows(nothing, first, tmp_path):
    still = ONE_STEP.model_copy(update={"learning_rate": 1e-9, "average": 0.0, "head": "foreground"})
    train_segmenter(still, nothing, tmp_path, start=first)
    before, after = weights(first), weights(tmp_path)
    rows = after["head.weight"]
    assert 2 * len(rows) == len(before["head.weight"])
    torch.testing.assert_close(rows, before["head.weight"][-len(rows) :], rtol=1e-2, atol=1e-3)
    assert not (tmp_path / "flows").exists()  # which it does not learn from


def test_a_network_of_another_shape_is_no_start(nothing, first, tmp_path):
    with pytest.raises(InputError, match="asks for"):
        train_segmenter(ONE_STEP.model_copy(update={"widths": (4, 8)}), nothing, tmp_path, start=first)


def test_a_recipe_is_read_and_refused(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('block = "separable"\nwidths = [4, 8]\nsteps = 7\n')
    recipe = read_recipe(SegmenterRecipe, path)
    assert (recipe.block, recipe.widths, recipe.steps) == ("separable", (4, 8), 7)
    path.write_text("steps = 0")
    with pytest.raises(InputError, match="steps"):
        read_recipe(SegmenterRecipe, path)
    path.write_text("steps = = 3")
    with pytest.raises(InputError, match="cannot read"):
        read_recipe(SegmenterRecipe, path)
    with pytest.raises(InputError, match="cannot read"):
        read_recipe(SegmenterRecipe, tmp_path / "absent.toml")


def test_shares_name_kinds_that_exist(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("[shares]\nfluorescence = 1.0\nmoonlight = 1.0\n")
    with pytest.raises(InputError, match="shares"):
        read_recipe(SegmenterRecipe, path)
    assert np.isclose(sum(SegmenterRecipe().shares.values()), 1)
