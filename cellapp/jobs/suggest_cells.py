"""Cells of a run or a folder to label next, as lines of a table whose class is still to be filled in."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.embeddings import read_embeddings
from cellapp.jobs.make_vectors import make_vectors
from cellapp.labelling.analysed_cells import analysed_cells
from cellapp.labelling.folder_labels import image_folders, unlabelled_line
from cellapp.labelling.label_table import TableLabel
from cellapp.labelling.orders import OrderOptions
from cellapp.store.label_exchange import Exchange
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import run_folder
from cellapp.store.vectors import load_vectors
from cellapp.training.classifier.next_cells import next_cells
from cellapp.types.cells import join_embeddings
from cellapp.types.image import OnStep


def suggest_cells(
    target: Exchange | Path,
    order: str,
    *,
    number: int,
    of_class: str | None = None,
    band: str = "0.4-0.6",
    like: str | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> list[TableLabel]:
    """Rank the cells that have vectors and no label yet.

    Parameters
    ----------
    target : Exchange or Path
        A run, or the folder that `analyse` wrote; whose vectors are in its ``embeddings.npz``.
    order : str
        One of `cellapp.labelling.orders.ORDERS`.
    number : int
        At most so many lines are returned.
    of_class : str, optional
        Class that the band is of.
    band : str
        Lower and upper probability, "0.4-0.6".
    like : str, optional
        Cell that others should be like, ``IMAGE:CELL_ID``, the image by the name of its folder.
    seed : int
    on_step : callable, optional
        Progress, where vectors of a run are made first.

    Raises
    ------
    InputError
        `target` is a project, no cell has a vector, or an option does not fit.
    """
    if isinstance(target, Exchange) and target.run is None:
        raise InputError("cells are suggested for one run; give its id in place of the project's")
    out = run_folder(target.run.id) if isinstance(target, Exchange) else target
    vectors, images, cell_ids = _vectors(target, out, on_step)
    labels = _labels(target, out)
    places = list(zip(images, cell_ids.tolist(), strict=True))
    options = OrderOptions(seed, _like(like, places), band=_band(band))
    of_cell = [labels.get(place, "") for place in places]
    rows = next_cells(vectors, of_cell, images, order, options=options, of_class=of_class)
    chosen = [places[row] for row in rows if not of_cell[row]][:number]
    folders = {folder.name: folder for folder in image_folders(out)}
    return [unlabelled_line(image, analysed_cells(folders[image]), cell_id) for image, cell_id in chosen]


def _vectors(target: Exchange | Path, out: Path, on_step: OnStep | None) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return vectors, folder names and ids of the cells; those of a run are made where it has none."""
    if isinstance(target, Exchange):
        make_vectors(target.run.id, on_step=on_step)
        found, stems = load_vectors(target.run.id), {image.image_id: image.stem for image in target.run.images}
        return found.embeddings.features, [stems[image_id] for image_id in found.image_ids], found.cell_ids
    paths = [folder / "embeddings.npz" for folder in image_folders(out)]
    parts = {path.parent.name: read_embeddings(path) for path in paths if path.is_file()}
    if not parts:
        raise InputError(f"no cell of {out.name!r} has a vector; analyse the images with an encoder or a head")
    images = [name for name, part in parts.items() for _ in range(len(part.cell_ids))]
    joined = join_embeddings(list(parts.values()))
    return joined.features, images, joined.cell_ids


def _labels(target: Exchange | Path, out: Path) -> dict[tuple[str, int], str]:
    """Return the class of each labelled cell by folder name and id."""
    if isinstance(target, Path):
        tables = {folder.name: analysed_cells(folder).table["manual_label"] for folder in image_folders(out)}
        return {(name, int(cell)): word for name, table in tables.items() for cell, word in table.items() if word}
    stems = {image.image_id: image.stem for image in target.run.images}
    words = labels_of_run(target.run.id).table[["image_id", "cell_id", "class_name"]]
    return {(stems[image], int(cell)): word for image, cell, word in words.itertuples(index=False)}


def _like(text: str | None, places: list[tuple[str, int]]) -> tuple[int, ...]:
    if text is None:
        return ()
    image, _, cell = text.rpartition(":")
    image = image or places[0][0]
    if not cell.isdigit() or (image, int(cell)) not in places:
        raise InputError(f"a cell to be like is IMAGE:CELL_ID of a cell with a vector; got {text!r}")
    return (places.index((image, int(cell))),)


def _band(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split("-"))
    except ValueError as error:
        raise InputError(f"a band is two probabilities such as 0.4-0.6; got {text!r}") from error
    return low, high
