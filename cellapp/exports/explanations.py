"""Attribution maps on disk, and what they add up to.

explanations/ has a picture of each explained cell and all maps as numbers, maps_<class>.npz the maps of cells that were
explained later, regions_<class>.parquet the share of each compartment and mean_maps_<class>.npz the mean map of what is
called so, both measured on a sample of a run's cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.explanation.compartments import OF_COMPARTMENTS
from cellapp.explanation.mean_map import GRID, MeanMap, outline_of_mean
from cellapp.exports.embeddings import NO_ARRAYS, write_arrays
from cellapp.exports.tables import read_cells
from cellapp.files import atomic_folder, safe_stem
from cellapp.rendering.annotations import PAPER, signed_colours, squared, strip
from cellapp.rendering.colours import rgb
from cellapp.rendering.composition import ImageStyle
from cellapp.rendering.png import png_bytes
from cellapp.rendering.signed_maps import enlarged, laid_over
from cellapp.settings import ExplainSettings
from cellapp.types.cells import Crops, Explanations

SIDE_PX = 240
GAP_PX = 8
BAR_PX = 16
STORED = ("maps", "rest", "logits", "cell_ids", "target", "method")


def write_explanations(explanations: Explanations, crops: Crops, folder: Path, *, style: ImageStyle) -> Path:
    """Write ``<cell_id>.png`` for every explained cell and ``maps.npz``.

    Parameters
    ----------
    explanations : Explanations
    crops : Crops
        Raw crops of the same cells, cut as the encoder saw them.
    folder : Path
        Replaced when it exists.
    style : ImageStyle
        How crops look.

    Returns
    -------
    Path
        `folder`. Pictures show crop, signed map with colour bar, and both; every cell of the run shares one scale. One
        square of the map is one token, unsmoothed. ``maps.npz`` holds maps, rest, logits (logit units), cell_ids,
        target, method and reads without pickle.

    Raises
    ------
    InputError
        If `crops` are of other cells.
    """
    rows = {int(cell_id): i for i, cell_id in enumerate(crops.cell_ids)}
    missing = sorted(set(explanations.cell_ids.tolist()) - set(rows))
    if missing:
        raise InputError(f"every explained cell needs its crop; cell {missing[0]} has none; cut the same cells")
    with atomic_folder(folder) as part:
        for i, cell_id in enumerate(explanations.cell_ids.tolist()):
            picture = draw_explanation(explanations, i, style.show(crops.pixels[rows[cell_id]]))
            (part / f"{cell_id}.png").write_bytes(png_bytes(picture))
        write_maps(explanations, part / "maps.npz")
    return folder


def write_maps(explanations: Explanations, path: Path) -> Path:
    """Write maps, rest and logits (logit units), cell_ids, target and method as plain arrays."""
    return write_arrays({name: np.asarray(getattr(explanations, name)) for name in STORED}, path)


def read_maps(path: Path) -> Explanations:
    """Read what `write_maps` wrote, without pickle.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in STORED}
    except NO_ARRAYS as error:
        raise InputError(f"{path.name!r} holds no maps of cells; explain the cells again") from error
    return Explanations(**arrays | {name: str(arrays[name]) for name in ("target", "method")})


def draw_explanation(explanations: Explanations, row: int, picture: np.ndarray) -> np.ndarray:
    """Draw one cell: crop, signed map with colour bar, map over crop, and a caption with the logit and its parts.

    Parameters
    ----------
    explanations : Explanations
    row : int
        Which of its cells.
    picture : ndarray of shape (h, w, 3), uint8
        Display rendering of the crop.

    Returns
    -------
    ndarray of shape (h, w, 3), uint8
    """
    shown = squared(picture, SIDE_PX)
    values = enlarged(explanations.maps[row], (SIDE_PX, SIDE_PX))
    heat, both = signed_colours(values, explanations.limit), laid_over(shown, values, explanations.limit)
    gap = np.full((SIDE_PX, GAP_PX, 3), rgb(PAPER), np.uint8)
    body = np.concatenate([shown, gap, heat, gap, _colour_bar(explanations.limit), gap, both], axis=1)
    total, part, rest = explanations.logits[row], explanations.maps[row].sum(), explanations.rest[row]
    caption = [
        f"cell {explanations.cell_ids[row]}: for (vermillion) and against (blue) {explanations.target}, in logit units",
        f"logit {total:+.2f} = map {part:+.2f} and the rest {rest:+.2f}; {explanations.method}",
    ]
    return np.concatenate([body, strip(body.shape[1], caption)])


