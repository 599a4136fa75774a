"""Projects as the core makes them, small enough for a page test: images in the store, runs with all their files."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from cellapp.classification.cell_columns import add_predictions
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.tables import write_summary
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.segmentation.label_image import relabel
from cellapp.settings import AnalyseSettings
from cellapp.store import cells as cell_store
from cellapp.store import open_image, projects, runs, uploads
from cellapp.store.records import ImageRecord, ProjectRecord, RunRecord
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import Analysis, Embeddings, Predictions

CLASSES = ("cancer", "normal")
HOSTILE_NAME = "=<img src=x onerror=alert(1)>\"'*_`$x$ :smile: [a](b).tif"
_DIM = 4
_COPIES = tempfile.TemporaryDirectory()
_WRITTEN: dict[tuple, tuple[Path, pd.DataFrame, dict]] = {}  # folders of images, their cells and summary rows


@dataclass(frozen=True, eq=False)
class FixedSegmenter:
    """Finds the cells it was given."""

    labels: np.ndarray
    name: str = "fixed@1"
    fast: bool = True

    def flows(self, pixels, roles, settings):
        return self.labels

    def masks(self, flows, settings):
        return flows


@dataclass(frozen=True, eq=False)
class Seeded:
    """What a page test starts from."""

    project: ProjectRecord
    image: ImageRecord
    labels: np.ndarray  # (Y, X) int32, the truth of `image`


def seed_image(folder: Path, *, name: str = "cells.tif", seed: int = 1, side: int = 256) -> Seeded:
    """Put a synthetic image of a few cells into the default project."""
    content, truth = rendered(side, seed)
    path = folder / f"seed-{seed}.ome.tif"
    path.write_bytes(content)
    project = projects.default_project()
    return Seeded(project, uploads.add_image(project.id, path, name), relabel(truth.astype(np.int32)))


@cache
def rendered(side: int, seed: int) -> tuple[bytes, np.ndarray]:
    """OME-TIFF and true labels of a synthetic slide, rendered once for all tests of a process."""
    pixels, truth, _ = render_field(SyntheticSettings(height=side, width=side, seed=seed))
    metadata = {"axes": "CYX", "Channel": {"Name": ["actin", "cytoplasm", "nucleus"]}, "PhysicalSizeX": 0.5}
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, ome=True, photometric="minisblack", metadata=metadata)
    return file.getvalue(), truth


def seed_run(
    seeded: Sequence[Seeded], *, head: str | None = "demo-head", n_cells: int | None = None, unlike: float = 0.05
) -> RunRecord:
    """Write a finished run of some images with every file of the contract.

    Parameters
    ----------
    seeded : sequence of Seeded
    head : str, optional
        Whose calls they seem to be; None counts only. The probabilities are drawn, no network runs.
    n_cells : int, optional
        Keep so many cells of each image; all when left out.
    unlike : float
        Share of the cells that are unlike the training cells.
    """
    settings = AnalyseSettings.model_validate({"classify": {"head": head}})
    # Set afterwards: a run is not created with a head that nobody knows by name, and here only its calls are read.
    run = runs.create_run(seeded[0].project.id, [one.image.id for one in seeded], AnalyseSettings())
    runs.set_classify(run.id, settings.classify)
    run = runs.get_run(run.id)
    runs.start_run(run.id)
    rows = [
        _analyse(run, row.stem, one, settings, n_cells, unlike) for row, one in zip(run.images, seeded, strict=True)
    ]
    write_summary(rows, runs.run_folder(run.id))
    return runs.finish_run(run.id)


def _analyse(
    run: RunRecord, stem: str, one: Seeded, settings: AnalyseSettings, n_cells: int | None, unlike: float
) -> dict:
    """Write an image's folder; a copy where this process wrote the same one before."""
    key = (one.image.digest, one.image.name, stem, str(settings), n_cells, unlike)
    folder = runs.run_folder(run.id) / stem
    if key in _WRITTEN:
        copy, cells, row = _WRITTEN[key]
        shutil.copytree(copy, folder)
    else:
        cells, row = _write(run, stem, one, settings, n_cells, unlike)
        copy = Path(_COPIES.name) / str(len(_WRITTEN))
        _WRITTEN[key] = (shutil.copytree(folder, copy), cells, row)
    cell_store.save_cells(run.id, one.image.id, cells)
    runs.set_image_status(run.id, one.image.id, "done", n_cells=len(cells), summary=row)
    return row


def _write(
    run: RunRecord, stem: str, one: Seeded, settings: AnalyseSettings, n_cells: int | None, unlike: float
) -> tuple[pd.DataFrame, dict]:
    kept = one.labels if n_cells is None else np.where(one.labels <= _last_id(one.labels, n_cells), one.labels, 0)
    slide = open_image.open_slide(one.image.id)
    count_only = settings.model_copy(update={"classify": settings.classify.model_copy(update={"head": None})})
    found = analyse(slide, RunModels(FixedSegmenter(relabel(kept))), count_only, name=stem)
    found = _called(found, settings.classify.head, unlike) if settings.classify.head else found
    return found.cells, write_analysis(found, slide, runs.run_folder(run.id), settings=settings, seconds=1.0)


def _last_id(labels: np.ndarray, n_cells: int) -> int:
    ids = np.unique(labels)
    return int(ids[min(n_cells, len(ids) - 1)])


def _called(found: Analysis, head: str, unlike: float) -> Analysis:
    """Add what a head would say: probabilities from a seeded draw, vectors that follow them."""
    ids = found.cells.index[found.cells["qc_pass"]].to_numpy(np.int32)
    p = np.random.default_rng(0).uniform(0, 1, len(ids))
    doubt = np.abs(2 * p - 1) < 0.2
    far = p.argsort().argsort() >= len(p) - round(unlike * len(p))
    said = Predictions(np.column_stack([p, 1 - p]), CLASSES, ids, doubt, far, f"{Path(head).name}@1", True)
    vectors = np.repeat(p[:, None], _DIM, axis=1).astype(np.float32)
    provenance = {**found.provenance, "head": said.head, "encoder": "cell-vit@1", "calibrated": True}
    return replace(
        found,
        cells=add_predictions(found.cells, said),
        embeddings=Embeddings(vectors, vectors, ids, "cell-vit@1"),
        provenance=provenance,
    )
