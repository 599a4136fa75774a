"""Networks on disk: ``weights.safetensors`` in float16 and ``config.json`` with their shape and digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from cellapp.errors import ModelError, UnknownModelError, why_unread
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings

WEIGHTS, CONFIG = "weights.safetensors", "config.json"


def save_network(network: FlowNetwork, folder: Path) -> None:
    """Write a network into an existing folder.

    Weights are rounded to float16: the maps change by less than those of overlapping tiles differ.
    """
    state = network.state_dict()
    tensors = {name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in state.items()}
    save_file(tensors, folder / WEIGHTS)
    config = {"network": asdict(network.settings), "sha256": digest_of(folder)}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def load_network(folder: Path) -> FlowNetwork:
    """Read a network that `save_network` wrote, folded for inference, float32.

    Raises
    ------
    ModelError
        As `read_network`.
    """
    return read_network(folder).requires_grad_(False).fold()


def read_network(folder: Path) -> FlowNetwork:
    """Read a network that `save_network` wrote as it was trained, float32.

    Raises
    ------
    ModelError
        When a file is missing or damaged, or the weights are not those the config names.
    """
    settings, expected = _read_config(folder)
    try:
        network, digest = FlowNetwork(settings), digest_of(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refusal(folder, error) from error
    if digest != expected:
        raise ModelError(f"{folder / WEIGHTS} has sha256 {digest} and {CONFIG} names {expected}: restore the file")
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"{folder / WEIGHTS} does not fit the network of {CONFIG}: train it again") from error
    return network


def read_settings(folder: Path) -> NetworkSettings:
    """Read the shape of a network that `save_network` wrote, without its weights.

    Raises
    ------
    ModelError
        When ``config.json`` is missing or damaged.
    """
    return _read_config(folder)[0]


def _read_config(folder: Path) -> tuple[NetworkSettings, str]:
    """Return the shape of a network and the digest of its weights."""
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        shape = config["network"] | {"widths": tuple(config["network"]["widths"])}
        return NetworkSettings(**shape), config["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: Exception) -> ModelError:
    absent = isinstance(error, FileNotFoundError | NotADirectoryError)
    sentence = f"{folder} holds no segmentation network ({why_unread(error)}): fetch or train it again"
    return UnknownModelError(sentence) if absent else ModelError(sentence)


def digest_of(folder: Path) -> str:
    """Return the sha256 of a network's weights, hexadecimal."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
