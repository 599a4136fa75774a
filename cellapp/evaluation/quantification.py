"""From calls of cells to fractions of a population, with the classifier's errors taken into account.

Counting calls carries the classifier's errors into the fraction: of a rare class most calls are wrong. Two corrections
are made from the head's own held-out calls: adjusted counting (Forman 2008, doi:10.1007/s10618-008-0097-y) and
expectation maximisation over the probabilities (Saerens et al. 2002, doi:10.1162/089976602753284446).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from cellapp.cells.counts import wilson
from cellapp.errors import InputError
from cellapp.evaluation.call_model import PRIOR_COUNT, CallModel, adjusted_fractions, em_fractions, fit_call_model
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.intervals import draw_groups

METHODS = ("plain", "adjusted", "em")
DRAWS = 200


@dataclass(frozen=True, eq=False)
class Quantifier:
    """Estimates fractions of classes from what one head says of cells."""

    calls: HeldOutCalls

    def __post_init__(self) -> None:
        missing = sorted(set(self.calls.classes) - set(self.calls.truth.tolist()))
        if missing:
            raise InputError(
                f"head {self.calls.head!r} has no held-out cell of class {missing[0]!r}; train it with some"
            )

    @cached_property
    def model(self) -> CallModel:
        """How the head calls, from all held-out cells of one class."""
        pure = self.calls.pure
        return fit_call_model(self.calls.codes[pure], self.calls.probabilities[pure])

    @cached_property
    def drawn_models(self) -> tuple[CallModel, ...]:
        """The same from draws of whole groups: what other slides or patients might have shown of the head's errors."""
        pure, k = self.calls.pure, len(self.calls.classes)
        codes, probabilities = self.calls.codes[pure], self.calls.probabilities[pure]
        drawn = draw_groups(self.calls.groups[pure], draws=10 * DRAWS)
        with_all = (rows for rows in drawn if len(np.unique(codes[rows])) == k)
        models = tuple(fit_call_model(codes[rows], probabilities[rows]) for rows in islice(with_all, DRAWS))
        if len(models) < DRAWS:
            raise InputError(
                f"head {self.calls.head!r} has held-out cells of too few groups for an interval: draws of them lack a "
                "class; train it on more slides or patients of each class"
            )
        return models

    def estimate(self, parts: Sequence[np.ndarray], *, seed: int = 0) -> dict[str, dict[str, float | None]]:
        """Estimate the fraction of each class.

        Parameters
        ----------
        parts : sequence of ndarray of shape (N, K)
            What the head says of the cells of one image; or of several of one condition, which the interval draws, too.
        seed : int

        Returns
        -------
        dict
            Class -> ``plain``, ``adjusted``, ``em``, and ``low`` and ``high``: the 95 % interval around both
            corrections, by draws of cells, images and the head's held-out groups. Without a cell the fractions are None
            and the interval is 0 to 1.
        """
        parts = [part for part in parts if len(part)]
        if not parts:
            empty = dict.fromkeys(METHODS) | {"low": 0.0, "high": 1.0}
            return {name: dict(empty) for name in self.calls.classes}
        cells = np.concatenate(parts)
        values = dict(zip(METHODS, self._fractions(cells, np.ones(len(cells)), self.model), strict=True))
        low, high = self._interval(parts, values["em"], seed)
        least, most = self._of_counting(np.bincount(cells.argmax(axis=1), minlength=cells.shape[1]))
        low, high = np.minimum(low, least), np.maximum(high, most)
        return {
            name: {method: float(values[method][k]) for method in METHODS}
            | {"low": float(low[k]), "high": float(high[k])}
            for k, name in enumerate(self.calls.classes)
        }

    def _of_counting(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of Wilson's intervals of the counts, each corrected: draws of equal calls do not differ."""
        plain, n = counts / counts.sum(), int(counts.sum())
        ends = np.empty((2, len(counts)))
        for k, count in enumerate(counts):
            others = np.delete(plain, k)
            others = others / others.sum() if others.any() else np.full(len(others), 1 / len(others))
            for end, share in enumerate(wilson(int(count), n)):
                counted = np.insert(others * (1 - share), k, share)
                ends[end, k] = adjusted_fractions(counted, self.model.rates)[k]
        return ends[0], ends[1]

    def _fractions(
        self,
        cells: np.ndarray,
        weights: np.ndarray,
        model: CallModel,
        start: np.ndarray | None = None,
        extra: float = 0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        counts = np.bincount(cells.argmax(axis=1), weights, minlength=cells.shape[1]) + extra
        plain = counts / counts.sum()
        em = em_fractions(model.calibrate(cells), model.prior, weights, start)
        return plain, adjusted_fractions(plain, model.rates), em

    def _interval(self, parts: Sequence[np.ndarray], em: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng, n_images = np.random.default_rng(seed), len(parts)
        # cells of the same probabilities, to three digits, are drawn together
        kinds = [np.unique(part.round(3), axis=0, return_counts=True) for part in parts]
        cells, counts = (np.concatenate(values) for values in zip(*kinds, strict=True))
        image_of = np.repeat(np.arange(n_images), [len(rows) for rows, _ in kinds])
        start = np.maximum(em, 1e-3) / np.maximum(em, 1e-3).sum()
        drawn = []
        for model in self.drawn_models:
            times = rng.multinomial(n_images, np.full(n_images, 1 / n_images)) if n_images > 1 else np.ones(1)
            chances = counts * times[image_of]
            weights = rng.multinomial(counts.sum(), chances / chances.sum()).astype(float)
            drawn.append(self._fractions(cells, weights, model, start, PRIOR_COUNT / cells.shape[1])[1:])
        low, high = np.percentile(drawn, (2.5, 97.5), axis=0)  # of 2 corrections, (2, K) each
        return low.min(axis=0), high.max(axis=0)
