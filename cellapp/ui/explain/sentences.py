"""What the encoder saw of one cell, and what its call rests on, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from scipy.special import expit

from cellapp.explanation.compartments import COMPARTMENT_NAMES, attribution, compartments, strongest_compartment
from cellapp.exports.explanation_summary import read_explanation_summary
from cellapp.pipeline.encoder_crops import RawCrop, raw_crops
from cellapp.settings import CropMode, CropSettings
from cellapp.store.records import ImageRecord
from cellapp.types.cells import LabelMask
from cellapp.types.image import Role
from cellapp.ui.explain.cell_maps import Reason
from cellapp.ui.explain.summary_charts import effects_of
from cellapp.ui.layout.cell_thumbnails import labels_of
from cellapp.ui.session import cache
from cellapp.ui.session.results import Results


def seen_by_encoder(results: Results, image: ImageRecord, cell: pd.Series) -> RawCrop:
    """Cut one cell as the head's encoder saw it, from raw pixels; the run says how, so that no model is needed."""
    angle = float(results.made_by.get("encoder_angle_deg") or 0.0)
    settings = results.made_by.get("encoder_crop") or CropSettings(mode=CropMode.LETTERBOXED)
    return raw_crops(
        cache.slide(image),
        LabelMask(labels_of(results.folder / cell["stem"]), ""),
        pd.DataFrame([cell]).set_index("cell_id"),
        CropSettings.model_validate(settings),
        channels=image.channels,
        roles=image.roles,
        angle_deg=angle,
    )[0]


def in_words(reason: Reason, seen: RawCrop, roles: tuple[Role, ...], *, p: float) -> str:
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
    places = compartments(seen.inside, seen.nucleus(roles), reason.heat.shape)
    said = f"p({reason.target}) is {p:.2f}, a logit of {_signed(reason.logit)}: "
    said += f"the map gives {_signed(share)}, class token and bias {_signed(reason.rest)}."
    loudest = strongest_compartment(reason.heat, places)
    if loudest is None:
        return said
    sums = attribution(reason.heat, places).items()
    listed = ", ".join(f"{_signed(value)} {COMPARTMENT_NAMES[place]}" for place, value in sums if places[place].any())
    return f"{said} Of the map, {listed}; its strongest square lies {COMPARTMENT_NAMES[loudest]}."


def channel_effects(results: Results, cell: pd.Series, target: str) -> dict[str, float]:
    """Return what each channel adds to a cell's logit, where the run or its overview has measured that.

    Returns
    -------
    dict of channel name to float
        Logit with the channel minus logit without it; empty where nobody has taken channels away.
    """
    folder, stem, cell_id = results.folder, str(cell["stem"]), int(cell["cell_id"])
    path = folder / stem / "explanations" / "regions.csv"
    of_run = pd.read_csv(path, index_col="cell_id") if path.exists() else pd.DataFrame(columns=["target"])
    of_all = read_explanation_summary(folder, [name for name, _ in results.version], target)
    tables = [of_run[of_run["target"] == target]]
    tables += [] if of_all is None else [of_all[of_all["stem"] == stem]]
    for table in tables:
        if cell_id in table.index:
            row = table.loc[cell_id]
            return {name: float(row[column]) for name, column in effects_of(table).items() if pd.notna(row[column])}
    return {}


def without_words(effects: Mapping[str, float], logit: float, target: str, *, n_classes: int) -> str:
    """Say what the call would be without one channel or another.

    Parameters
    ----------
    effects : mapping of channel name to float
        See `channel_effects`.
    logit : float
        Of the class explained, with all channels.
    target : str
    n_classes : int
        With two classes the logit says the probability too.
    """
    left = {name: logit - effect for name, effect in effects.items()}
    if n_classes == 2:
        listed = ", ".join(f"{expit(value):.2f} without {name}" for name, value in left.items())
        return f"With one channel taken away, p({target}) would be {listed}."
    listed = ", ".join(f"{_signed(value)} without {name}" for name, value in left.items())
    return f"With one channel taken away, the logit of {target} would be {listed}."


def _signed(value: float) -> str:
    """Write a number with its sign, a true minus rather than a hyphen."""
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
