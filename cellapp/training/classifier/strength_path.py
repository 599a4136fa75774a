"""Held-out scores of a logistic regression at many strengths of regularisation, faster than by single fits.

scikit-learn fits one strength at a time in the space of the features, where directions of much and of little variance
take many steps. Here they are turned once onto principal axes and each is scaled by its curvature, so that few steps
do; the strengths share the axes, and each sets out from the solution before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp, softmax
from threadpoolctl import threadpool_limits

_GRADIENT_TOLERANCE = 1e-4  # of the mean loss, as scikit-learn's
_MAX_STEPS = 300
_SMALLEST_SHARE = 1e-7  # of the largest variance; axes below it are rounding
_CURVATURE = 0.1  # of the loss along an axis of variance 1: a quarter at most, less where calls are sure


def one_thread() -> threadpool_limits:
    """Keep products of a matrix and a vector, of which fits are made, to one thread each.

    They are bound by memory: on two cores that also do other work, waiting for the second thread takes 30 times as
    long as the product.
    """
    return threadpool_limits(1, user_api="blas")


def scores_along_path(
    features: np.ndarray, codes: np.ndarray, held_out: np.ndarray, strengths: Sequence[float]
) -> np.ndarray:
    """Fit one logistic regression per strength and score other cells with each.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Standardised features of the training cells.
    codes : ndarray of shape (N,), int
        Class of each, 0 to K - 1, every class at least once.
    held_out : ndarray of shape (M, F)
        Features of the cells to score, standardised alike.
    strengths : sequence of float
        scikit-learn's C, from strong to weak regularisation.

    Returns
    -------
    ndarray of shape (S, M, K), float64
        Scores before the softmax; of two classes half of the log-odds to each side.
    """
    n_classes = int(codes.max()) + 1
    mean = features.mean(axis=0)
    variances, axes = _principal_axes((features - mean).astype(np.float32))
    along, along_held_out = ((part - mean).astype(np.float32) @ axes for part in (features, held_out))
    targets = np.eye(n_classes)[codes] if n_classes > 2 else (codes == 1).astype(float)[:, None]
    weights, bias = np.zeros((axes.shape[1], targets.shape[1])), np.zeros(targets.shape[1])
    scores = []
    for strength in strengths:
        weights, bias = _minimise(along, targets, variances, 1 / (strength * len(codes)), weights, bias)
        one = along_held_out @ weights + bias
        scores.append(np.concatenate([-one, one], axis=1) / 2 if n_classes == 2 else one)
    return np.array(scores)


def _principal_axes(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return variances (R,) and orthonormal axes (F, R), R at most N and F; a flat cloud keeps one axis."""
    n, width = centred.shape
    values, vectors = np.linalg.eigh((centred @ centred.T if n < width else centred.T @ centred).astype(np.float64))
    kept = values > _SMALLEST_SHARE * max(values[-1], np.finfo(np.float32).tiny)
    kept[-1] = True
    values, vectors = np.maximum(values[kept], np.finfo(np.float32).tiny), vectors[:, kept]
    axes = centred.T @ (vectors / np.sqrt(values)) if n < width else vectors
    return values / n, axes.astype(np.float32)


def _minimise(
    along: np.ndarray, targets: np.ndarray, variances: np.ndarray, penalty: float, weights: np.ndarray, bias: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (R, Q) and biases (Q,) of least mean loss plus penalty; Q is 1 of two classes, else K."""
    scale = 1 / np.sqrt(_CURVATURE * variances + penalty)[:, None]
    shape, n = weights.shape, len(along)

    def loss(packed: np.ndarray) -> tuple[float, np.ndarray]:
        current = packed[: weights.size].reshape(shape) * scale
        offset = packed[weights.size :]
        value, residual = _loss_and_residual(along @ current.astype(np.float32) + offset, targets)
        slope = along.T @ residual.astype(np.float32) / n + penalty * current
        gradient = np.concatenate([(slope * scale).ravel(), residual.mean(axis=0)])
        return value + penalty / 2 * float((current**2).sum()), gradient

    start = np.concatenate([(weights / scale).ravel(), bias])
    options = {"gtol": _GRADIENT_TOLERANCE, "maxiter": _MAX_STEPS, "ftol": 1e-9}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return found[: weights.size].reshape(shape) * scale, found[weights.size :]


def _loss_and_residual(scores: np.ndarray, targets: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean logistic loss, and what is said minus what is true, (N, Q)."""
    scores = scores.astype(np.float64)
    if targets.shape[1] == 1:
        value = -float((targets * log_expit(scores) + (1 - targets) * log_expit(-scores)).mean())
        return value, expit(scores) - targets
    value = float((logsumexp(scores, axis=1) - (scores * targets).sum(axis=1)).mean())
    return value, softmax(scores, axis=1) - targets
