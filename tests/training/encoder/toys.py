"""A recipe that trains in seconds and cells of two kinds that anybody could tell apart."""

import numpy as np

from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.recipe import Network, Objective, PretrainRecipe, Schedule, Views

NETWORK = Network(
    hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=2, image_size=32, num_register_tokens=1
)
TINY = PretrainRecipe(
    network=NETWORK,
    views=Views(n_local=2, global_px=24, local_px=16),
    objective=Objective(prototypes=8),
    schedule=Schedule(steps=4, batch=4, warm_up=1, curve_every=2),
    held_out=0.3,
)


def toy_cells(n=24, side=40, seed=0):
    """Half of the cells are striped discs, half are plain rings; every fourth is of one image."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side / 2
    inside = np.hypot(y, x) < side / 3
    striped, ring = inside * (np.sin(x) > 0), inside * (np.hypot(y, x) > side / 5)
    pixels = np.zeros((n, 4, side, side), np.uint8)
    for row, cell in enumerate(pixels):
        cell[:3] = (ring if row % 2 else striped) * rng.integers(80, 250, (3, 1, 1))
        cell[3] = 255 * inside
    labels = np.where(np.arange(n) % 2, "ring", "striped")
    return CropSet(pixels, labels, np.array([f"image {row // 4}" for row in range(n)]), np.full(n, "toy"))
