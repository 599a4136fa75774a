"""An encoder that has learnt nothing, to tell what training is worth."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cellapp.encoders.dino import HubEncoder, blank_network
from cellapp.encoders.folder import CONFIG, PREPROCESSOR, read_json
from cellapp.settings import FeatureSettings


def untrained_twin(encoder: HubEncoder, folder: Path, *, seed: int) -> HubEncoder:
    """Make an encoder of the same architecture, input and views with random weights.

    Parameters
    ----------
    encoder : HubEncoder
    folder : Path
        The one it was read from.
    seed : int
        Decides the weights.
    """
    import torch

    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as place:
        twin = Path(place)
        blank_network(read_json(folder / CONFIG)).save_pretrained(twin)
        shutil.copy(folder / PREPROCESSOR, twin)
        made = HubEncoder(
            twin,
            name=f"untrained {encoder.name}",
            revision=f"seed {seed}",
            input_px=encoder.input_px,
            device=encoder.device,
            dtype=encoder.dtype,
        )
    return made.reading(FeatureSettings(views=encoder.reads.views))
