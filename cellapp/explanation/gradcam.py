"""The family of Grad-CAM by pytorch-grad-cam: the only file that imports it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.compute import torchvision_shim
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.token_logit import TokenLogit, explain_tokens, graph_from, layer_of, to_channels, to_grid
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch

LIBRARY = "pytorch-grad-cam"
UNSIGNED = ("EigenCAM",)
"""Classes that read activations only: their maps have neither sign nor unit."""


class LibraryMethod:
    """A class of pytorch-grad-cam at a layer, see `cellapp.explanation.methods.Method`.

    The library's clipping of negatives and its scaling of each map to 0..1 are left out, so that maps of different
    cells can be compared; tokens before the patches (class token, registers) are no places and are left out. Its hooks
    are, too: activations and gradients come from a graph that starts at the layer. A map of `UNSIGNED` gets sign and
    sum of absolute values from HiResCAM at the same layer.

    Parameters
    ----------
    kind : str
        Name of the class, "GradCAM".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(
        self,
        encoder: HubEncoder,
        head: Head,
        crops: np.ndarray,
        cell_ids: np.ndarray,
        target: str,
        layer: int | None = None,
    ) -> Explanations:
        """Explain the class `target` of `crops` at a layer, the final norm when left out."""
        maps_of = partial(_maps, kind=self.kind)
        asked = (encoder, head, crops, cell_ids, target)
        return explain_tokens(*asked, maps_of=maps_of, method=f"{self.kind.lower()}:{LIBRARY}", layer=layer)


def _maps(
    logit: TokenLogit, pixels: torch.Tensor, layer: int | None, *, kind: str
) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    encoder = logit.encoder
    with graph_from(layer_of(encoder, layer or 0)) as outputs:
        logits = logit(pixels)
    (gradients,) = torch.autograd.grad(logits.sum(), outputs[0])
    shown = [to_channels(part.detach(), encoder).float().cpu().numpy() for part in (outputs[0], gradients)]
    maps = _by_library(encoder, kind, *shown)
    if kind in UNSIGNED:
        maps = _signed_like(maps, _by_library(encoder, "HiResCAM", *shown))
    return logits, to_grid(torch.from_numpy(np.ascontiguousarray(maps, np.float32)), encoder)


def _by_library(encoder: HubEncoder, kind: str, activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Return raw maps, (N, h, w), of activations and gradients (N, D, h, w)."""
    torchvision_shim.install()
    import pytorch_grad_cam
    from pytorch_grad_cam.grad_cam_elementwise import GradCAMElementWise

    chosen = getattr(pytorch_grad_cam, kind, GradCAMElementWise)
    return chosen(encoder.network, []).get_cam_image(None, None, None, activations, gradients, False)


def _signed_like(maps: np.ndarray, signed: np.ndarray) -> np.ndarray:
    """Give maps, (N, h, w), the sign and the sum of absolute values of others."""
    axes = (1, 2)
    sizes = np.abs(signed).sum(axes, keepdims=True) / np.maximum(np.abs(maps).sum(axes, keepdims=True), 1e-12)
    centred = maps - maps.mean(axes, keepdims=True)
    return maps * sizes * np.where((centred * signed).sum(axes, keepdims=True) < 0, -1, 1)
