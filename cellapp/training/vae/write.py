"""A trained autoencoder as a folder: weights, curves, pictures and a card in JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import save_file

from cellapp.exports.tables import write_csv
from cellapp.files import atomic_write
from cellapp.rendering.annotations import magnify
from cellapp.rendering.png import png_bytes
from cellapp.training.vae.pictures import WALK, latent_walks, reconstructions
from cellapp.training.vae.train import TrainedVae

_SHOWN = 12


def write_vae(vae: TrainedVae, crops: np.ndarray, out: Path, conditions: np.ndarray | None = None) -> dict[str, Any]:
    """Write ``vae.safetensors``, ``vae.json``, ``curves.csv``, ``reconstructions.png`` and ``walks.png``.

    Parameters
    ----------
    vae : TrainedVae
    crops : ndarray of shape (N, planes, S, S), uint8
    out : Path
    conditions : ndarray of shape (N,), int, optional

    Returns
    -------
    dict
        Content of ``vae.json``: recipe, conditions, errors, and which latent numbers are walked along.
    """
    out.mkdir(parents=True, exist_ok=True)
    with atomic_write(out / "vae.safetensors") as part:
        save_file({name: tensor.contiguous() for name, tensor in vae.network.state_dict().items()}, part)
    write_csv(pd.DataFrame(vae.curves), out / "curves.csv")
    shown = np.linspace(0, len(crops) - 1, min(_SHOWN, len(crops))).astype(int)
    walks, numbers = latent_walks(vae, crops)
    codes = None if conditions is None else conditions[shown]
    for name, picture in (("reconstructions", reconstructions(vae, crops[shown], codes)), ("walks", walks)):
        with atomic_write(out / f"{name}.png") as part:
            part.write_bytes(png_bytes(magnify(picture, max(1, 64 // vae.recipe.side_px))))
    card = {
        "recipe": vae.recipe.model_dump(mode="json"),
        "conditions": list(vae.conditions),
        "held_out_error": vae.held_out_error,
        "mean_image_error": vae.mean_image_error,
        "walked": numbers,
        "walk_steps": list(WALK),
    }
    with atomic_write(out / "vae.json") as part:
        part.write_text(json.dumps(card, indent=2, allow_nan=False), encoding="utf-8")
    return card
