"""Cut the crop set of a recipe from a folder of images."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import drop_small, read_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import PreprocessSettings, SegmentSettings
from cellapp.training.encoder.crop_dataset import STORED_PX, CropSet, cut_windows, join_sets, shrink
from cellapp.training.encoder.recipe import Source
from cellapp.training.encoder.synthetic_crops import render_cells
from cellapp.types.image import OnStep, Role
from cellapp.types.protocols import Segmenter

_SMALL = 0.2  # objects under this share of the image's median area are debris
_NAME = "___"  # what stands before it in a picture's name is its class

Cells = tuple[np.ndarray, list[str], str]
"""Windows (N, 4, S, S), a label for each, and the image they come from."""


def cut_sources(
    sources: tuple[Source, ...], data: Path, segmenter: Segmenter, *, seed: int = 0, on_step: OnStep | None = None
) -> CropSet:
    """Cut the crops of all sources.

    Parameters
    ----------
    sources : tuple of Source
    data : Path
        Folder their `folder` is below.
    segmenter : Segmenter
        Finds the cells where there are no label maps.
    seed : int
        Decides which cells are taken where there are more than `per_image`.
    on_step : callable, optional

    Raises
    ------
    InputError
        When a folder of the recipe is absent or holds no cell.
    """
    parts = []
    for at, source in enumerate(sources):
        for windows, labels, group in _cells_of(source, data, segmenter):
            rng = np.random.default_rng([seed, at, len(parts)])
            kept = np.sort(rng.permutation(len(windows))[: source.per_image])
            n = len(kept)
            names = np.array([labels[row] for row in kept], dtype=str)
            parts.append(CropSet(windows[kept], names, np.full(n, group), np.full(n, source.name)))
            if on_step:
                on_step(f"Cutting {source.name}: {group}", at / len(sources))
    return join_sets(parts)


def _cells_of(source: Source, data: Path, segmenter: Segmenter) -> Iterator[Cells]:
    if source.kind == "synthetic":
        for seed in range(source.n_slides):
            yield render_cells(seed)
        return
    folder = data / source.folder
    if not folder.is_dir():
        raise InputError(f"source {source.name!r} of the recipe needs the folder {str(folder)!r}, which is absent")
    if source.kind == "labelled":
        yield from _labelled(source, folder)
    elif source.kind == "cells":
        yield from _single(source, folder)
    else:
        yield from _found(source, folder, segmenter)


def _labelled(source: Source, folder: Path) -> Iterator[Cells]:
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == source.split]
    for row in rows:
        stem = row.get("id") or row["file"]
        planes = _three(_processed([folder / "images" / f"{stem}.png"]))
        labels = read_labels(folder / "labels" / f"{stem}.png")
        yield _cut(planes, labels, row.get("type", source.name), f"{source.name}/{stem}")


def _found(source: Source, folder: Path, segmenter: Segmenter) -> Iterator[Cells]:
    for paths in _pictures(source, folder):
        pixels = _processed(paths)
        roles = (Role.OTHER,) * len(pixels)
        labels = segment(pixels, roles, segmenter, SegmentSettings()).labels
        yield _cut(_three(pixels), labels, source.name, paths[0].relative_to(folder.parent).as_posix())


def _single(source: Source, folder: Path) -> Iterator[Cells]:
    for (path,) in _pictures(source, folder):
        planes = _three(_processed([path]))
        side = min(planes.shape[1:])
        y, x = ((length - side) // 2 for length in planes.shape[1:])
        small = [shrink(plane) for plane in planes[:, y : y + side, x : x + side]]
        inside = np.full((STORED_PX, STORED_PX), 255, np.uint8)
        label = path.name.partition(_NAME)[0] if _NAME in path.name else source.name
        yield np.stack([*small, inside])[None], [label], path.relative_to(folder.parent).as_posix()


def _pictures(source: Source, folder: Path) -> Iterator[tuple[Path, ...]]:
    for patterns in source.pictures:
        found = [sorted(folder.glob(pattern)) for pattern in patterns]
        if not found[0]:
            raise InputError(f"source {source.name!r} of the recipe: nothing in {str(folder)!r} fits {patterns[0]!r}")
        yield from zip(*found, strict=True)


def _cut(planes: np.ndarray, labels: np.ndarray, label: str, group: str) -> Cells:
    areas = np.bincount(labels.ravel())[1:]
    if areas.any():
        labels = drop_small(labels, round(_SMALL * float(np.median(areas[areas > 0]))))
    cell_ids = [int(cell_id) for cell_id in np.unique(labels) if cell_id]
    return cut_windows(planes, labels, cell_ids), [label] * len(cell_ids), group


def _processed(paths: tuple[Path, ...] | list[Path]) -> np.ndarray:
    """Read one image of one or several files as the program reads images, (C, Y, X) float32, 0 to 1."""
    planes = []
    for path in paths:
        slide = open_slide(path)
        planes.append(Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region()))
    return np.concatenate(planes)


def _three(planes: np.ndarray) -> np.ndarray:
    """Lay out channels as three planes: one fills all, of two the first is black, of more the first three stay."""
    if len(planes) == 1:
        return np.repeat(planes, 3, axis=0)
    return np.concatenate([np.zeros_like(planes[:1]), planes]) if len(planes) == 2 else planes[:3]
