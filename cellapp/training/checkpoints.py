"""Checkpoints of training: tensors and plain values in one file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cellapp.files import atomic_write


def write_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers, text, lists and dicts of these; what was there stays until the new file is complete."""
    with atomic_write(path) as part:
        torch.save(content, part)


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint onto the CPU, as data that can carry no code; None where there is none."""
    return torch.load(path, map_location="cpu", weights_only=True) if path.is_file() else None
