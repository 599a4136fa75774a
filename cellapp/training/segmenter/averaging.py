"""Average the weights of networks that were trained further from one and the same network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from cellapp.errors import InputError
from cellapp.segmentation.flow_unet_io import read_network, save_network


def average_networks(shares: Mapping[Path, float], out: Path) -> Path:
    """Write the weighted mean of networks' weights and running statistics.

    Trainings that set out from the same weights end near each other, and what is between them errs less than either
    (Wortsman et al. 2022, "Model soups").

    Parameters
    ----------
    shares : mapping of Path to float
        Weight of each network, above 0, by its folder; they need not sum to 1.
    out : Path
        Folder for ``weights.safetensors`` and ``config.json``.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        When there is no network, a share is not above 0, or the networks differ in shape.
    ModelError
        When a folder holds no network.
    """
    if not shares or not all(0 < share < float("inf") for share in shares.values()):
        raise InputError(f"each network needs a finite share above 0; got {[*shares.values()]}")
    networks = [read_network(folder) for folder in shares]
    if any(network.settings != networks[0].settings for network in networks):
        raise InputError(f"networks of different shapes have no mean: {[str(folder) for folder in shares]}")
    states = [network.state_dict() for network in networks]
    parts = torch.tensor([*shares.values()], dtype=torch.float64)
    parts /= parts.sum()
    mean = {name: _mean([state[name] for state in states], parts) for name in states[0]}
    networks[0].load_state_dict(mean)
    out.mkdir(parents=True, exist_ok=True)
    save_network(networks[0], out)
    return out


def _mean(values: list[torch.Tensor], parts: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean of tensors; counts of batches, which are integers, are the first's."""
    if not values[0].is_floating_point():
        return values[0]
    total = sum(part * value.double() for part, value in zip(parts, values, strict=True))
    return total.to(values[0].dtype)
