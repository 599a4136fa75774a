"""Which methods of explanation are true of a head, measured on cells that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.errors import InputError, ModelError
from cellapp.explanation.faithfulness import Logit, measure_order, with_interval
from cellapp.explanation.methods import METHODS, explain
from cellapp.explanation.sanity import rank_correlations, shifted, shuffled, turned
from cellapp.exports.explanation_truth import most_faithful
from cellapp.models.load import load_encoder_of
from cellapp.pipeline.explanation_samples import Sample
from cellapp.pipeline.progress import no_progress
from cellapp.types.cells import Explanations
from cellapp.types.image import OnStep

ORDERED = ("deletion", "insertion", "road")
DESTROYED, STABLE = 0.5, 0.5
"""Mean rank correlation with maps of shuffled weights below which, and with maps of moved crops above which, all is
well."""
TOUCHED = 0.1
"""Share of a token from which a planted cause, which may be thin, counts as being there."""


def score_explanations(
    sample: Sample,
    head: Head,
    names: Sequence[str] = (),
    *,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Measure methods of explanation on cells that the head has not seen.

    Each cell is explained for the class it is called.

    Parameters
    ----------
    sample : Sample
        See `cellapp.pipeline.explanation_samples`.
    head : LinearHead or EnsembleHead
    names : sequence of str
        Of `cellapp.explanation.methods.METHODS`; all but "hirescam", which equals "exact", when left out. Those that
        the encoder cannot do are left out then.
    seed : int
    on_step : callable, optional

    Returns
    -------
    dict
        ``methods``: by name ``deletion``, ``insertion`` and ``road``, each ``value``, ``random`` (the same of random
        maps) and ``gain`` with its 95 % interval over cells, in logit units; ``randomised`` and ``stability``, rank
        correlations against ``random``; ``held``, share of the logit that the map holds; where the cause is known
        ``planted``, the share of the positive part of the map on tokens that it touches, like ``road``; ``true``, and
        ``warnings``. ``most_faithful``, None where no method passes, ``head``, ``n`` and ``left_out``.

    Raises
    ------
    InputError
        When a name is no method.
    ModelError
        When the head's encoder cannot be had, or cannot be explained by a method that is named.
    """
    unknown = sorted(set(names) - set(METHODS))
    if unknown:
        raise InputError(f"no method {unknown[0]!r}; take some of {', '.join(METHODS)}")
    head.check_reads_crops()
    cells = _Cells(head, sample, seed)
    found, step = {}, on_step or no_progress
    chosen = list(names) or [name for name in METHODS if name != "hirescam"]
    for number, name in enumerate(chosen):
        step(f"Measuring {name}", number / len(chosen))
        try:
            found[name] = cells.measure(name)
        except ModelError:
            if names:
                raise
    told = {"head": head.identity, "n": len(sample.crops), "left_out": list(sample.left_out)}
    return {"methods": found, "most_faithful": most_faithful(found), **told}


