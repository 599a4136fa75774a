"""HiResCAM through pytorch-grad-cam: the only file that imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from cellapp import torch_guard
from cellapp.classification.head import LinearHead
from cellapp.encoders.dino import HubEncoder
from cellapp.types import Explanations

if TYPE_CHECKING:
    import torch

Layer = Literal["final", "last_block"]
_BATCH = 16


def explain(
    encoder: HubEncoder,
    head: LinearHead,
    crops: np.ndarray,
    cell_ids: np.ndarray,
    target: str | None = None,
    *,
    layer: Layer = "final",
) -> Explanations:
    """Explain one class of each crop by HiResCAM (Draelos and Carin 2020, arXiv:2011.08891).

    The maps are raw and signed: the library's clipping of negatives and its scaling of each map to 0..1 are left out,
    so that maps of different cells can be compared. They are computed in float32 whatever the encoder's dtype.

    Parameters
    ----------
    encoder : HubEncoder
        Gives the token grid, its number of prefix tokens included.
    head : LinearHead
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.prepare.encoder_input`.
    cell_ids : ndarray of shape (N,)
    target : str, optional
        Class to explain; the head's positive class when left out.
    layer : str
        "final", the final norm: equals `cellapp.explanation.attribution.attribute`, and a map's sum is exactly the
        patches' share of the logit. "last_block", the input of the last block: sees what attention moves between
        patches there, but the sum is only a first-order account.

    Returns
    -------
    Explanations
        Calibrated logit units, see `LinearHead.contrast`; `rest` is the logit minus the sum of the map.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head is for another encoder or does not know the class.
    """
    head.check_encoder(encoder)
    encoder.require_input(crops, cell_ids)
    target = target or head.positive
    weight, bias = head.contrast(target)
    maps = np.zeros((len(crops), *encoder.grid), np.float32)
    logits = np.zeros(len(crops), np.float32)
    with encoder.lock:
        for start in range(0, len(crops), _BATCH):
            rows = slice(start, start + _BATCH)
            maps[rows], logits[rows] = _hirescam(encoder, (weight, bias), crops[rows], layer)
    rest = logits - maps.sum(axis=(1, 2))
    return Explanations(maps, rest, logits, cell_ids, target, f"hirescam:{layer}")


def _hirescam(
    encoder: HubEncoder, contrast: tuple[np.ndarray, float], crops: np.ndarray, layer: Layer
) -> tuple[np.ndarray, np.ndarray]:
    """Raw maps (n, h, w) and logits (n,) of one batch."""
    torch_guard.install()
    import torch
    from pytorch_grad_cam import HiResCAM

    def to_grid(tokens: torch.Tensor) -> torch.Tensor:
        patches = tokens[:, encoder.n_prefix :]
        return patches.transpose(1, 2).reshape(len(tokens), encoder.dim, *encoder.grid)

    layers = [encoder.norm if layer == "final" else encoder.before_last_block]
    # The weights are frozen: without a gradient at the input no activation would carry one.
    pixels = torch.from_numpy(np.ascontiguousarray(crops, dtype=np.float32)).to(encoder.device).requires_grad_(True)
    cam = HiResCAM(_logit_network(encoder, contrast), layers, reshape_transform=to_grid)
    try:
        logits = cam.activations_and_grads(pixels)
        logits.sum().backward()
        kept = cam.activations_and_grads
        maps = cam.get_cam_image(
            pixels, layers[0], None, kept.activations[0].numpy(), kept.gradients[0].numpy(), eigen_smooth=False
        )
        return maps, logits.detach().cpu().numpy()
    finally:
        cam.activations_and_grads.release()  # hooks on a shared network must never outlive the call


def _logit_network(encoder: HubEncoder, contrast: tuple[np.ndarray, float]) -> torch.nn.Module:
    """Join encoder and head into one module that returns the logit of the target, (n,)."""
    import torch

    class LogitNetwork(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = encoder.network
            self.weight = torch.tensor(contrast[0], dtype=torch.float32, device=encoder.device)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            tokens = encoder.tokens(pixels)
            features = torch.cat([tokens[:, 0], tokens[:, encoder.n_prefix :].mean(dim=1)], dim=1)
            return features @ self.weight + contrast[1]

    return LogitNetwork()
