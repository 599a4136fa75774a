"""A tiny encoder, crops of two kinds and a head to begin with."""

from pathlib import Path

import numpy as np

from cellapp.training.classifier.cross_validation import LabelledVectors
from cellapp.training.classifier.fit_head import FitOptions, HeadSpec, fit_head
from cellapp.training.classifier.fit_network import Cells, Fit
from cellapp.training.classifier.learner import Learner
from cellapp.training.classifier.recipe import FineTuning
from tests.encoders.tiny import tiny_encoder


def toy_cells(n=24, side=32, seed=0) -> Cells:
    """Bright and dark discs, two bright ones for a dark one."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3 // 2
    y, x = np.mgrid[:side, :side] - side / 2
    disc = (y**2 + x**2 < (side / 3) ** 2) * (0.3 + 0.3 * codes)[:, None, None]
    planes = disc[:, None] + rng.uniform(0, 0.3, (n, 3, side, side))
    return Cells(planes.astype(np.float16), codes)


def learner_of(folder: Path, cells: Cells, weights=(1.0, 1.0), **recipe) -> Learner:
    """A learner that begins with a head fitted to the tiny encoder in `folder`."""
    encoder = tiny_encoder(folder)
    features = encoder.embed(cells.planes.astype(np.float32), np.arange(len(cells.codes))).features
    data = LabelledVectors(features, [str(code) for code in cells.codes], [str(n) for n in range(len(cells.codes))])
    head, _ = fit_head(data, HeadSpec("toy", encoder.identity, "Toy cells."), FitOptions(0))
    return Learner(encoder, head, FineTuning(**{"blocks": 1, "batch": 8} | recipe), np.asarray(weights))


def toy_fit(cells: Cells, *, epochs=3, validation=True) -> Fit:
    rows = np.arange(len(cells.codes))
    held = rows % 4 == 0 if validation else rows < 0
    return Fit(cells, rows[~held], rows[held], epochs, (0, 0))