def _colour_bar(limit: float) -> np.ndarray:
    """Draw the bar with its three numbers, (SIDE_PX, w, 3) uint8."""
    values = np.linspace(1, -1, SIDE_PX)
    bar = np.repeat(signed_colours(values, 1.0)[:, None], BAR_PX, axis=1)
    numbers = np.full((SIDE_PX, 48, 3), rgb(PAPER), np.uint8)
    for value, top in ((limit, 0), (0.0, None), (-limit, -1)):
        text = strip(48, [f"{value:+.2g}" if value else "0"], size_px=11)
        start = {0: 0, -1: SIDE_PX - len(text)}.get(top, (SIDE_PX - len(text)) // 2)
        numbers[start : start + len(text)] = text
    return np.concatenate([bar, numbers], axis=1)


def stored_maps(
    folder: Path, target: str, how: ExplainSettings | None = None, head: str | None = None
) -> Explanations | None:
    """Return the maps stored for a class in an image's folder, see `maps_path`; None when there are none."""
    path = maps_path(folder, target, how, head)
    maps = read_maps(path) if path.exists() else None
    return maps if maps is not None and maps.target == target else None


def maps_path(folder: Path, target: str, how: ExplainSettings | None = None, head: str | None = None) -> Path:
    """Return the path of the maps of a class in an image's folder; HiResCAM's, made either way, has the short name.

    Parameters
    ----------
    folder : Path
        Of the image in its run.
    target : str
        Class explained.
    how : ExplainSettings, optional
        Method and layer.
    head : str, optional
        Identity of another head than the run's, whose maps are kept apart.
    """
    how = how or ExplainSettings()
    folder = folder if head is None else folder / "maps_by_head" / safe_stem(head)
    if how.layer is None and how.named in ("exact", "hirescam"):
        return folder / f"maps_{safe_stem(target)}.npz"
    layer = "" if how.layer is None else f"_{how.layer}"
    return folder / "maps_by_method" / f"{how.named}{layer}_{safe_stem(target)}.npz"


def read_explanation_summary(folder: Path, stems: Sequence[str], target: str) -> pd.DataFrame | None:
    """Return what `cellapp.jobs.summarise_explanations` measured for a class.

    Parameters
    ----------
    folder : Path
        Of the run.
    stems : sequence of str
        Folder names of its finished images.
    target : str
        Class explained.

    Returns
    -------
    DataFrame or None
        One row per cell, see `compartment_table`; what an earlier version did not measure is missing. None when it was
        not measured since an image of the run was last segmented.
    """
    path = summary_path(folder, target)
    if not path.exists():
        return None
    written_ns = path.stat().st_mtime_ns
    if any((folder / stem / "labels.tif").stat().st_mtime_ns > written_ns for stem in stems):
        return None
    summary = read_cells(path)
    if not (summary["target"] == target).all():
        return None
    return summary.assign(**{name: np.nan for name in OF_COMPARTMENTS if name not in summary})


def write_mean_maps(means: Mapping[str, MeanMap], path: Path, *, target: str, method: str) -> Path:
    """Write the mean map of each class, see `mean_maps_path`."""
    values = np.stack([mean.values for mean in means.values()]) if means else np.zeros((0, GRID, GRID), np.float32)
    arrays = {"values": values, "n_cells": np.array([mean.n_cells for mean in means.values()], np.int64)}
    names = {"classes": np.array(list(means), str), "target": np.array(target), "method": np.array(method)}
    return write_arrays(arrays | names, path)


def read_mean_maps(folder: Path, target: str) -> tuple[dict[str, MeanMap], str]:
    """Return the mean map of each class of a run, explained as `target`, and the method; none where there are none."""
    path = mean_maps_path(folder, target)
    if not path.exists():
        return {}, ""
    with np.load(path, allow_pickle=False) as file:
        if str(file["target"]) != target:
            return {}, ""
        rows = zip(file["classes"], file["values"], file["n_cells"], strict=True)
        means = {str(name): MeanMap(values, int(n), outline_of_mean()) for name, values, n in rows}
        return means, str(file["method"])


def mean_maps_path(folder: Path, target: str) -> Path:
    """Return the path of the mean maps of a class in a run's folder."""
    return folder / f"mean_maps_{safe_stem(target)}.npz"


def summary_path(folder: Path, target: str) -> Path:
    """Return the path of the summary of a class in a run's folder."""
    return folder / f"regions_{safe_stem(target)}.parquet"
