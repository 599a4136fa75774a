"""Keep training cells with a head: their vectors, labels and, where they can be had, small pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from cellapp.classification.training_cells import SIDE_PX, TrainingCells, rows_to_keep, write_training_cells
from cellapp.encoders.crop_folder import read_crop
from cellapp.errors import CellappError
from cellapp.exports.run_json import image_of, read_run
from cellapp.pipeline.make_crops import raw_crops
from cellapp.rendering.annotations import squared
from cellapp.rendering.colours import channel_colours
from cellapp.rendering.display import default_window, to_display
from cellapp.training.labelled_crops import LabelledCrops
from cellapp.types.image import Slide

PicturesOf = Callable[[Sequence[int]], Sequence[np.ndarray | None]]
"""Returns a picture, (h, w, 3) uint8, of each of some training cells by row; None where there is none."""


def keep_cells(
    folder: Path,
    features: np.ndarray,
    labels: Sequence[str],
    names: Sequence[str],
    groups: Sequence[str],
    pictures_of: PicturesOf | None = None,
) -> None:
    """Write training cells into the folder of a head, see `cellapp.classification.training_cells`.

    Parameters
    ----------
    folder : Path
    features : ndarray of shape (N, F)
        As the head reads them.
    labels, names, groups : sequence of str
        N each.
    pictures_of : callable, optional
    """
    rows = rows_to_keep(labels)
    drawn = pictures_of(rows.tolist()) if pictures_of else []
    black = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    pictures = [black if one is None else squared(one, SIDE_PX) for one in drawn]
    kept = TrainingCells(
        features[rows],
        *(tuple(str(values[row]) for row in rows) for values in (labels, names, groups)),
        n_all=len(labels),
        pictures=np.stack(pictures) if any(one is not None for one in drawn) else None,
    )
    write_training_cells(kept, folder)


def keep_pictured_cells(folder: Path, features: np.ndarray | None, crops: LabelledCrops) -> None:
    """Write training cells that are pictures of single cells, see `keep_cells`; none without vectors the head reads."""
    if features is None:
        return
    pictures_of = pictures_of_files(crops.folder, crops.files)
    keep_cells(folder, features, crops.labels, crops.files, crops.groups, pictures_of)


def pictures_of_files(folder: Path, files: Sequence[str]) -> PicturesOf:
    """Return what draws pictures of single cells from their files."""

    def draw(rows: Sequence[int]) -> list[np.ndarray | None]:
        return [_of_file(folder / files[row]) for row in rows]

    return draw


def pictures_of_runs(
    folders: Mapping[str, Path],
    images: Sequence[str],
    cell_ids: Sequence[int],
    slides: Mapping[str, Callable[[], Slide]] | None = None,
) -> PicturesOf:
    """Return what takes pictures of analysed cells from the ``crops.zip`` beside them, or cuts them from the images.

    Parameters
    ----------
    folders : mapping of the name of an image to its folder in a run
    images : sequence of str
        Name of the image of each training cell.
    cell_ids : sequence of int
    slides : mapping of the name of an image to what opens it, optional
        For images without ``crops.zip``.
    """

    def draw(rows: Sequence[int]) -> list[np.ndarray | None]:
        found: dict[int, np.ndarray] = {}
        for name in dict.fromkeys(images[row] for row in rows):
            mine = [row for row in rows if images[row] == name]
            pictures = _of_image(folders[name], [int(cell_ids[row]) for row in mine], (slides or {}).get(name))
            found |= {row: pictures[int(cell_ids[row])] for row in mine if int(cell_ids[row]) in pictures}
        return [found.get(row) for row in rows]

    return draw


def _of_image(folder: Path, cell_ids: Sequence[int], open_slide: Callable[[], Slide] | None) -> dict[int, np.ndarray]:
    """Draw the raw crops of cells of one image in its colours, all in one window so that they compare."""
    with suppress(CellappError):
        crops = raw_crops(folder, cell_ids, open_slide)
        if not crops:
            return {}
        info, roles = image_of(read_run(folder / "run.json"))
        together = np.concatenate([crop.reshape(len(crop), -1) for crop in crops.values()], axis=1)[:, None]
        windows, colours = default_window(together, roles), channel_colours(info.channels, roles)
        return {cell_id: to_display(crop, colours, windows) for cell_id, crop in crops.items()}
    return {}


def _of_file(path: Path) -> np.ndarray | None:
    with suppress(CellappError):
        crop = read_crop(path)
        return to_display(crop.raw, channel_colours(crop.channels, crop.roles), default_window(crop.raw, crop.roles))
    return None
