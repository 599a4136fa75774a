"""Distance of a cell from the cells a head was trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_COMPONENTS = 32
_SHRINKAGE = 0.05  # share of the mean variance added to each direction, so that no distance is infinite


@dataclass(frozen=True, eq=False)
class NoveltyDetector:
    """A Gaussian around each class, with one shared covariance of low rank plus an isotropic rest.

    The distance is the Mahalanobis distance to the nearest class mean (Lee et al. 2018, arXiv:1807.03888) with the
    covariance of probabilistic principal components (Tipping and Bishop 1999), which stays small for wide encoders.
    """

    means: np.ndarray  # (K, F) float32, standardised features
    basis: np.ndarray  # (R, F) float32, orthonormal rows
    variances: np.ndarray  # (R,) float32
    rest_variance: float
    limit: float = np.inf
    """Distance above which a cell is unlike the training cells."""

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Return the distance of each cell to the nearest class.

        Parameters
        ----------
        features : ndarray of shape (N, F)
            Standardised by the head.

        Returns
        -------
        ndarray of shape (N,), float64
            Per direction: about 1 for a typical training cell, whatever F is.
        """
        if len(features) == 0:
            return np.zeros(0)
        return np.min([self._distance(features - mean) for mean in self.means.astype(np.float64)], axis=0)

    def _distance(self, offset: np.ndarray) -> np.ndarray:
        """Return the distance of offsets from a class mean; they are overwritten."""
        scores = offset @ self.basis.T.astype(np.float64)
        length = np.square(offset, out=offset).sum(axis=1)
        outside = np.maximum(length - (scores**2).sum(axis=1), 0.0)
        squared = (scores**2 / self.variances).sum(axis=1) + outside / self.rest_variance
        return np.sqrt(squared / offset.shape[1])


def fit_novelty(features: np.ndarray, codes: np.ndarray, n_classes: int) -> NoveltyDetector:
    """Fit class means and covariance to the training cells.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Standardised features, at least one row per class.
    codes : ndarray of shape (N,)
        Class of each row, 0 to `n_classes` - 1.
    n_classes : int

    Returns
    -------
    NoveltyDetector
        Without a limit; `cellapp.training.classifier.cross_validation` sets it from held-out distances.
    """
    from sklearn.decomposition import PCA  # half a second of a first result, which only reads what was fitted

    means = np.stack([features[codes == code].mean(axis=0) for code in range(n_classes)])
    within = features - means[codes]
    n_cells, width = within.shape
    degrees = max(n_cells - n_classes, 1)
    pca = PCA(min(MAX_COMPONENTS, *within.shape), svd_solver="covariance_eigh" if n_cells > width else "full")
    with np.errstate(invalid="ignore"):  # shares of no variance at all, which are not read
        pca.fit(within)
    variances = pca.explained_variance_ * (n_cells - 1) / degrees  # PCA does not know that each class has its own mean
    total = float((within**2).sum()) / degrees
    floor = _SHRINKAGE * max(total / width, float(np.finfo(np.float32).tiny))
    rest = max(total - float(variances.sum()), 0.0) / max(width - len(variances), 1)
    return NoveltyDetector(
        means.astype(np.float32),
        pca.components_.astype(np.float32),
        (variances + floor).astype(np.float32),
        rest + floor,
    )
