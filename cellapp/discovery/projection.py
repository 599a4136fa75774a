"""Two-dimensional projections of embeddings, computed once per run and stored in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.decomposition import PCA

from cellapp.errors import InputError
from cellapp.files import atomic_write

Method = Literal["pca", "umap", "tsne"]
UMAP_MIN_CELLS = 5


@dataclass(frozen=True, eq=False)
class Projection:
    """Each cell of a run as a point in two dimensions."""

    xy: np.ndarray  # (N, 2) float32, no unit
    images: np.ndarray  # (N,) str, the image's folder name in the run
    cell_ids: np.ndarray  # (N,) int32
    axes: tuple[str, str]  # titles of the two axes
    method: Method


def project(features: np.ndarray, *, method: Method = "pca", seed: int = 0) -> tuple[np.ndarray, tuple[str, str]]:
    """Project embeddings to two dimensions.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Any float type; zero cells and one cell are fine.
    method : {"pca", "umap", "tsne"}
        PCA through the covariance (exact, deterministic, seconds for 50,000 cells), UMAP (McInnes 2018, umap-learn) or
        t-SNE (van der Maaten and Hinton 2008, scikit-learn).
    seed : int
        Random state of UMAP and t-SNE; PCA has none.

    Returns
    -------
    xy : ndarray of shape (N, 2), float32
    axes : tuple of str
        Titles; for PCA with the share of the variance.

    Raises
    ------
    InputError
        When UMAP or t-SNE is asked for with fewer than five cells.
    """
    if method == "pca":
        return _pca(features)
    name = {"umap": "UMAP", "tsne": "t-SNE"}[method]
    if len(features) < UMAP_MIN_CELLS:
        raise InputError(f"{name} needs at least {UMAP_MIN_CELLS} cells; got {len(features)}. PCA works for any number")
    xy = _umap(features, seed) if method == "umap" else _tsne(features, seed)
    return xy, (f"{name} 1", f"{name} 2")


def project_run(folder: Path, stems: Sequence[str], *, method: Method = "pca", seed: int = 0) -> Projection:
    """Project all cells of a run, or read the stored projection where it is newer than the embeddings.

    Parameters
    ----------
    folder : Path
        Of the run; ``<stem>/embeddings.npz`` (features, cell_ids) is read, ``projection_<method>.npz`` is written.
    stems : sequence of str
        Folder names of the images; those without embeddings are left out.
    method : {"pca", "umap", "tsne"}
    seed : int

    Returns
    -------
    Projection
        No points when no image has embeddings.
    """
    stored = read_projection(folder, method)
    sources = [(stem, folder / stem / "embeddings.npz") for stem in stems]
    sources = [(stem, path) for stem, path in sources if path.exists()]
    if stored is not None and _is_fresh(folder, method, [path for _, path in sources]):
        return stored
    features, images, cell_ids = _read_embeddings(sources)
    xy, axes = project(features, method=method, seed=seed)
    projection = Projection(xy, images, cell_ids, axes, method)
    _write(projection, _path(folder, method))
    return projection


def projected_ns(folder: Path, method: Method) -> int | None:
    """Return when the stored projection was written, nanoseconds; None when `project_run` has not run."""
    path = _path(folder, method)
    return path.stat().st_mtime_ns if path.exists() else None


def is_current(folder: Path, stems: Sequence[str], method: Method) -> bool:
    """Whether the stored projection is newer than all embeddings of the run."""
    sources = [folder / stem / "embeddings.npz" for stem in stems]
    return _path(folder, method).exists() and _is_fresh(folder, method, [path for path in sources if path.exists()])


def read_projection(folder: Path, method: Method) -> Projection | None:
    """Return what `project_run` stored, None when it has not run."""
    path = _path(folder, method)
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        axes = (str(arrays["axes"][0]), str(arrays["axes"][1]))
        return Projection(arrays["xy"], arrays["images"], arrays["cell_ids"], axes, method)


def _is_fresh(folder: Path, method: Method, sources: Sequence[Path]) -> bool:
    written = _path(folder, method).stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= written for source in sources)


def _read_embeddings(sources: Sequence[tuple[str, Path]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    features, images, cell_ids = [], [], []
    for stem, path in sources:
        with np.load(path, allow_pickle=False) as arrays:
            features.append(arrays["features"].astype(np.float32))
            cell_ids.append(arrays["cell_ids"].astype(np.int32))
            images.append(np.full(len(cell_ids[-1]), stem))
    if not features:
        return np.zeros((0, 0), np.float32), np.zeros(0, "U1"), np.zeros(0, np.int32)
    not_empty = [block for block in features if len(block)] or features[:1]
    return np.concatenate(not_empty), np.concatenate(images), np.concatenate(cell_ids)


def _write(projection: Projection, path: Path) -> None:
    with atomic_write(path) as part:
        np.savez_compressed(
            part,
            xy=projection.xy,
            images=projection.images,
            cell_ids=projection.cell_ids,
            axes=np.asarray(projection.axes),
        )


def _path(folder: Path, method: Method) -> Path:
    return folder / f"projection_{method}.npz"


def _pca(features: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    names = ("First principal component", "Second principal component")
    n, width = features.shape
    if n < 2 or width < 2:
        return np.zeros((n, 2), np.float32), names
    # PCA computes the covariance in float32 before it takes the mean off: features far from zero would lose digits.
    centred = features.astype(np.float32) - features.mean(axis=0, dtype=np.float64).astype(np.float32)
    pca = PCA(2, svd_solver="covariance_eigh")
    with np.errstate(invalid="ignore"):  # shares of no variance at all
        xy = pca.fit_transform(centred)
    shares = np.nan_to_num(pca.explained_variance_ratio_)
    axes = tuple(f"{name} ({100 * share:.0f} % of the variance)" for name, share in zip(names, shares, strict=True))
    return xy.astype(np.float32), (axes[0], axes[1])


def _umap(features: np.ndarray, seed: int) -> np.ndarray:
    from umap import UMAP  # seconds to import: only when a map is asked for

    # Spectral initialisation needs more neighbours than a handful of cells have.
    start = "spectral" if len(features) > 3 * 15 else "random"
    model = UMAP(n_neighbors=min(15, len(features) - 1), init=start, random_state=seed, n_jobs=1)
    return model.fit_transform(features.astype(np.float32)).astype(np.float32)


def _tsne(features: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(features) - 1) / 3)
    return TSNE(perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(features.astype(np.float32))
