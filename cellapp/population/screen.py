"""A screen: which treatments change a measure of wells, at which dose, and which of them are hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isnan
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from cellapp.errors import first_names
from cellapp.population.dose_response import DoseResponse, fit_dose_response
from cellapp.population.doses import Dose
from cellapp.population.effects import adjusted, centre, effects
from cellapp.population.layout import NEGATIVE
from cellapp.population.plate_quality import PlateQuality, edge_difference, plate_qualities
from cellapp.settings import FrozenModel, Seed

FEW_CELLS = 0.5
"""Below this many cells for each of the controls' a treatment is said to have lost cells."""
IMAGE_SEPARATOR = "; "
"""Between the names of the images of a well."""
WELL_COLUMNS = ("plate", "well", "images", "treatment", "dose", "unit", "control", "n_images", "n_cells", "value")


class ScreenSettings(FrozenModel):
    """What is measured of wells and what counts as a hit."""

    measure: str | None = None
    """A class, for its share among the cells that have one; "cells", for the number of accepted cells; or a column of
    the cell table, for its median. None takes the positive class, and "cells" of a run without a head."""
    alpha: float = Field(0.05, gt=0, lt=1)
    """A hit has an adjusted p-value of this or less: the share of hits that are expected to have no effect."""
    least_effect: float = Field(0.0, ge=0)
    """A hit differs from the controls by this much or more, in units of the measure."""
    min_cells: int = Field(20, ge=1)
    """A well with fewer cells to measure has no value."""
    draws: int = Field(9999, ge=99, le=99_999)
    """Permutations that a dose response is tested by."""
    seed: Seed = 0


@dataclass(frozen=True, eq=False)
class Screen:
    """Wells, what treatments did to them, and what is to be known of the plates."""

    measure: str  # in words
    by_class: bool  # whether it is the share of a class
    wells: pd.DataFrame  # `WELL_COLUMNS`
    effects: pd.DataFrame  # a row per treatment and dose, see `screen`
    doses: pd.DataFrame  # a row per treatment with enough doses
    centred: pd.DataFrame  # the wells that take part, see `cellapp.population.effects.centre`
    curves: Mapping[tuple[str, str], DoseResponse]  # by treatment and unit of its doses
    plates: tuple[PlateQuality, ...]
    edge: tuple[float, float] | None  # see `edge_difference`
    left_out: tuple[str, ...]  # wells that take no part, in words

    @property
    def lost_cells(self) -> pd.DataFrame:
        """Rows of `effects` whose wells have fewer than half of the cells of their controls."""
        return self.effects[self.effects["cells_relative"] < FEW_CELLS]

    @property
    def hits(self) -> pd.DataFrame:
        """Rows of `effects` that are hits, the largest effect first."""
        hits = self.effects[self.effects["hit"] != ""]
        return hits.sort_values("effect", key=abs, ascending=False, kind="stable")


def screen(
    wells: pd.DataFrame, measure: str, settings: ScreenSettings | None = None, *, by_class: bool = True
) -> Screen:
    """Compare treatments with the negative controls of their plates.

    Parameters
    ----------
    wells : DataFrame
        A row per well with `WELL_COLUMNS`; `value` is NaN where the well has too few cells to measure.
    measure : str
        What `value` is, in words.
    settings : ScreenSettings, optional
    by_class : bool
        Whether it is the share of a class.

    Returns
    -------
    Screen
        Its table of effects has the columns of `cellapp.population.effects.effects`, with ``cells_relative`` (cells per
        well over those of the controls of the plate), ``hit`` ("lower", "higher" or "") and ``note``. That of dose
        response has treatment, unit, ec50 and its interval, slope, start, end, p, q and in ``sentence`` what may be
        said: a dose of half the effect is only claimed where there is a response and its interval is bounded.
    """
    settings = settings or ScreenSettings()
    table = _with_cells(effects(wells), wells)
    centred = centre(wells)
    curves = _curves(centred, settings)
    return Screen(
        measure=measure,
        by_class=by_class,
        wells=wells,
        effects=table.assign(hit=_hits(table, settings), note=[_note(row) for row in table.to_dict("records")]),
        doses=_dose_table(curves, settings.alpha),
        centred=centred,
        curves=curves,
        plates=tuple(plate_qualities(wells)),
        edge=edge_difference(centred),
        left_out=tuple(_left_out(wells, centred, settings)),
    )


