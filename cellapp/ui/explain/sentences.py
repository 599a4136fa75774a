"""What the call of one cell rests on, in sentences that give what was measured and nothing more."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import spearmanr

from cellapp.explanation.channel_places import place_column
from cellapp.explanation.compartments import (
    COMPARTMENT_NAMES,
    COMPARTMENTS,
    SHARE,
    compartment_shares,
    strongest_compartment,
    sum_by_compartment,
)
from cellapp.images.channel_names import channel_phrase
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.rendering.signed_maps import enlarged
from cellapp.ui.components.messages import signed
from cellapp.ui.explain.cell_maps import CellExplanation
from cellapp.ui.explain.measured import measured_cells
from cellapp.ui.explain.summary_charts import effect_columns
from cellapp.ui.session.kept import kept_file
from cellapp.ui.session.results import Results

_LISTED = 3  # channels with their places that are told of one cell


def map_sentence(explanation: CellExplanation, crop: RawCrop, *, p: float) -> str:
    """Return what a cell's map adds to its logit, in all and by compartment.

    Parameters
    ----------
    explanation : CellExplanation
    crop : RawCrop
        The cell that the map is of.
    p : float
        Probability of the class explained.
    """
    in_map = float(explanation.map.sum())
    shares = compartment_shares(crop.inside, crop.core, explanation.map.shape)
    text = f"p({explanation.target}) is {p:.2f}, a logit of {signed(explanation.logit, 2)}: "
    text += f"the map gives {signed(in_map, 2)}, class token and bias {signed(explanation.rest, 2)}."
    strongest = strongest_compartment(explanation.map, shares)
    if strongest is None:
        return text
    sums = sum_by_compartment(explanation.map, shares).items()
    listed = ", ".join(f"{signed(value, 2)} {COMPARTMENT_NAMES[name]}" for name, value in sums if shares[name].any())
    return f"{text} Of the map, {listed}; its strongest square lies {COMPARTMENT_NAMES[strongest]}."


def measured_of(results: Results, cell: pd.Series, target: str) -> pd.Series | None:
    """Return what was measured of a cell, from the files of the run or the summary of its explanations; else None."""
    folder, stem, cell_id = results.folder, str(cell["stem"]), int(cell["cell_id"])
    path = folder / stem / "explanations" / "regions.csv"
    of_run = kept_file("regions", path, make=lambda: pd.read_csv(path, index_col="cell_id"))
    of_all = measured_cells(results, target)
    tables = [] if of_run is None else [of_run[of_run["target"] == target]]
    tables += [] if of_all is None else [of_all[of_all["stem"] == stem]]
    for table in tables:
        if cell_id in table.index:
            return table.loc[cell_id]
    return None


def channel_effects(measured: pd.Series) -> dict[str, float]:
    """Return what each channel adds to a cell's logit: the logit with it minus without it, by channel name."""
    columns = effect_columns(measured.to_frame().T)
    return {name: float(measured[column]) for name, column in columns.items() if pd.notna(measured[column])}


def channel_places_sentence(measured: pd.Series) -> str:
    """Return which channels change the map of a cell most, and where; "" where that was not measured."""
    shares = {
        f"{channel_phrase(channel)} {COMPARTMENT_NAMES[place]}": float(measured[column])
        for channel in channel_effects(measured)
        for place in COMPARTMENTS
        if pd.notna(measured.get(column := place_column(SHARE, place, channel)))
    }
    most = sorted(shares, key=lambda name: -shares[name])[:_LISTED]
    listed = ", ".join(f"{name} ({shares[name] * 100:.0f} %)" for name in most)
    return f"Of what the channels change in the map, most is by {listed}." if most else ""


def channels_sentence(effects: Mapping[str, float], logit: float, target: str, *, n_classes: int) -> str:
    """Return what the call would be without one channel or another.

    Parameters
    ----------
    effects : mapping of channel name to float
        See `channel_effects`.
    logit : float
        Of the class explained, with all channels.
    target : str
    n_classes : int
        With two classes the sentence gives probabilities, else logits.
    """
    without = {name: logit - effect for name, effect in effects.items()}
    if n_classes == 2:
        listed = ", ".join(f"{expit(value):.2f} without {name}" for name, value in without.items())
        return f"With one channel taken away, p({target}) would be {listed}."
    listed = ", ".join(f"{signed(value, 2)} without {name}" for name, value in without.items())
    return f"With one channel taken away, the logit of {target} would be {listed}."


def agreement_sentence(one: np.ndarray, other: np.ndarray) -> str:
    """Return how far two maps of one cell agree, by the rank correlation of their squares, see `enlarged`.

    Parameters
    ----------
    one, other : ndarray of shape (h, w)
        The coarser one is enlarged to the squares of the other.
    """
    shape = tuple(max(sides) for sides in zip(one.shape, other.shape, strict=True))
    first, second = (enlarged(values, shape).ravel() for values in (one, other))
    if first.std() == 0 or second.std() == 0:
        return "One of the maps is the same everywhere."
    rank = f"{spearmanr(first, second).statistic:.2f}".replace("-", "\N{MINUS SIGN}")
    return f"Rank correlation of the two maps, square by square: {rank} (1 is the same order, 0 is none)."
