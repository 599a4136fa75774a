"""Networks of transformers: the only file that imports it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cellapp.compute import torchvision_shim

if TYPE_CHECKING:
    from torch import nn


def blank_network(config: Mapping[str, Any]) -> nn.Module:
    """Make an untrained network from the content of a ``config.json``; seed torch first."""
    torchvision_shim.install()
    from transformers import AutoConfig, AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # also that of a network being written
    settings = dict(config)
    return AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))


def choose_attention(network: nn.Module, device: str, dtype: str) -> None:
    """Choose attention by matrix products on a CPU in bfloat16, where torch's fused kernel is slower."""
    if (device, dtype) == ("cpu", "bfloat16"):
        network.set_attn_implementation("eager")


def read_by_library(folder: Path, config: Mapping[str, Any]) -> tuple[nn.Module, list[str]]:
    """Read a network as float32, and the names of tensors that its file lacks.

    Parameters
    ----------
    folder : Path
        In Hugging Face format.
    config : mapping
        Content of its ``config.json``.

    Raises
    ------
    OSError, ValueError, RuntimeError, SafetensorError
        When the file is damaged, or tensors have other shapes than the config asks for.
    """
    torchvision_shim.install()
    import torch
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()  # a load takes a second; command line and pages show progress by themselves
    extra = {"add_pooling_layer": False} if config["model_type"] == "vit" else {}
    network, report = AutoModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **extra
    )
    return network, report["missing_keys"]
