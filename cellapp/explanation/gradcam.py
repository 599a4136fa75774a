"""HiResCAM as pytorch-grad-cam computes it, by hooks and a backward pass: the only file that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellapp.cells.crop_features import measure_planes
from cellapp.classification.ensemble import Head
from cellapp.compute import torchvision_shim
from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.test_time_views import mean_tokens
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch

METHOD = "hirescam:pytorch-grad-cam"
_BATCH = 16  # crops whose activations and gradients are in memory at once


def hirescam(encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str) -> Explanations:
    """Explain crops by ``pytorch_grad_cam.HiResCAM`` at the final norm; see `cellapp.explanation.methods.explain`.

    The library's clipping of negatives and its scaling of each map to 0..1 are left out, so that maps of different
    cells can be compared. Computed in float32 whatever the encoder's dtype. It serves to check the closed form against
    the published code.

    Parameters
    ----------
    encoder : HubEncoder
    head : LinearHead or EnsembleHead
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`.
    cell_ids : ndarray of shape (N,)
    target : str
        Class to explain.

    Returns
    -------
    Explanations
        ``maps.sum((1, 2)) + rest == logits`` in calibrated logit units.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head does not know the class.
    """
    encoder.require_input(crops, cell_ids)
    weight, bias = head.contrast(target)
    of_tokens, of_measured = np.split(weight, [2 * head.dim])
    logit_and_map = np.zeros((len(crops), 1 + encoder.grid[0] * encoder.grid[1]), np.float32)
    with encoder.lock:
        for start in range(0, len(crops), _BATCH):
            rows = slice(start, start + _BATCH)
            logit_and_map[rows] = mean_tokens(
                lambda views: _by_gradient(encoder, of_tokens, views)[..., None],
                crops[rows],
                head.reads.views,
                n_prefix=1,
                grid=encoder.grid,
            )[..., 0]
    logits, maps = logit_and_map[:, 0] + np.float32(bias), logit_and_map[:, 1:].reshape(-1, *encoder.grid)
    if head.reads.shape and len(crops):
        logits = logits + (measure_planes(crops) @ of_measured).astype(np.float32)
    return Explanations(maps, logits - maps.sum(axis=(1, 2)), logits, cell_ids, target, METHOD)


def _by_gradient(encoder: HubEncoder, weight: np.ndarray, crops: np.ndarray) -> np.ndarray:
    """Return what the tokens add to the logit, then the raw map, of each crop of a batch, (n, 1 + P)."""
    torchvision_shim.install()
    import torch
    from pytorch_grad_cam import HiResCAM

    def to_grid(tokens: torch.Tensor) -> torch.Tensor:
        patches = tokens[:, encoder.n_prefix :]
        return patches.transpose(1, 2).reshape(len(tokens), encoder.dim, *encoder.grid)

    # The weights are frozen: without a gradient at the input no activation would carry one.
    pixels = torch.from_numpy(np.ascontiguousarray(crops, dtype=np.float32)).to(encoder.device).requires_grad_(True)
    cam = HiResCAM(_logit_network(encoder, weight), [encoder.norm], reshape_transform=to_grid)
    try:
        logits = cam.activations_and_grads(pixels)
        logits.sum().backward()
        hooked = cam.activations_and_grads
        maps = cam.get_cam_image(
            pixels, encoder.norm, None, hooked.activations[0].numpy(), hooked.gradients[0].numpy(), eigen_smooth=False
        )
    finally:
        cam.activations_and_grads.release()  # hooks on a shared network must never outlive the call
    return np.concatenate([logits.detach().cpu().numpy()[:, None], maps.reshape(len(crops), -1)], axis=1)


def _logit_network(encoder: HubEncoder, weight: np.ndarray) -> torch.nn.Module:
    """Join encoder and the part of the head that reads tokens into one module that returns a logit, (n,)."""
    import torch

    class LogitNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder.network
            self.weight = torch.tensor(weight, dtype=torch.float32, device=encoder.device)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            tokens = encoder.tokens(pixels)
            return torch.cat([tokens[:, 0], tokens[:, encoder.n_prefix :].mean(dim=1)], dim=1) @ self.weight

    return LogitNetwork()
