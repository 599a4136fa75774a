"""What the encoder saw of one cell, and what its call rests on, in one sentence."""

from __future__ import annotations

import pandas as pd

from cellapp.explanation.place import IN_WORDS, attribution, regions, strongest_place
from cellapp.seen import Seen, seen_raw
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types import LabelMask, Role
from cellapp.ui import loaders
from cellapp.ui.cell_pictures import labels_of
from cellapp.ui.explain_cells import Reason
from cellapp.ui.results import Results


def seen_by_encoder(results: Results, image: ImageRecord, cell: pd.Series) -> Seen:
    """Cut one cell as the head's encoder saw it, from raw pixels; the run says how, so that no model is needed."""
    angle = float(results.made_by.get("encoder_angle_deg") or 0.0)
    settings = results.made_by.get("encoder_crop") or CropSettings(mode=CropMode.LETTERBOXED)
    return seen_raw(
        loaders.slide(image),
        LabelMask(labels_of(results.folder / cell["stem"]), ""),
        pd.DataFrame([cell]).set_index("cell_id"),
        CropSettings.model_validate(settings),
        channels=image.channels,
        roles=image.roles,
        angle_deg=angle,
    )[0]


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
    places = regions(seen.inside, seen.nucleus(roles), reason.heat.shape)
    said = f"p({reason.target}) is {p:.2f}, a logit of {_signed(reason.logit)}: "
    said += f"the map gives {_signed(share)}, class token and bias {_signed(reason.rest)}."
    loudest = strongest_place(reason.heat, places)
    if loudest is None:
        return said
    sums = attribution(reason.heat, places).items()
    listed = ", ".join(f"{_signed(value)} {IN_WORDS[place]}" for place, value in sums if places[place].any())
    return f"{said} Of the map, {listed}; its strongest square lies {IN_WORDS[loudest]}."


def _signed(value: float) -> str:
    """Write a number with its sign, a true minus rather than a hyphen."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
