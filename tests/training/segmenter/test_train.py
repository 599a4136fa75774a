"""Training learns, stops, goes on, and writes what the loader reads."""

import numpy as np
import pytest

from cellapp.compute import torchvision_shim
from cellapp.errors import Cancelled, InputError

torchvision_shim.install()
torch = pytest.importorskip("torch")

from cellapp.segmentation.flow_unet_io import load_network  # noqa: E402
from cellapp.settings_io import read_recipe  # noqa: E402
from cellapp.training.segmenter.recipe import SegmenterRecipe  # noqa: E402
from cellapp.training.segmenter.train import CHECKPOINT, FLOW_GAIN, flow_loss, train_segmenter  # noqa: E402  # noqa: E402

pytestmark = pytest.mark.slow

TINY = SegmenterRecipe(widths=(8, 16), steps=40, batch=2, crop_px=48, n_synthetic=2, average=0.5)
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

    train_segmenter(TINY, nothing, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train_segmenter(TINY, nothing, tmp_path / "broken", checkpoint_s=0, on_step=stop)
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    train_segmenter(TINY, nothing, tmp_path / "broken")
    whole, broken = weights(tmp_path / "whole"), weights(tmp_path / "broken")
    for name, tensor in whole.items():
        torch.testing.assert_close(broken[name], tensor, rtol=1e-2, atol=1e-3)


def test_nothing_to_learn_from_is_refused(nothing, tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        train_segmenter(TINY.model_copy(update={"n_synthetic": 0}), nothing, tmp_path)


def test_the_right_answer_costs_least():
    targets = torch.zeros((1, 5, 8, 8))
    targets[0, 4] = 1.0
    targets[0, 0, 2:6, 2:6] = 1.0
    targets[0, 2, 2:6, 2:6] = 1.0
    right = targets[:, :4].clone()
    right[:, :2] *= FLOW_GAIN
    right[:, 2] = torch.where(targets[:, 2] > 0, 20.0, -20.0)
    assert float(flow_loss(right, targets)) < 1e-4
    for channel in range(4):
        wrong = right.clone()
        wrong[:, channel] = -wrong[:, channel] if channel == 2 else wrong[:, channel] + 1
        assert float(flow_loss(wrong, targets)) > 0.1


def test_the_size_counts_only_where_there_are_cells():
    empty = torch.zeros((1, 5, 8, 8))
    empty[0, 4] = 1.0
    answer = torch.stack([torch.zeros(8, 8), torch.zeros(8, 8), torch.full((8, 8), -20.0), torch.full((8, 8), 3.0)])
    assert float(flow_loss(answer[None], empty)) == pytest.approx(0, abs=1e-6)


def test_errors_count_by_the_weight_of_their_pixels():
    """Twice the weight on the wrong half costs more, and none at all costs nothing."""
    targets, maps = torch.zeros((1, 5, 8, 8)), torch.zeros((1, 4, 8, 8))
    maps[:, 2, :, :4], maps[:, 2, :, 4:] = 20.0, -20.0
    losses = []
    for weight in (0.0, 1.0, 2.0):
        targets[:, 4], targets[:, 4, :, :4] = 1.0, weight
        losses.append(float(flow_loss(maps, targets)))
    assert losses[0] == pytest.approx(0, abs=1e-6)
    assert losses[0] < losses[1] < losses[2]


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