class _Cells:
    """Some cells, what they are called, and how random maps do on them."""

    def __init__(self, head: Head, sample: Sample, seed: int) -> None:
        crops = sample.crops
        self.head, self.crops, self.seed, self.cause = head, crops, seed, sample.cause
        self.encoder = load_encoder_of(head)
        self.untrained = shuffled(self.encoder, seed)
        reading = self.encoder.reading(head.reads)
        features = reading.embed(crops, np.arange(len(crops), dtype=np.int32)).features
        self.called = head.probabilities(features).argmax(axis=1)
        self.classes = [head.classes[k] for k in np.unique(self.called)]
        self.random = np.random.default_rng(seed).normal(size=(len(crops), *self.encoder.grid))
        self.by_chance = measure_order(self._logit(reading), crops, self.random, seed)

    def measure(self, name: str) -> dict[str, Any]:
        """Return the figures of one method."""
        encoder, crops = self.encoder, self.crops
        explained = self._maps(encoder, crops, name)
        maps = explained[0]
        order = measure_order(self._logit(encoder.reading(self.head.reads)), crops, maps, self.seed)
        figures: dict[str, Any] = {key: _against(order[key], self.by_chance[key]) for key in ORDERED}
        without = rank_correlations(maps, self._maps(self.untrained, crops, name)[0])
        moved = rank_correlations(maps, self._maps(encoder, shifted(crops), name)[0])
        rotated = rank_correlations(maps, turned(self._maps(encoder, turned(crops), name)[0], -1))
        chance = float(rank_correlations(maps, self.random).mean())
        figures["randomised"] = {"value": float(without.mean()), "random": chance}
        figures["stability"] = {"value": float(np.minimum(moved, rotated).mean()), "random": chance}
        figures["held"] = explained[1]
        if self.cause is not None:
            figures["planted"] = _planted(maps, self.cause)
        warnings = _warnings(figures)
        return figures | {"true": not warnings, "warnings": warnings}

    def _maps(self, encoder: Any, crops: np.ndarray, name: str) -> tuple[np.ndarray, float]:
        """Return the maps of each cell for the class it is called, and the mean share of the logit they hold."""
        maps, held = np.zeros((len(crops), *encoder.grid), np.float32), np.zeros(len(crops))
        for target in self.classes:
            rows = np.flatnonzero(self.called == self.head.classes.index(target))
            part = explain(encoder, self.head, crops[rows], rows.astype(np.int32), target, method=name)
            maps[rows], held[rows] = part.maps, _held(part)
        return maps, float(held.mean())

    def _logit(self, reading: Any) -> Logit:
        """Return a function from all crops to the logit of the class that each is called."""
        contrasts = [self.head.contrast(name) for name in self.head.classes]
        weights, bias = (np.array(part) for part in zip(*contrasts, strict=True))

        def logit(crops: np.ndarray) -> np.ndarray:
            features = reading.embed(crops.astype(np.float32), np.arange(len(crops), dtype=np.int32)).features
            return np.einsum("nf,nf->n", features, weights[self.called]) + bias[self.called]

        return logit


def _held(explained: Explanations) -> np.ndarray:
    """Return which share of each logit its map holds, (N,), of the sizes of map and rest."""
    sums = np.abs(explained.maps.sum(axis=(1, 2)))
    return sums / np.maximum(sums + np.abs(explained.rest), 1e-12)


def _against(values: np.ndarray, random: np.ndarray) -> dict[str, Any]:
    return {"value": float(values.mean()), "random": float(random.mean()), "gain": with_interval(values - random)}


def _planted(maps: np.ndarray, cause: np.ndarray) -> dict[str, Any]:
    """Return which share of the positive part of maps, (N, h, w), lies on tokens that a cause touches.

    "random" is the share of these tokens of the map: what a map without knowledge has there.
    """
    on, positive = cause >= TOUCHED, np.maximum(maps, 0)
    shares = (positive * on).sum(axis=(1, 2)) / np.maximum(positive.sum(axis=(1, 2)), 1e-12)
    return _against(shares, on.mean(axis=(1, 2)))


def _warnings(figures: dict[str, Any]) -> list[str]:
    """Return a sentence for each measure that a method fails."""
    told = {
        "deletion": "what the map names can be blanked with no more harm than random places",
        "insertion": "what the map names brings the call back no sooner than random places",
        "road": "what the map names can be imputed with no more harm than random places",
    }
    said = [text for name, text in told.items() if figures[name]["gain"]["low"] <= 0]
    if "planted" in figures and figures["planted"]["gain"]["low"] <= 0:
        said.append("the map lies on the planted cause no more than on random places")
    if abs(figures["randomised"]["value"]) >= DESTROYED:
        said.append("the map is much the same, up to its sign, with shuffled weights: it hardly shows what was learned")
    if figures["stability"]["value"] <= STABLE:
        said.append("the map changes when the crop is moved by one pixel or turned")
    return said
