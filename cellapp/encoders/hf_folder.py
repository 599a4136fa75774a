"""Files of an encoder folder in Hugging Face format, read and written without loading a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cellapp.errors import ModelError, why_unread

FAMILIES = ("dinov2", "dinov2_with_registers", "dinov3_vit", "vit")
CONFIG, WEIGHTS, PREPROCESSOR = "config.json", "model.safetensors", "preprocessor_config.json"
FILES = (CONFIG, PREPROCESSOR, WEIGHTS)


class Network(Protocol):
    """Methods of a network of transformers, and of `dinov2_network`, that are used to write it."""

    def half(self) -> Network:
        """Convert weights to float16, in place."""
        ...

    def save_pretrained(self, folder: Path) -> object:
        """Write ``config.json`` and ``model.safetensors``."""
        ...


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``config.json`` of an encoder folder and check that the adapter runs its family.

    Raises
    ------
    ModelError
        When a file is missing, weights come only in a format that can carry code, or the family is unknown.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if WEIGHTS in missing and any(folder.glob("*.bin")):
        raise ModelError(f"{folder} has its weights only as .bin, which can carry code; convert them to {WEIGHTS}")
    if missing:
        raise ModelError(
            f"no encoder in {folder}: {', '.join(missing)} is missing; give a folder in Hugging Face format"
        )
    config = read_json(folder / CONFIG)
    if config.get("model_type") not in FAMILIES:
        raise ModelError(
            f"{folder / CONFIG} is of type {config.get('model_type')!r}; this adapter runs {', '.join(FAMILIES)}"
        )
    if not all(isinstance(config.get(key), int) for key in ("patch_size", "image_size", "hidden_size")):
        raise ModelError(f"{folder / CONFIG} must give patch_size, image_size and hidden_size as whole numbers")
    return config


def is_of_timm(folder: Path) -> bool:
    """Whether an encoder folder is in timm's format, which names an architecture in place of a family."""
    path = folder / CONFIG
    content = read_json(path) if path.is_file() else {}
    return "architecture" in content and "model_type" not in content


def read_standardisation(folder: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Read mean and standard deviation of the three planes, 0..1, the network was trained with.

    Raises
    ------
    ModelError
        When ``preprocessor_config.json`` does not give them.
    """
    settings = read_json(folder / PREPROCESSOR)
    try:
        mean, std = (tuple(float(number) for number in settings[key]) for key in ("image_mean", "image_std"))
    except (KeyError, TypeError, ValueError):
        mean, std = (), ()
    if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
        raise ModelError(f"{folder / PREPROCESSOR} must give image_mean and image_std as three numbers each")
    return mean, std


def write_encoder(network: Network, folder: Path, *, mean: Sequence[float], std: Sequence[float], side_px: int) -> Path:
    """Write an encoder folder in Hugging Face format, weights as float16.

    Parameters
    ----------
    network : Module
        It is converted in place.
    folder : Path
    mean, std : sequence of float
        The three planes, 0 to 1, are standardised with these.
    side_px : int
        Side of the square it was trained on.

    Returns
    -------
    Path
        `folder`.
    """
    network.half().save_pretrained(folder)
    settings = {
        "image_mean": list(mean),
        "image_std": list(std),
        "size": {"height": side_px, "width": side_px},
        "image_processor_type": "ViTImageProcessor",
    }
    (folder / PREPROCESSOR).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return folder


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; ModelError when the file holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} cannot be read as JSON ({why_unread(error)}); fetch or copy it again") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object; fetch or copy it again")
    return content


def local_revision(folder: Path) -> str:
    """Return the revision of an encoder that has no commit: the first 12 digits of the sha256 of its weights."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
