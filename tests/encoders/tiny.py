"""Encoders of a few thousand weights, one per family, written to disk in Hugging Face format."""

import json
from pathlib import Path

import torch

from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.hf_network import blank_network
from cellapp.encoders.timm_folder import write_untrained

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 32, "patch_size": 8}
FAMILIES = {
    "dinov2": SMALL | {"mlp_ratio": 2},
    "dinov2_with_registers": SMALL | {"mlp_ratio": 2, "num_register_tokens": 3},
    "dinov3_vit": SMALL | {"intermediate_size": 32, "num_register_tokens": 4},
    "vit": SMALL | {"intermediate_size": 32},
}


def write_encoder(folder: Path, family: str = "dinov2_with_registers", *, seed: int = 0, **config) -> Path:
    """Write a random encoder, of the family changed by `config`; its weights are large, so that tokens differ."""
    torch.manual_seed(seed)
    network = blank_network(FAMILIES[family] | {"model_type": family} | config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    network.save_pretrained(folder)
    standard = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7]}
    (folder / "preprocessor_config.json").write_text(json.dumps(standard))
    return folder


def write_convolutional(folder: Path, architecture: str = "test_resnet", *, seed: int = 0) -> Path:
    """Write a random network of timm that reads squares of 64 px."""
    return write_untrained(folder, architecture, side_px=64, seed=seed)


def tiny_encoder(folder: Path, family: str = "dinov2_with_registers", **options) -> HubEncoder:
    return HubEncoder(write_encoder(folder, family), name=f"tiny-{family}", revision="1", **options)
