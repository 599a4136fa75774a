"""Read the weights files of Cellpose: their tensors, and the network these belong to."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from cellapp.errors import ModelError, UnknownModelError

N_MAPS = 3
"""Flow of rows, flow of columns, logit of the cell."""

DINO_WIDTHS = {1024: "dino_vitl", 768: "dino_vitb"}


def read_state(weights: Path) -> dict[str, Any]:
    """Read the tensors of a Cellpose file by name; no code in it is run (``weights_only``).

    Raises
    ------
    UnknownModelError
        When there is no such file, it is damaged, or no network of Cellpose that finds cells.
    """
    import torch

    if not weights.is_file():
        raise UnknownModelError(f"no Cellpose weights at {str(weights)!r}: give the path of a Cellpose file")
    try:
        state = torch.load(weights, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, LookupError) as error:
        raise UnknownModelError(
            f"{weights.name!r} is not readable as Cellpose weights: fetch it again, or give the folder of a head"
        ) from error
    if isinstance(state, dict):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    if not isinstance(state, dict) or not ("W2" in state or is_residual_unet(state)):
        raise UnknownModelError(f"{weights.name!r} holds no network of Cellpose, version 1 to 4, that finds cells")
    return state


def is_residual_unet(state: dict[str, Any]) -> bool:
    """Whether tensors are those of a Cellpose 1 to 3 network; one that restores images has another number of maps."""
    last = state.get("output.2.weight")
    return "downsample.down.res_down_0.proj.1.weight" in state and last is not None and last.shape[0] == N_MAPS


def backbone_of(state: dict[str, Any], weights: Path) -> str:
    """Return the backbone a file of Cellpose 4 was trained for, from the tensors it holds.

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
