"""The vision transformer of DINOv2 (Oquab et al. 2023), with and without registers (Darcet et al. 2023).

It has the names of the published weights and computes what transformers does, whose import takes several times as long
as reading and running a small encoder. Everything else, and every other family, is left to transformers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from cellapp.encoders.hf_folder import CONFIG, WEIGHTS

FAMILIES = ("dinov2", "dinov2_with_registers")


def is_covered(config: Mapping[str, Any]) -> bool:
    """Return whether `Dinov2Network` computes what the content of a ``config.json`` asks for."""
    plain = {
        "hidden_act": "gelu",
        "use_swiglu_ffn": False,
        "apply_layernorm": True,
        "num_channels": 3,
        "qkv_bias": True,
    }
    at_rest = ("drop_path_rate", "hidden_dropout_prob", "attention_probs_dropout_prob")
    return (
        config.get("model_type") in FAMILIES
        and all(config.get(key, value) == value for key, value in plain.items())
        and not any(config.get(key) for key in at_rest)
    )


class Dinov2Network(nn.Module):
    """Class, register and patch tokens after the final norm.

    Parameters
    ----------
    config : mapping
        Content of ``config.json``; see `is_covered`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = _Config(config)
        width, eps = config["hidden_size"], config.get("layer_norm_eps", 1e-6)
        self.embeddings = _Embeddings(config)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(_Block(self.config) for _ in range(config["num_hidden_layers"]))
        self.layernorm = nn.LayerNorm(width, eps=eps)

    def forward(self, pixels: torch.Tensor, bool_masked_pos: torch.Tensor | None = None) -> SimpleNamespace:
        """Compute tokens.

        Parameters
        ----------
        pixels : Tensor of shape (N, 3, Y, X)
            Standardised; sides that are multiples of the patch.
        bool_masked_pos : Tensor of shape (N, P), bool, optional
            Patches in whose place the mask token is read.

        Returns
        -------
        SimpleNamespace
            ``last_hidden_state``, (N, 1 + registers + P, D).
        """
        tokens = self.embeddings(pixels, bool_masked_pos)
        for block in self.encoder.layer:
            tokens = block(tokens)
        return SimpleNamespace(last_hidden_state=self.layernorm(tokens))

    def set_attn_implementation(self, name: str) -> None:
        """Choose how attention is computed: "sdpa" by torch's fused kernel, "eager" by matrix products."""
        self.config._attn_implementation = name

    def save_pretrained(self, folder: Path) -> None:
        """Write ``config.json`` and ``model.safetensors`` as transformers reads them."""
        folder.mkdir(parents=True, exist_ok=True)
        settings = self.config.to_dict() | {"dtype": str(self.layernorm.weight.dtype).removeprefix("torch.")}
        (folder / CONFIG).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any]) -> tuple[Dinov2Network, list[str]]:
        """Read a network as float32, and the names of tensors that its file lacks.

        Raises
        ------
        OSError, RuntimeError, SafetensorError
            When the file is damaged, or tensors have other shapes than the config asks for.
        """
        network, prefix = cls(config), f"{config['model_type']}."
        tensors = {name.removeprefix(prefix): value.float() for name, value in load_file(folder / WEIGHTS).items()}
        return network, network.load_state_dict(tensors, strict=False).missing_keys


class _Config:
    """What the rest of the program asks of a network's config."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._content = dict(content)
        self.num_hidden_layers, self.num_heads = content["num_hidden_layers"], content["num_attention_heads"]
        self.width, self.eps = content["hidden_size"], content.get("layer_norm_eps", 1e-6)
        self.inner_width = int(self.width * content.get("mlp_ratio", 4))
        self.layer_scale = content.get("layerscale_value", 1.0)
        self._attn_implementation = "sdpa"

    def to_dict(self) -> dict[str, Any]:
        return copy(self._content)


class _Embeddings(nn.Module):
    """Patches, the class token and registers, with their places."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        width, self.patch_px = config["hidden_size"], config["patch_size"]
        n_places = (config["image_size"] // self.patch_px) ** 2 + 1
        n_registers = config.get("num_register_tokens", 0) if config["model_type"] != "dinov2" else 0
        self.antialias = config["model_type"] != "dinov2"  # as either was published
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, n_places, width))
        if n_registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, n_registers, width))
        self.patch_embeddings = nn.Module()
        self.patch_embeddings.projection = nn.Conv2d(3, width, self.patch_px, self.patch_px)

    def forward(self, pixels: torch.Tensor, masked: torch.Tensor | None) -> torch.Tensor:
        grid = self.patch_embeddings.projection(pixels.to(self.cls_token.dtype))
        patches = grid.flatten(2).transpose(1, 2)
        if masked is not None:
            patches = torch.where(masked[..., None], self.mask_token.to(patches.dtype)[None], patches)
        return self.with_prefix(patches, grid.shape[2:])

    def with_prefix(self, patches: torch.Tensor, grid: torch.Size | tuple[int, int]) -> torch.Tensor:
        """Add places to embedded patches, (N, P, D), and put class token and registers before them."""
        tokens = torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], dim=1) + self._places(grid)
        if not hasattr(self, "register_tokens"):
            return tokens
        return torch.cat([tokens[:, :1], self.register_tokens.expand(len(tokens), -1, -1), tokens[:, 1:]], dim=1)

    def _places(self, grid: torch.Size | tuple[int, int]) -> torch.Tensor:
        """Return position embeddings of a grid, interpolated where it is not the one of the training, (1, 1 + P, D)."""
        learnt = self.position_embeddings
        side = round((learnt.shape[1] - 1) ** 0.5)
        if tuple(grid) == (side, side):
            return learnt
        picture = learnt[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2).float()
        resized = F.interpolate(picture, size=tuple(grid), mode="bicubic", antialias=self.antialias).to(learnt.dtype)
        return torch.cat([learnt[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)


class _Block(nn.Module):
    def __init__(self, config: _Config) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(config.width, eps=config.eps) for _ in range(2))
        self.attention = nn.Module()
        self.attention.attention = _Attention(config)
        self.attention.output = nn.Module()
        self.attention.output.dense = nn.Linear(config.width, config.width)
        self.layer_scale1, self.layer_scale2 = _Scale(config), _Scale(config)
        self.mlp = _Mlp(config)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mixed, _weights = self.attention.attention(self.norm1(tokens))
        tokens = self.layer_scale1(self.attention.output.dense(mixed)) + tokens
        return self.layer_scale2(self.mlp(self.norm2(tokens))) + tokens


class _Attention(nn.Module):
    """Self-attention; gives its matrix, (N, heads, T, T), beside the mixed values where that is computed at all."""

    def __init__(self, config: _Config) -> None:
        super().__init__()
        self.config = config
        self.query, self.key, self.value = (nn.Linear(config.width, config.width) for _ in range(3))

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        split = (*tokens.shape[:2], self.config.num_heads, -1)
        query, key, value = (part(tokens).view(split).transpose(1, 2) for part in (self.query, self.key, self.value))
        if self.config._attn_implementation == "eager":
            weights = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(dim=-1)
            mixed = weights @ value
        else:
            weights, mixed = None, F.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(1, 2).reshape(tokens.shape), weights


class _Mlp(nn.Module):
    def __init__(self, config: _Config) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(config.width, config.inner_width), nn.Linear(config.inner_width, config.width)
        self.activation = nn.GELU()

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.activation(self.fc1(tokens)))


class _Scale(nn.Module):
    def __init__(self, config: _Config) -> None:
        super().__init__()
        self.lambda1 = nn.Parameter(config.layer_scale * torch.ones(config.width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens * self.lambda1
