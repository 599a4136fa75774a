"""How a head calls cells of each class, and what fractions of classes its calls speak for.

Both corrections hold where classes look as they did in training and only their numbers differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax, softmax

from cellapp.evaluation.scores import confusion_counts

PRIOR_COUNT = 0.5
"""Cells per class and call that are taken as seen: what never happened in few cells is not called impossible."""
_TINY = 1e-12
_STEPS, _TOLERANCE = 1000, 1e-6


@dataclass(frozen=True, eq=False)
class CallModel:
    """How a head calls cells of each class, as its held-out cells show it."""

    rates: np.ndarray  # (K, K): of cells of the class of the row, the share called as the class of the column
    prior: np.ndarray  # (K,): share of each class among the held-out cells
    temperature: float
    offsets: np.ndarray  # (K,): added to the log probabilities, so that they fit held-out cells class by class

    def calibrate(self, probabilities: np.ndarray) -> np.ndarray:
        """Return probabilities, (N, K), that are frequencies where classes are as common as among held-out cells."""
        return softmax(np.log(np.maximum(probabilities, _TINY)) / self.temperature + self.offsets, axis=1)


def fit_call_model(codes: np.ndarray, probabilities: np.ndarray) -> CallModel:
    """Learn how a head calls cells of each class.

    Parameters
    ----------
    codes : ndarray of shape (N,), int
        True class of each held-out cell; every class occurs.
    probabilities : ndarray of shape (N, K)
    """
    counts = confusion_counts(codes, probabilities) + PRIOR_COUNT / probabilities.shape[1]
    k, logs = probabilities.shape[1], np.log(np.maximum(probabilities, _TINY))
    rows = np.arange(len(codes))

    def loss(packed: np.ndarray) -> tuple[float, np.ndarray]:
        scores = log_softmax(logs * packed[0] + packed[1:], axis=1)
        wrong = np.exp(scores)
        wrong[rows, codes] -= 1
        slope = np.append((wrong * logs).sum() / len(codes), wrong.mean(axis=0))
        weak = 1e-4 * np.append(packed[0] - 1, packed[1:])  # keeps separable cells finite
        return -float(scores[rows, codes].mean()) + float(weak @ weak) * 1e4 / 2, slope + weak

    found = minimize(
        loss, np.append(1.0, np.zeros(k)), jac=True, method="L-BFGS-B", bounds=[(0.05, 20)] + [(-20, 20)] * k
    )
    prior = np.bincount(codes, minlength=k) / len(codes)
    return CallModel(counts / counts.sum(axis=1, keepdims=True), prior, 1 / found.x[0], found.x[1:])


def adjusted_fractions(plain: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return the fractions, (K,), that the errors of a head turn into those counted, as nearly as fractions can.

    Parameters
    ----------
    plain : ndarray of shape (K,)
        Share of cells called as each class.
    rates : ndarray of shape (K, K)
        See `CallModel`.
    """
    heavy = 1e3  # of the row that makes them sum to 1
    system = np.vstack([rates.T, np.full(len(plain), heavy)])
    solution = nnls(system, np.append(plain, heavy))[0]
    return solution / solution.sum()


def em_fractions(
    probabilities: np.ndarray, prior: np.ndarray, weights: np.ndarray | None = None, start: np.ndarray | None = None
) -> np.ndarray:
    """Return the fractions, (K,), that make the probabilities of these cells most likely.

    Expectation maximisation of Saerens et al. 2002 (doi:10.1162/089976602753284446).

    Parameters
    ----------
    probabilities : ndarray of shape (N, K)
        Calibrated where classes have the fractions `prior`.
    prior : ndarray of shape (K,)
    weights : ndarray of shape (N,), optional
        Of the cells; all alike when left out.
    start : ndarray of shape (K,), optional
        Fractions to set out from, all above 0; `prior` when left out.
    """
    weights = np.full(len(probabilities), 1 / len(probabilities)) if weights is None else weights / weights.sum()
    likelihoods = probabilities / np.maximum(prior, _TINY)
    fractions = prior if start is None else start
    for _ in range(_STEPS):
        joint = likelihoods * fractions
        again = weights @ (joint / np.maximum(joint.sum(axis=1, keepdims=True), _TINY))
        if np.abs(again - fractions).max() < _TOLERANCE:
            return again
        fractions = again
    return fractions
