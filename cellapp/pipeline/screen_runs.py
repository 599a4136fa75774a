"""Treatments in the wells of analysed images: from folders of runs and a layout to effects, dose response and hits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp import __version__
from cellapp.cells.answer import pool
from cellapp.errors import InputError, first_names
from cellapp.exports.run_json import read_run
from cellapp.exports.screen import screen_tree, write_screen
from cellapp.exports.stored_summary import stored_summary
from cellapp.exports.tables import read_cells, row_classes
from cellapp.models.demonstration import demonstration_of_run
from cellapp.pipeline.quantify_runs import CELLS, RUN, image_named, images_of_runs
from cellapp.population.layout import Placed, read_layout
from cellapp.population.measures import CELLS as CELL_COUNT
from cellapp.population.measures import ImageCounts, chosen_measure, measure_words, well_table
from cellapp.population.placing import ImageNames, Placement, place
from cellapp.population.screen import Screen, ScreenSettings, screen

_SHOWN = 6


@dataclass(frozen=True, eq=False)
class ScreenImage:
    """One analysed image."""

    names: ImageNames
    row: Mapping[str, Any]  # of summary.csv
    read_cells: Callable[[], pd.DataFrame]


def screen_runs(
    folders: Sequence[str | Path],
    plate: Path,
    out: Path,
    settings: ScreenSettings | None = None,
    *,
    control: str | None = None,
    positive_control: str | None = None,
) -> dict[str, Any]:
    """Find which treatments change a measure of cells.

    Parameters
    ----------
    folders : sequence of str or Path
        Where `python -m cellapp analyse` wrote, or folders of single images in there; all analysed with one head.
    plate : Path
        Layout, see `cellapp.population.layout.read_layout`.
    out : Path
        Folder of the files, see `cellapp.exports.screen.write_screen`.
    settings : ScreenSettings, optional
    control, positive_control : str, optional
        Treatments that are the controls; the layout says it when left out.

    Returns
    -------
    dict
        Plain JSON values, as in screen.json.

    Raises
    ------
    InputError
        When no image is in a well of the layout, images have several heads, or anything given cannot be used.
    """
    found, tree = screen_folders(folders, plate, settings, control=control, positive_control=positive_control)
    write_screen(found, out, tree)
    return tree


def screen_folders(
    folders: Sequence[str | Path],
    plate: Path,
    settings: ScreenSettings | None = None,
    *,
    control: str | None = None,
    positive_control: str | None = None,
) -> tuple[Screen, dict[str, Any]]:
    """Compare treatments without writing anything; see `screen_runs`.

    Returns
    -------
    found : Screen
    tree : dict
        Plain JSON values, as in screen.json.
    """
    settings = settings or ScreenSettings()
    layout = read_layout(plate, control=control, positive=positive_control)
    paths = images_of_runs(folders)
    runs = {name: read_run(folder / RUN) for name, folder in paths.items()}
    head = _one_head(runs)
    images = [_image(name, paths[name], run) for name, run in runs.items()]
    found, notes = screen_images(images, layout, settings, of_file=plate.name)
    answer = pool([image.row for image in images], demonstration_of_run(next(iter(runs.values()))))
    tree = screen_tree(found)
    return found, tree | {
        "answer": answer.fitness.value,
        "answer_reason": answer.reason,
        "notes": [*tree["notes"], *notes],
        "version": __version__,
        "head": head,
        "settings": settings.model_dump(mode="json"),
        "layout": plate.name,
    }


def screen_images(
    images: Sequence[ScreenImage], layout: Sequence[Placed], settings: ScreenSettings, *, of_file: str
) -> tuple[Screen, list[str]]:
    """Put images into the wells of a layout and compare the treatments.

    Parameters
    ----------
    images : sequence of ScreenImage
    layout : sequence of Placed
    settings : ScreenSettings
    of_file : str
        The layout's name, for messages.

    Returns
    -------
    found : Screen
    notes : list of str
        Images without a well and wells without an image.

    Raises
    ------
    InputError
        See `screen_runs`.
    """
    by_name = {image.names.name: image for image in images}
    named = {one.image: name for one in layout if one.image and (name := image_named(one.image, by_name))}
    placement = place([image.names for image in images], layout, named)
    if not placement.of_image:
        raise InputError(
            f"no image is in a well of {of_file}; wells are read from names ({images[0].names.well_text!r}), "
            "or give a column 'image'"
        )
    classes = list(dict.fromkeys(name for image in images for name in row_classes(image.row)))
    of_wells = [by_name[name] for name in placement.of_image]
    is_share = settings.measure is None or settings.measure in (*classes, CELL_COUNT)
    columns = [] if is_share else _numbers(of_wells[0].read_cells())
    measure = chosen_measure(settings.measure, classes, columns)
    counts = {image.names.name: _counts(image, None if is_share else measure) for image in of_wells}
    wells = well_table(counts, placement.of_image, measure, settings.min_cells)
    words, by_class = measure_words(measure, classes), measure in classes
    return screen(wells, words, settings, by_class=by_class), _unmatched(placement)


def _one_head(runs: Mapping[str, Mapping[str, Any]]) -> str | None:
    heads = {run.get("head"): name for name, run in runs.items()}
    if len(heads) > 1:
        (one, a), (other, b), *_ = heads.items()
        raise InputError(
            f"{a} was analysed with the head {one or 'none'} and {b} with {other or 'none'}; wells are compared by "
            "one head: give them the same by `python -m cellapp rescore`"
        )
    return next(iter(heads))


def _image(name: str, folder: Path, run: Mapping[str, Any]) -> ScreenImage:
    scene = str(run["image"].get("scene") or "")
    names = ImageNames(name, scene or folder.name, (folder.name, folder.parent.name))
    return ScreenImage(names, stored_summary(folder), lambda: read_cells(folder / CELLS))


def _numbers(cells: pd.DataFrame) -> list[str]:
    return list(cells.select_dtypes("number").columns)


def _counts(image: ScreenImage, column: str | None) -> ImageCounts:
    n = int(image.row["n_cells"]) - int(image.row["n_rejected"])
    if column is None:
        return ImageCounts(n, {name: int(image.row[f"n_{name}"] or 0) for name in row_classes(image.row)})
    cells = image.read_cells()
    if column not in cells:
        return ImageCounts(n, values=np.zeros(0))
    return ImageCounts(n, values=cells.loc[cells["qc_pass"].astype(bool), column].to_numpy(float))


def _unmatched(placement: Placement) -> list[str]:
    said = []
    if placement.unplaced:
        said.append(f"in no well of the layout: {first_names(placement.unplaced, _SHOWN)}")
    if placement.empty:
        said.append(
            f"wells of the layout without an image: {first_names([one.where for one in placement.empty], _SHOWN)}"
        )
    return said
