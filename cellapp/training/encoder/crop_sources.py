"""Cut the crops of a recipe's sources from folders of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.images.formats.inside import inside
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import drop_small, read_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import PreprocessSettings, SegmentSettings
from cellapp.text_table import read_table
from cellapp.training.encoder.crop_dataset import STORED_PX, CropSet, cut_windows, join_sets, resize
from cellapp.training.encoder.recipe import Source
from cellapp.training.encoder.synthetic_crops import render_cells
from cellapp.types.image import OnStep, Role
from cellapp.types.protocols import Segmenter

_LABELLED = ("images", "labels")  # folders of a source with label images

_MIN_AREA = 0.2  # of the image's median area; smaller objects are debris
_CLASS_END = "___"  # the part of a file name before it is the class

LabelledWindows = tuple[np.ndarray, list[str], str]
"""Windows (N, 4, S, S), a label for each, and the name of the image they are from."""


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
        Segments images without label images.
    seed : int
        Decides which cells are drawn from an image with more than `per_image`.
    on_step : callable, optional

    Raises
    ------
    InputError
        When a folder of the recipe is absent or holds no cell.
    """
    parts = []
    for at, source in enumerate(sources):
        for windows, labels, group in _read_source(source, data, segmenter):
            rng = np.random.default_rng([seed, at, len(parts)])
            rows = np.sort(rng.permutation(len(windows))[: source.per_image])
            n = len(rows)
            drawn = np.array([labels[row] for row in rows], dtype=str)
            parts.append(CropSet(windows[rows], drawn, np.full(n, group), np.full(n, source.name)))
            if on_step:
                on_step(f"Cutting {source.name}: {group}", at / len(sources))
    return join_sets(parts)


def _read_source(source: Source, data: Path, segmenter: Segmenter) -> Iterator[LabelledWindows]:
    if source.kind == "synthetic":
        yield from map(render_cells, range(source.n_slides))
        return
    folder = data / source.folder
    if not folder.is_dir():
        raise InputError(f"source {source.name!r} of the recipe needs the folder {str(folder)!r}, which is absent")
    if source.kind == "labelled":
        yield from _read_labelled(source, folder)
    elif source.kind == "cells":
        yield from _read_single_cells(source, folder)
    else:
        yield from _segment_fields(source, folder, segmenter)


def _read_labelled(source: Source, folder: Path) -> Iterator[LabelledWindows]:
    """Images with label images, by ``index.csv``: columns id or file, split, and type, which is the label."""
    table = read_table(folder / "index.csv", ["split"], ["id", "file", "type"])
    for row in table[table["split"] == source.split].to_dict("records"):
        stem = row.get("id") or row["file"]
        picture, labelled = (inside(folder, f"{part}/{stem}.png", f"{source.name}/index.csv") for part in _LABELLED)
        planes, labels = _three_planes(_read_image([picture])), read_labels(labelled)
        yield _cut(planes, labels, row.get("type", source.name), f"{source.name}/{stem}")


def _segment_fields(source: Source, folder: Path, segmenter: Segmenter) -> Iterator[LabelledWindows]:
    for paths in _list_images(source, folder):
        pixels = _read_image(paths)
        role = Role.COLOUR if len(paths) == 1 and len(pixels) == 3 else Role.OTHER  # one file of three is a photograph
        labels = segment(pixels, (role,) * len(pixels), segmenter, SegmentSettings()).labels
        yield _cut(_three_planes(pixels), labels, source.name, paths[0].relative_to(folder.parent).as_posix())


def _read_single_cells(source: Source, folder: Path) -> Iterator[LabelledWindows]:
    """Read the central square of each picture, with a mask of everything; the label is in the file name."""
    for (path,) in _list_images(source, folder):
        planes = _three_planes(_read_image([path]))
        side = min(planes.shape[1:])
        y, x = ((length - side) // 2 for length in planes.shape[1:])
        square = [resize(plane) for plane in planes[:, y : y + side, x : x + side]]
        mask = np.full((STORED_PX, STORED_PX), 255, np.uint8)
        label = path.name.partition(_CLASS_END)[0] if _CLASS_END in path.name else source.name
        yield np.stack([*square, mask])[None], [label], path.relative_to(folder.parent).as_posix()


def _list_images(source: Source, folder: Path) -> Iterator[tuple[Path, ...]]:
    """List the files of each image, one for each pattern of a group."""
    for patterns in source.pictures:
        files = [without_litter(folder.glob(pattern), folder) for pattern in patterns]
        if not files[0]:
            raise InputError(f"source {source.name!r} of the recipe: nothing in {str(folder)!r} fits {patterns[0]!r}")
        if len({len(found) for found in files}) > 1:
            counts = ", ".join(f"{len(found)} for {pattern!r}" for pattern, found in zip(patterns, files, strict=True))
            raise InputError(f"source {source.name!r}: {str(folder)!r} has {counts}; an image needs one file of each")
        yield from zip(*files, strict=True)


def _cut(planes: np.ndarray, labels: np.ndarray, label: str, group: str) -> LabelledWindows:
    areas = np.bincount(labels.ravel())[1:]
    if areas.any():
        labels = drop_small(labels, round(_MIN_AREA * float(np.median(areas[areas > 0]))))
    cell_ids = [int(cell_id) for cell_id in np.unique(labels) if cell_id]
    return cut_windows(planes, labels, cell_ids), [label] * len(cell_ids), group


def _read_image(paths: Sequence[Path]) -> np.ndarray:
    """Read and preprocess one image of one or several files, (C, Y, X) float32, 0 to 1."""
    slides = [open_slide(path) for path in paths]
    return np.concatenate([Preprocessor.fit(one, PreprocessSettings()).apply(one.region()) for one in slides])


def _three_planes(planes: np.ndarray) -> np.ndarray:
    """Make three planes of channels: one is repeated, before two goes a black one, of more the first three stay."""
    if len(planes) == 1:
        return np.repeat(planes, 3, axis=0)
    return np.concatenate([np.zeros_like(planes[:1]), planes]) if len(planes) == 2 else planes[:3]
