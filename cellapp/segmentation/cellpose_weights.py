"""Read Cellpose 4 weights files: their tensors, and the network these belong to."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from cellapp.errors import ModelError, UnknownModelError

DINO_WIDTHS = {1024: "dino_vitl", 768: "dino_vitb"}


def read_state(weights: Path) -> dict[str, Any]:
    """Read the tensors of a Cellpose 4 file by name; no code in it is run (``weights_only``).

    Raises
    ------
    UnknownModelError
        When there is no such file, it is damaged, or of an older Cellpose.
    """
    import torch

    if not weights.is_file():
        raise UnknownModelError(f"no Cellpose weights at {str(weights)!r}: give the path of a Cellpose 4 file")
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, LookupError) as error:
        raise UnknownModelError(
            f"{weights.name!r} is not readable as Cellpose weights: fetch it again, or give the folder of a head"
        ) from error
    if not isinstance(state, dict) or "W2" not in {key.removeprefix("module.") for key in state}:
        raise UnknownModelError(f"{weights.name!r} is no Cellpose 4 file; older ones do not fit: train it anew with 4")
    return {key.removeprefix("module."): value for key, value in state.items()}


def backbone_of(state: dict[str, Any], weights: Path) -> str:
    """Return the backbone a file was trained for, from the tensors it holds.

    Raises
    ------
    ModelError
        When the width of its encoder is none that Cellpose has.
    """
    if "encoder.cls_token" not in state:
        return "sam_vitl"
    width = state["encoder.patch_embed.proj.weight"].shape[0]
    if width not in DINO_WIDTHS:
        raise ModelError(f"{weights.name!r} has an encoder of width {width}; known are {sorted(DINO_WIDTHS)}")
    return DINO_WIDTHS[width]