def _with_cells(effects: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame:
    """Add cells per well over the mean of the negative controls of the plate, and treatments without a value."""
    controls = wells[wells["control"] == NEGATIVE].groupby("plate")["n_cells"].mean()
    treated = wells[wells["control"] != NEGATIVE]
    share = treated["n_cells"] / treated["plate"].map(controls[controls > 0])
    keys = ["treatment", "dose", "unit", "role"]
    counted = treated.assign(role=treated["control"], cells_relative=share)
    relative = counted.groupby(keys, dropna=False, sort=False)["cells_relative"].mean().reset_index()
    table = relative.merge(effects, on=keys, how="left")
    counts = {name: table[name].fillna(0).astype(int) for name in ("n_wells", "n_plates")}
    columns = [*effects.columns, "cells_relative"]
    return table.assign(**counts, uneven=table["uneven"].eq(True))[columns]


def _hits(table: pd.DataFrame, settings: ScreenSettings) -> list[str]:
    hit = (table["q"] <= settings.alpha) & (table["effect"].abs() >= settings.least_effect)
    return np.where(hit, np.where(table["effect"] < 0, "lower", "higher"), "").tolist()


def _note(row: Mapping[str, Any]) -> str:
    notes = ["no well with enough cells to measure"] if row["n_wells"] == 0 else []
    if row["n_wells"] == 1:
        notes.append("one well: repeat it")
    if row["uneven"]:
        notes.append("its wells differ more than controls: p may be too small")
    if row["cells_relative"] < FEW_CELLS:
        notes.append(f"{row['cells_relative']:.0%} of the cells of the controls: may have killed cells")
    return "; ".join(notes)


def _curves(centred: pd.DataFrame, settings: ScreenSettings) -> dict[tuple[str, str], DoseResponse]:
    """Fit a curve to each treatment with enough doses, beside the negative controls of its plates."""
    controls = centred[centred["control"] == NEGATIVE].assign(dose=0.0)
    treated = centred[(centred["control"] != NEGATIVE) & (centred["dose"] > 0)]
    curves = {}
    for key, group in treated.groupby(["treatment", "unit"], sort=False):
        used = pd.concat([group, controls[controls["plate"].isin(group["plate"])]])
        doses, values, plates = (used[name].to_numpy() for name in ("dose", "centred", "plate"))
        fit = fit_dose_response(doses, values, plates, draws=settings.draws, seed=settings.seed)
        if fit:
            curves[key] = fit
    return curves


def _dose_table(curves: Mapping[tuple[str, str], DoseResponse], alpha: float) -> pd.DataFrame:
    keys = pd.DataFrame(list(curves), columns=["treatment", "unit"])
    fitted = pd.DataFrame([asdict(fit) for fit in curves.values()], columns=[one.name for one in fields(DoseResponse)])
    table = pd.concat([keys, fitted], axis=1).assign(inside=[fit.inside for fit in curves.values()])
    table = table.assign(q=adjusted(table["p"].to_numpy(float)))
    return table.assign(sentence=[_dose_sentence(row, alpha) for row in table.to_dict("records")])


def _dose_sentence(row: Mapping[str, Any], alpha: float) -> str:
    unit = f" {row['unit']}" if row["unit"] else ""
    if row["q"] > alpha:
        return f"no response to the dose is shown (adjusted p {row['q']:.2g})"
    if not row["inside"]:
        tested = f"{row['lowest']:g} to {row['highest']:g}{unit}"
        return f"responds to the dose (adjusted p {row['q']:.2g}); half the effect cannot be placed within {tested}"
    span = f"{row['ec50_low']:.2g} to {row['ec50_high']:.2g}"
    return f"half the effect at {row['ec50']:.2g}{unit} ({span}), adjusted p {row['q']:.2g}"


def treatment_words(row: Mapping[str, Any]) -> str:
    """Return treatment and dose of a row of wells or effects, as in "drug 10 µM"; its dose may be None or NaN."""
    dose = row["dose"]
    return row["treatment"] if dose is None or isnan(dose) else f"{row['treatment']} {Dose(dose, row['unit']).words}"


def _left_out(wells: pd.DataFrame, centred: pd.DataFrame, settings: ScreenSettings) -> list[str]:
    """Say which wells take no part and why, a sentence per reason."""
    few = wells[wells["value"].isna()]
    apart = wells[wells["value"].notna() & ~wells.index.isin(centred.index)]
    said = []
    if len(few):
        said.append(f"{_named(few)}: fewer than {settings.min_cells} cells to measure")
    for plate, group in apart.groupby("plate", sort=False):
        where = f"plate {plate}" if plate else "the plate"
        said.append(f"{_named(group)}: no negative control with a value on {where}")
    return said


def _named(wells: pd.DataFrame) -> str:
    return first_names([" ".join(filter(None, (row.plate, row.well or row.images))) for row in wells.itertuples()], 6)
