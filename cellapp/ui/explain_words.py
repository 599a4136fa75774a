"""What the encoder saw of one cell, and what its call rests on, in one sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.explanation.place import attribution, regions, strongest_place
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types import LabelMask, Role
from cellapp.ui import loaders
from cellapp.ui.cell_pictures import labels_of
from cellapp.ui.explain_cells import Reason
from cellapp.ui.results import Results


@dataclass(frozen=True, eq=False)
class Seen:
    """What the encoder saw of one cell, in raw pixels, squared."""

    pixels: np.ndarray  # (C, S, S) native dtype
    inside: np.ndarray  # (S, S) bool


def seen_by_encoder(results: Results, image: ImageRecord, cell: pd.Series) -> Seen:
    """Cut one cell as the head's encoder saw it, from raw pixels; the run says how, so that no model is needed."""
    angle = float(results.made_by.get("encoder_angle_deg") or 0.0)
    settings = results.made_by.get("encoder_crop") or CropSettings(mode=CropMode.LETTERBOXED)
    crops = crop(
        loaders.slide(image),
        LabelMask(labels_of(results.folder / cell["stem"]), ""),
        pd.DataFrame([cell]).set_index("cell_id"),
        CropSettings.model_validate(settings),
        channels=image.channels,
        roles=image.roles,
        angle_deg=angle,
        with_inside=True,
    )
    return Seen(_squared(crops.pixels[0]), _squared(crops.inside[0][None])[0].astype(bool))


def in_words(reason: Reason, seen: Seen, roles: tuple[Role, ...], *, p: float) -> str:
    """Say in one sentence what the call rests on; only what was measured.

    Parameters
    ----------
    reason : Reason
    seen : Seen
    roles : tuple of Role
        Of the channels.
    p : float
        Probability of the class explained.
    """
    share = float(reason.heat.sum())
    nucleus = next((seen.pixels[i] for i, role in enumerate(roles) if role is Role.NUCLEUS), None)
    places = regions(seen.inside, nucleus, reason.heat.shape)
    said = f"p({reason.target}) is {p:.2f}, a logit of {_signed(reason.logit)}: "
    said += f"the map gives {_signed(share)}, class token and bias {_signed(reason.rest)}."
    loudest = strongest_place(reason.heat, places)
    if loudest is None:
        return said
    sums = ", ".join(f"{_signed(value)} {place}" for place, value in attribution(reason.heat, places).items())
    return f"{said} Of the map, {sums}; its strongest square lies {loudest}."


def _signed(value: float) -> str:
    """Write a number with its sign, a true minus rather than a hyphen."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def _squared(pixels: np.ndarray) -> np.ndarray:
    """Pad the shorter side with zeros on both ends, as the encoder's input is."""
    height, width = pixels.shape[1:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(pixels, ((0, 0), (top, side - height - top), (left, side - width - left)))
