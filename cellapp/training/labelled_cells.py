"""Cells of analysed images with their vectors, the class and the group of each: what a head is trained on in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from cellapp.errors import InputError
from cellapp.settings import VectorSettings
from cellapp.types.cells import Embeddings

MIN_CELLS = 2
"""Cells that each class needs at least; a head worth using needs many more, of several images."""
BY_IMAGE = "image"
"""Name of the grouping in which every image is a group of its own."""


@dataclass(frozen=True, eq=False)
class ImageVectors:
    """The vectors of the accepted cells of one analysed image."""

    name: str  # unique among the images of a training, see `image_names`
    embeddings: Embeddings
    settings: VectorSettings  # how they were made


@dataclass(frozen=True, eq=False)
class LabelledCells:
    """N cells with their vectors, in the order of images and cell ids, whatever order the labels came in."""

    images: Sequence[str]  # N
    cell_ids: np.ndarray  # (N,) int32
    features: np.ndarray  # (N, F) float32, see `Embeddings.features`
    labels: Sequence[str]  # N class names
    groups: Sequence[str]  # N
    grouped_by: str  # `BY_IMAGE`, or a column
    encoder: str  # "name@revision"
    settings: VectorSettings
    left_out: Sequence[str] = ()  # a sentence for each image or kind of cell that was left out

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def names(self) -> list[str]:
        """Name of each cell, N: image and cell id."""
        return [f"{image}/{cell_id}" for image, cell_id in zip(self.images, self.cell_ids, strict=True)]

    @property
    def digests(self) -> list[str]:
        """sha256 of the vector of each cell, N."""
        return [sha256(row.tobytes()).hexdigest() for row in np.ascontiguousarray(self.features)]


def image_names(stems: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return a name for each image of each run: its folder's, with the number of the run in front where there are more.

    Names, not ids, so that the same images make the same folds whether a page or the command line trains.
    """
    if len(stems) == 1:
        return [list(stems[0])]
    return [[f"{number}/{stem}" for stem in of_run] for number, of_run in enumerate(stems, 1)]


def label_cells(
    images: Sequence[ImageVectors],
    labels: Mapping[str, Mapping[int, str]],
    groups: Mapping[str, str],
    grouped_by: str,
    left_out: Sequence[str] = (),
) -> LabelledCells:
    """Join vectors with classes and groups; cells without a class and images without a group are left out.

    Parameters
    ----------
    images : sequence of ImageVectors
    labels : mapping of image name to mapping of cell id to class
    groups : mapping of image name to group
    grouped_by : str
        Name of the column that `groups` is from, or `BY_IMAGE`.
    left_out : sequence of str
        Sentences about what the caller left out already.

    Raises
    ------
    InputError
        When vectors were made in different ways, no group is known, or fewer than two classes have `MIN_CELLS` cells.
    """
    ungrouped = [image.name for image in images if labels.get(image.name) and not groups.get(image.name)]
    used = [image for image in images if labels.get(image.name) and groups.get(image.name)]
    if ungrouped and not used:
        raise InputError(f"no image has a {grouped_by!r}: fill in that column, or group by image")
    _check_alike(used)
    notes = [f"{name}: no {grouped_by}, so that nobody knows what it may be tested against" for name in ungrouped]
    rows = _rows(used, labels)
    _check_classes([name for *_, name in rows])
    return LabelledCells(
        images=[image.name for image, *_ in rows],
        cell_ids=np.array([cell_id for _, _, cell_id, _ in rows], np.int32),
        features=_features(rows),
        labels=[name for *_, name in rows],
        groups=[groups[image.name] for image, *_ in rows],
        grouped_by=grouped_by,
        encoder=used[0].embeddings.encoder,
        settings=used[0].settings,
        left_out=(*left_out, *notes),
    )


def _rows(
    images: Sequence[ImageVectors], labels: Mapping[str, Mapping[int, str]]
) -> list[tuple[ImageVectors, int, int, str]]:
    """Return image, row in its vectors, cell id and class of each labelled cell, by image and cell id."""
    return [
        (image, at, cell_id, name)
        for image in sorted(images, key=lambda image: image.name)
        for at, cell_id in sorted(enumerate(image.embeddings.cell_ids.tolist()), key=lambda pair: pair[1])
        if (name := labels[image.name].get(cell_id))
    ]


def _features(rows: Sequence[tuple[ImageVectors, int, int, str]]) -> np.ndarray:
    of_image = {image.name: image.embeddings.features for image in {id(row[0]): row[0] for row in rows}.values()}
    return np.stack([of_image[image.name][at] for image, at, *_ in rows])


def _check_alike(images: Sequence[ImageVectors]) -> None:
    ways = {(image.embeddings.encoder, image.settings.key): image.name for image in images}
    if len(ways) > 1:
        first, second = list(ways.values())[:2]
        raise InputError(
            f"cells of {first!r} and {second!r} became vectors in different ways; analyse both with the same head, or "
            "with none, and train on those runs"
        )


def _check_classes(labels: Sequence[str]) -> None:
    counts = {name: labels.count(name) for name in sorted(set(labels))}
    if len(counts) < 2:
        there = f"all {len(labels):,} labelled cells are {next(iter(counts))!r}" if counts else "no cell has a label"
        raise InputError(f"training needs cells of at least two classes, and {there}: add images or labels of another")
    few = [name for name, n in counts.items() if n < MIN_CELLS]
    if few:
        raise InputError(f"class {few[0]!r} has one cell; label at least {MIN_CELLS}, better dozens, or leave it out")
