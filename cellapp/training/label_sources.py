"""What says the class of each cell of a training: a column of the image table, and people about single cells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cellapp.errors import InputError
from cellapp.training.labelled_cells import ImageVectors


@dataclass(frozen=True)
class GivenLabels:
    """Classes that people gave to single cells, by name of the image and cell id."""

    classes: Mapping[str, Mapping[int, str]]
    disputed: Mapping[str, Collection[int]] = field(default_factory=dict)
    """Cells about which people disagree: nothing is learned from them."""


def labels_by_column(
    images: Sequence[ImageVectors], values: Mapping[str, str], column: str, classes: Mapping[str, str] | None = None
) -> tuple[dict[str, dict[int, str]], list[str]]:
    """Give every cell of an image the class that a column of the image table says.

    Parameters
    ----------
    images : sequence of ImageVectors
    values : mapping of image name to value of the column
    column : str
        For messages.
    classes : mapping of value to class, optional
        An empty class, or none, leaves images with that value out; without the mapping values are the classes.

    Returns
    -------
    labels : dict
        As `label_cells` takes them.
    left_out : list of str
        A sentence for each image without a class.

    Raises
    ------
    InputError
        When the column is empty in all images.
    """
    if not any(values.get(image.name, "").strip() for image in images):
        raise InputError(f"the column {column!r} is empty in all {len(images):,} images: fill it in, or choose another")
    labels: dict[str, dict[int, str]] = {}
    left_out = []
    for image in images:
        value = values.get(image.name, "").strip()
        name = (value if classes is None else classes.get(value, "")).strip()
        if name:
            labels[image.name] = dict.fromkeys(image.embeddings.cell_ids.tolist(), name)
        else:
            left_out.append(f"{image.name}: {f'{value!r} is of no class' if value else f'no {column}'}")
    return labels, left_out


def add_given_labels(
    images: Sequence[ImageVectors],
    labels: Mapping[str, Mapping[int, str]],
    left_out: Sequence[str],
    given: GivenLabels,
) -> tuple[dict[str, dict[int, str]], list[str]]:
    """Put the classes that people gave to cells beside those of a column; where both speak of a cell, people do.

    Parameters
    ----------
    images : sequence of ImageVectors
    labels : mapping of image name to mapping of cell id to class
        From `labels_by_column`; empty where no column counts.
    left_out : sequence of str
        The sentences that came with `labels`: those about images with labels of their own are dropped.
    given : GivenLabels

    Returns
    -------
    labels : dict
        As `label_cells` takes them.
    left_out : list of str

    Raises
    ------
    InputError
        When neither a column nor a person says anything about these cells.
    """
    joined, notes, n_without = {}, [], 0
    for image in images:
        own, disputed = given.classes.get(image.name, {}), set(given.disputed.get(image.name, ()))
        n_without += len(set(own) - set(image.embeddings.cell_ids.tolist()))
        both = {**labels.get(image.name, {}), **own}
        if both := {cell_id: name for cell_id, name in both.items() if cell_id not in disputed}:
            joined[image.name] = both
        if disputed:
            notes.append(f"{image.name}: people disagree about {_cells(len(disputed))}")
    if n_without:
        notes.append(f"{_cells(n_without)} with a label: rejected, so without a vector")
    if not joined:
        raise InputError("no cell of these images has a label: label some, or choose a column that says what they are")
    return joined, [*(why for why in left_out if why.partition(": ")[0] not in joined), *notes]


def _cells(n: int) -> str:
    return f"{n:,} cell{'s' * (n != 1)}"
