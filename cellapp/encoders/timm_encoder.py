"""Convolutional networks and transformers of timm behind the same protocol as those of Hugging Face."""

from __future__ import annotations

import threading
from pathlib import Path

import torch
from torch import nn

from cellapp.encoders.dino import HubEncoder, planes_of
from cellapp.encoders.timm_folder import load_weights, make_network, parts_of, read_timm_config, write_timm
from cellapp.settings import FeatureSettings


class TimmEncoder(HubEncoder):
    """A frozen network of timm; of a convolutional one each place of the last map of features is a patch.

    A network without a class token gives the largest value of each feature over all places in its stead, so that a head
    reads maximum and mean. Behaves as `HubEncoder` otherwise.

    Parameters
    ----------
    folder : Path
        Holds timm's ``config.json`` ("architecture", and of "pretrained_cfg" mean, std and input_size) and
        ``model.safetensors``.
    name, revision, device, dtype
        See `HubEncoder`.
    input_px : int, optional
        Side of the square it reads; by default the side it was trained on.

    Raises
    ------
    ModelError
        When files are missing, do not fit each other, or timm is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        revision: str,
        input_px: int | None = None,
        device: str = "cpu",
        dtype: str = "float32",
    ) -> None:
        self._config, trained = read_timm_config(folder)
        self.name, self.revision, self.device, self.dtype = name, revision, device, dtype
        self.input_px = input_px or trained["input_size"][-1]
        self.network = _Tokens(make_network(self._config, self.input_px)).eval().requires_grad_(False)
        load_weights(self.network.backbone, folder)
        self.network.to(device)
        self.standard = tuple(map(float, trained["mean"])), tuple(map(float, trained["std"]))
        self._mean, self._std = (planes_of(value, device) for value in self.standard)
        self.n_prefix = self.network.n_prefix
        with torch.inference_mode():
            shape = self.network(torch.zeros(1, 3, self.input_px, self.input_px, device=device)).shape
        side = round((shape[1] - self.n_prefix) ** 0.5)
        self.grid, self.dim = (side, side), int(shape[2])
        self.lock, self.reads = threading.RLock(), FeatureSettings()

    @property
    def norm(self) -> nn.Module:
        """The last module, whose output the tokens are."""
        return self.network.norm

    @property
    def convolutional(self) -> bool:
        """Whether it has no tokens of its own."""
        return not getattr(self.network.backbone, "num_prefix_tokens", 0)

    def tail(self, n_blocks: int) -> list[nn.Module]:
        """Return the last parts that hold weights, which fine-tuning trains: blocks, stages or single layers."""
        parts = [part for part in parts_of(self.network.backbone) if next(part.parameters(), None) is not None]
        return parts[max(len(parts) - n_blocks - (not self.convolutional), 0) :] if n_blocks else []

    def write(self, folder: Path) -> None:
        """Write the encoder in timm's format, matrices as float16."""
        write_timm(self.network.backbone, self._config, folder, side_px=self.input_px)

    def write_blank(self, source: Path, folder: Path) -> None:
        """Write an untrained encoder of the same architecture; seed torch first."""
        write_timm(make_network(self._config, self.input_px), self._config, folder, side_px=self.input_px)

    def tokens(self, crops: torch.Tensor) -> torch.Tensor:
        """Return all tokens, see `HubEncoder.tokens`."""
        return self.network((crops - self._mean) / self._std)


class _Tokens(nn.Module):
    """A network of timm that gives tokens, (N, n_prefix + P, D), whatever it is."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone, self.norm = backbone, nn.Identity()
        self.n_prefix = getattr(backbone, "num_prefix_tokens", 0) or 1

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.backbone.forward_features(pixels)
        if features.ndim == 4:
            largest, places = features.amax(dim=(2, 3)), features.flatten(2).transpose(1, 2)
            features = torch.cat([largest[:, None], places], dim=1)
        return self.norm(features)
