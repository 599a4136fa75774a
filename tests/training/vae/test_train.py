"""An autoencoder learns what differs between cells, from pictures alone, and an interruption changes nothing."""

import numpy as np
import pytest
import torch

from cellapp.errors import Cancelled, InputError
from cellapp.training.vae.network import Vae
from cellapp.training.vae.pictures import WALK, latent_walks, reconstructions
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.training.vae.train import held_out_rows, train_vae
from cellapp.training.vae.write import write_vae

RECIPE = VaeRecipe(latent=4, epochs=12, side_px=16, width=8, batch=32, learning_rate=3e-3)


def discs(n=160, seed=0):
    """Draw discs of different radius and brightness, (N, 1, 16, 16) uint8."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:16, :16] - 7.5
    radius, level = generator.uniform(2, 7, (n, 1, 1)), generator.uniform(80, 255, (n, 1, 1))
    return ((np.hypot(y, x) < radius) * level).astype(np.uint8)[:, None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train_vae(discs(), RECIPE, tmp_path_factory.mktemp("vae"), groups=["one"] * 160)


def test_it_beats_the_mean_picture_and_encodes_the_same_each_time(trained):
    assert trained.held_out_error < 0.5 * trained.mean_image_error
    crops = discs(seed=1)
    latent = trained.encode(crops)
    assert latent.shape == (160, 4)
    np.testing.assert_array_equal(latent, trained.encode(crops))
    np.testing.assert_array_equal(latent[:5], trained.encode(crops[:5]))


def test_the_weight_of_the_divergence_rises_and_stays(trained):
    betas = [point["beta"] for point in trained.curves]
    assert betas[0] < betas[1] < 1
    assert betas[4:] == [1.0] * 8


def test_after_an_interruption_the_weights_are_the_same(trained, tmp_path):
    def stop(step, part):
        if part > 0.4:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        train_vae(discs(), RECIPE, tmp_path, groups=["one"] * 160, on_step=stop)
    again = train_vae(discs(), RECIPE, tmp_path, groups=["one"] * 160)
    assert again.curves == trained.curves
    for name, tensor in trained.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], tensor, rtol=0, atol=0)
    with pytest.raises(InputError, match="other crops or another recipe"):
        train_vae(discs(seed=2), RECIPE, tmp_path, groups=["one"] * 160)


def test_conditions_reach_the_decoder_only():
    torch.manual_seed(0)
    network = Vae(RECIPE, 1, conditions=2).eval()
    latent = torch.zeros(1, 4)
    first, second = (network.decode(latent, torch.tensor([code])) for code in (0, 1))
    assert not torch.allclose(first, second)
    crops = torch.rand(3, 1, 16, 16)
    before = network.encode(crops)[0]
    with torch.no_grad():
        network.conditions.weight += 1
    torch.testing.assert_close(network.encode(crops)[0], before, rtol=0, atol=0)


def test_the_divergence_is_that_of_two_normal_distributions():
    torch.manual_seed(0)
    network, crops = Vae(RECIPE, 1).eval(), torch.rand(5, 1, 16, 16)
    mean, log_variance = network.encode(crops)
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, torch.exp(log_variance / 2)), normal(0.0, 1.0))
    divergence = network.losses(crops, None, torch.zeros(5, 4))[1]
    torch.testing.assert_close(divergence, expected.sum() / 5)


def test_whole_images_are_held_out():
    groups = np.repeat([f"image {i}" for i in range(10)], 7)
    rows = held_out_rows(groups, RECIPE)
    assert 0 < rows.sum() < len(rows)
    for name in set(groups):
        assert len(set(rows[groups == name])) == 1


@pytest.mark.parametrize(
    ("crops", "said"), [(discs(19), "at least 20 cells"), (discs()[:, :, ::2, ::2], "recipe reads 16 px")]
)
def test_what_cannot_be_learned_from_is_refused(crops, said, tmp_path):
    with pytest.raises(InputError, match=said):
        train_vae(crops, RECIPE, tmp_path, groups=["one"] * len(crops))


def test_pictures_and_files(trained, tmp_path):
    crops = discs(30, seed=3)
    shown = reconstructions(trained, crops[:5])
    assert shown.shape == (32, 80, 3)
    np.testing.assert_array_equal(shown[:16, :16, 0], crops[0, 0])
    walks, numbers = latent_walks(trained, crops, most=2)
    assert walks.shape == (32, 16 * len(WALK), 3)
    assert len(set(numbers)) == 2
    card = write_vae(trained, crops, tmp_path)
    assert card["held_out_error"] < card["mean_image_error"]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"vae.safetensors", "vae.json", "curves.csv", "reconstructions.png", "walks.png"}
