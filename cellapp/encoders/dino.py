"""DINO, DINOv2, DINOv3 and supervised ViT encoders in Hugging Face format."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellapp.cells.input_features import measure_input
from cellapp.encoders.channelwise import Channelwise
from cellapp.encoders.hf_folder import (
    CONFIG,
    PREPROCESSOR,
    WEIGHTS,
    read_config,
    read_json,
    read_standardisation,
    write_encoder,
)
from cellapp.encoders.hf_network import blank_network, choose_attention, read_by_library
from cellapp.encoders.views import mean_tokens
from cellapp.errors import InputError, ModelError
from cellapp.settings import FeatureSettings
from cellapp.types.cells import Embeddings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from cellapp.encoders.packed_network import Packing

_BATCH_TOKENS = {"cpu": 2_048, "mps": 16_384, "cuda": 65_536}
"""Tokens at a time: on a CPU few enough for its cache, which is worth a fifth of the time for ViT-S at 224 px."""


class HubEncoder:
    """A frozen vision transformer read from a folder; class and patch tokens are taken after the final norm.

    Parameters
    ----------
    folder : Path
        Holds ``config.json``, ``model.safetensors`` and ``preprocessor_config.json``.
    name, revision : str
        Written as "name@revision" into everything made from its vectors.
    input_px : int, optional
        Side of the square it reads, a multiple of the patch; by default the side it was trained on. Position embeddings
        are interpolated for other sides.
    device, dtype : str
        See `cellapp.compute.devices`; "bfloat16" rounds the operands of products, results are float32 either way.

    Raises
    ------
    ModelError
        When files are missing, of another family or do not fit each other.
    """

    _packing: Packing | None = None

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
        config = read_config(folder)
        self.name, self.revision = name, revision
        self.patch_px = int(config["patch_size"])
        self.input_px = input_px or int(config["image_size"])
        if self.input_px % self.patch_px:
            raise ModelError(f"{name} reads patches of {self.patch_px} px; {self.input_px} is not a multiple of it")
        self.grid = (self.input_px // self.patch_px,) * 2
        self.dim = int(config["hidden_size"])
        self.n_prefix = 1 + int(config.get("num_register_tokens", 0))  # class token, then registers
        self.device, self.dtype = device, dtype
        self.lock = threading.RLock()
        self.network = _load_network(folder, config).to(device)
        choose_attention(self.network, device, dtype)
        self.reads = FeatureSettings()
        self._interpolates = {"interpolate_pos_encoding": True} if config["model_type"] == "vit" else {}
        self.standard = read_standardisation(folder)  # mean and standard deviation of the three planes
        self._mean, self._std = (planes_of(value, device) for value in self.standard)
        self._packing = _packing(self.network, device, dtype, self.standard)

    @property
    def identity(self) -> str:
        """Name and revision, "facebook/dinov2-small@ed25f3a"."""
        return f"{self.name}@{self.revision}"

    @property
    def norm(self) -> nn.Module:
        """The final norm, whose output the class and patch tokens are."""
        return self.network.norm if hasattr(self.network, "norm") else self.network.layernorm

    def reading(self, features: FeatureSettings) -> HubEncoder | Channelwise:
        """Return an encoder with the same network that computes the features of a head with these settings."""
        other = copy(self)
        other.reads = features
        return Channelwise(other, features) if features.channels_as == "each" else other

    def tail(self, n_blocks: int) -> list[nn.Module]:
        """Return the last blocks and the final norm, which fine-tuning trains; all blocks where `n_blocks` is larger.

        No block, and no norm, where `n_blocks` is 0.
        """
        from torch import nn

        depth = self.network.config.num_hidden_layers
        lists = (part for part in self.network.modules() if isinstance(part, nn.ModuleList) and len(part) == depth)
        blocks = list(next(lists))
        return [*blocks[max(depth - n_blocks, 0) :], self.norm] if n_blocks else []

    def write(self, folder: Path) -> None:
        """Write the encoder in Hugging Face format; its network is converted to float16 and of no more use here."""
        write_encoder(self.network, folder, mean=self.standard[0], std=self.standard[1], side_px=self.input_px)

    def write_blank(self, source: Path, folder: Path) -> None:
        """Write an untrained encoder of the architecture of the one in `source`; seed torch first."""
        blank_network(read_json(source / CONFIG)).save_pretrained(folder)
        shutil.copy(source / PREPROCESSOR, folder)

    def tokens(self, crops: torch.Tensor) -> torch.Tensor:
        """Return all tokens after the final norm.

        Parameters
        ----------
        crops : Tensor of shape (N, 3, S, S)
            0 to 1, on the encoder's device.

        Returns
        -------
        Tensor of shape (N, n_prefix + P, D)
            Differentiable in `crops`.
        """
        return self.network((crops - self._mean) / self._std, **self._interpolates).last_hidden_state

    def embed(self, crops: np.ndarray, cell_ids: np.ndarray, *, patches: bool = False) -> Embeddings:
        """Encode crops; see `cellapp.types.protocols.Encoder`.

        Raises
        ------
        InputError
            When the crops do not have the side this encoder reads or their number differs from that of the ids.
        """
        self.require_input(crops, cell_ids)
        n_patches = self.grid[0] * self.grid[1]
        cls, mean = (np.zeros((len(crops), self.dim), np.float32) for _ in range(2))
        patch_tokens = np.zeros((len(crops) if patches else 0, n_patches, self.dim), np.float32)
        batch = max(round(_BATCH_TOKENS[self.device] / (self.n_prefix + n_patches)), 1)
        with self.lock:
            for start in range(0, len(crops), batch):
                rows = slice(start, start + batch)
                tokens = mean_tokens(self._infer, crops[rows], self.reads.views, n_prefix=self.n_prefix, grid=self.grid)
                cls[rows], mean[rows] = tokens[:, 0], tokens[:, self.n_prefix :].mean(axis=1)
                if patches:
                    patch_tokens[rows] = tokens[:, self.n_prefix :]
        measured = measure_input(crops, self.reads)
        embeddings = Embeddings(cls, mean, cell_ids, self.identity, measured=measured, views=self.reads.views)
        return replace(embeddings, patches=patch_tokens, grid=self.grid) if patches else embeddings

    def require_input(self, crops: np.ndarray, cell_ids: np.ndarray) -> None:
        """Raise InputError unless `crops` is (N, 3, S, S) for this encoder with one id per crop."""
        shape = (len(cell_ids), 3, self.input_px, self.input_px)
        if crops.shape != shape:
            raise InputError(f"{self.name} reads crops of shape {shape} for these cells; got {crops.shape}")

    def _infer(self, crops: np.ndarray) -> np.ndarray:
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(crops, dtype=np.float32)).to(self.device)
        packed = self._packing and self._packing.of(self.network)
        if packed is not None:
            with torch.inference_mode():
                return packed(pixels).numpy()
        reduced = self.dtype == "bfloat16"
        autocast = torch.autocast(self.device, torch.bfloat16) if reduced else nullcontext()
        with torch.inference_mode(), autocast:
            return self.tokens(pixels).float().cpu().numpy()


def _packing(
    network: nn.Module, device: str, dtype: str, standard: tuple[tuple[float, ...], tuple[float, ...]]
) -> Packing | None:
    """Return where the packed copy of a network is kept, if there can be one."""
    from cellapp.encoders.dinov2_network import Dinov2Network
    from cellapp.encoders.packed_network import Packing, is_packable

    return Packing(dtype, standard) if isinstance(network, Dinov2Network) and is_packable(device, dtype) else None


def _load_network(folder: Path, config: Mapping[str, Any]) -> nn.Module:
    from safetensors import SafetensorError

    from cellapp.encoders.dinov2_network import Dinov2Network, is_covered  # imports torch

    read = Dinov2Network.read if is_covered(config) else read_by_library
    try:
        network, missing = read(folder, config)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"the encoder in {folder} cannot be loaded ({error}); fetch or copy it again") from error
    absent = [key for key in missing if not key.endswith("mask_token")]
    if absent:
        raise ModelError(f"{folder / WEIGHTS} lacks {len(absent)} tensors its config asks for, first {absent[0]}")
    return network.eval().requires_grad_(False)


def planes_of(values: tuple[float, ...], device: str) -> torch.Tensor:
    """Return one number per plane, (1, 3, 1, 1), which broadcasts over crops."""
    import torch

    return torch.tensor(values, dtype=torch.float32, device=device).view(1, 3, 1, 1)
