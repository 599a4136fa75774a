"""Plates drawn at random with effects that are known."""

import numpy as np
import pandas as pd

from cellapp.population.layout import NEGATIVE
from cellapp.population.screen import WELL_COLUMNS


def draw_wells(treatments, *, n_controls=8, plates=("",), noise=0.03, offset=0.0, seed=0, level=0.6):
    """Wells of some plates.

    treatments maps (treatment, dose) to (effect, wells per plate); plates differ by up to `offset`.
    """
    rng, rows = np.random.default_rng(seed), []
    for k, plate in enumerate(plates):
        there = [("DMSO", np.nan, 0.0, NEGATIVE)] * n_controls
        there += [(name, dose, effect, "") for (name, dose), (effect, n) in treatments.items() for _ in range(n)]
        for place, (name, dose, effect, control) in enumerate(there):
            well = f"{'ABCDEFGHIJKLMNOP'[place // 24]}{place % 24 + 1:02d}"
            value = level + effect + offset * k + rng.normal(0, noise)
            unit = "" if np.isnan(dose) else "µM"
            rows.append((plate, well, "", name, dose, unit, control, 1, 100, value))
    return pd.DataFrame(rows, columns=list(WELL_COLUMNS))
