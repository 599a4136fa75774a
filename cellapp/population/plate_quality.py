"""What a plate is worth: whether its controls lie apart, and whether its edge differs from its middle."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
import pandas as pd

from cellapp.population.layout import NEGATIVE, POSITIVE
from cellapp.population.wells import parse_well, plate_shape

GOOD_Z_PRIME = 0.5
"""From here on an assay is called excellent (Zhang, Chung and Oldenburg 1999)."""


@dataclass(frozen=True)
class PlateQuality:
    """Controls of one plate."""

    plate: str
    n_wells: int
    n_negative: int
    n_positive: int
    negative_mean: float  # NaN without such wells, as all of these
    negative_std: float
    positive_mean: float
    positive_std: float

    @property
    def z_prime(self) -> float:
        """Z' = 1 - 3 (s_p + s_n) / |m_p - m_n| (Zhang et al. 1999, doi:10.1177/108705719900400206); 1 at most."""
        apart = abs(self.positive_mean - self.negative_mean)
        return 1 - 3 * (self.positive_std + self.negative_std) / apart if apart else nan

    @property
    def ssmd(self) -> float:
        """(m_p - m_n) / sqrt(s_p² + s_n²): strictly standardised mean difference (Zhang 2007)."""
        spread = sqrt(self.positive_std**2 + self.negative_std**2)
        return (self.positive_mean - self.negative_mean) / spread if spread else nan


def plate_qualities(wells: pd.DataFrame) -> list[PlateQuality]:
    """Describe the controls of each plate.

    Parameters
    ----------
    wells : DataFrame
        A row per well: plate, control and value; wells without a value are counted but not measured.
    """
    return [_quality(str(plate), group) for plate, group in wells.groupby("plate", sort=False)]


def _quality(plate: str, wells: pd.DataFrame) -> PlateQuality:
    values = {role: wells.loc[wells["control"] == role, "value"].dropna() for role in (NEGATIVE, POSITIVE)}
    negative, positive = values[NEGATIVE], values[POSITIVE]
    return PlateQuality(
        plate=plate,
        n_wells=len(wells),
        n_negative=len(negative),
        n_positive=len(positive),
        negative_mean=float(negative.mean()),
        negative_std=float(negative.std()),
        positive_mean=float(positive.mean()),
        positive_std=float(positive.std()),
    )


def edge_difference(centred: pd.DataFrame) -> tuple[float, float] | None:
    """Compare negative controls at the edge of their plates with those inside: evaporation and heat act there first.

    Parameters
    ----------
    centred : DataFrame
        From `cellapp.population.effects.centre`, with ``well``; wells without a name are left out.

    Returns
    -------
    tuple of float or None
        Mean at the edge minus mean inside, and the p-value of Student's t-test; None with fewer than three wells of
        either, or where no well differs from another.
    """
    from scipy.stats import ttest_ind

    named = centred[centred["well"] != ""]
    rows, columns = plate_shape(map(parse_well, named["well"]))
    controls = named[named["control"] == NEGATIVE]
    places = [parse_well(name) for name in controls["well"]]
    outer = np.array([well.row in (0, rows - 1) or well.column in (0, columns - 1) for well in places], bool)
    edge, inside = controls.loc[outer, "centred"], controls.loc[~outer, "centred"]
    if min(len(edge), len(inside)) < 3 or not (edge.std() or inside.std()):
        return None
    return float(edge.mean() - inside.mean()), float(ttest_ind(edge, inside).pvalue)
