"""explanations/: the reason of each explained cell as a picture, and all maps as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.embeddings import write_arrays
from cellapp.files import atomic_folder, safe_stem
from cellapp.rendering.annotations import PAPER, png_bytes, signed_colours, squared, strip
from cellapp.rendering.colours import rgb
from cellapp.rendering.composition import ImageStyle
from cellapp.types.cells import Crops, Explanations

SIDE_PX = 240
GAP_PX = 8
BAR_PX = 16
STORED = ("maps", "rest", "logits", "cell_ids", "target", "method")
OPACITY = 0.7  # of the strongest token over the crop


def write_explanations(explanations: Explanations, crops: Crops, folder: Path, *, rendering: ImageStyle) -> Path:
    """Write ``<cell_id>.png`` for every explained cell and ``maps.npz``.

    Parameters
    ----------
    explanations : Explanations
    crops : Crops
        Raw crops of the same cells, cut as the encoder saw them.
    folder : Path
        Replaced when it exists.
    rendering : Rendering
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
            picture = draw_explanation(explanations, i, rendering.show(crops.pixels[rows[cell_id]]))
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
        with np.load(path, allow_pickle=False) as held:
            arrays = {name: held[name] for name in STORED}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path.name!r} holds no maps of cells; explain the cells again") from error
    return Explanations(**arrays | {name: str(arrays[name]) for name in ("target", "method")})


def draw_explanation(explanations: Explanations, row: int, picture: np.ndarray) -> np.ndarray:
    """Draw one cell: crop, signed map with colour bar, both, and the sum in words.

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
    values = _enlarged(explanations.maps[row])
    heat = signed_colours(values, explanations.limit)
    # what says nothing hides nothing
    weight = OPACITY * np.abs(values[..., None]) / (explanations.limit or 1.0)
    both = np.rint((1 - weight) * shown + weight * heat).astype(np.uint8)
    gap = np.full((SIDE_PX, GAP_PX, 3), rgb(PAPER), np.uint8)
    body = np.concatenate([shown, gap, heat, gap, _colour_bar(explanations.limit), gap, both], axis=1)
    total, part, rest = explanations.logits[row], explanations.maps[row].sum(), explanations.rest[row]
    words = [
        f"cell {explanations.cell_ids[row]}: for (vermillion) and against (blue) {explanations.target}, in logit units",
        f"logit {total:+.2f} = map {part:+.2f} and the rest {rest:+.2f}; {explanations.method}",
    ]
    return np.concatenate([body, strip(body.shape[1], words)])


def _enlarged(values: np.ndarray) -> np.ndarray:
    rows, columns = (np.arange(SIDE_PX) * n // SIDE_PX for n in values.shape)
    return values[np.ix_(rows, columns)]


def _colour_bar(limit: float) -> np.ndarray:
    """Return the bar with its three numbers, (SIDE_PX, w, 3) uint8."""
    values = np.linspace(1, -1, SIDE_PX)
    bar = np.repeat(signed_colours(values, 1.0)[:, None], BAR_PX, axis=1)
    numbers = np.full((SIDE_PX, 48, 3), rgb(PAPER), np.uint8)
    for value, top in ((limit, 0), (0.0, None), (-limit, -1)):
        text = strip(48, [f"{value:+.2g}" if value else "0"], size_px=11)
        start = {0: 0, -1: SIDE_PX - len(text)}.get(top, (SIDE_PX - len(text)) // 2)
        numbers[start : start + len(text)] = text
    return np.concatenate([bar, numbers], axis=1)


def kept_maps(folder: Path, target: str) -> Explanations | None:
    """Return the maps kept for a class in an image's folder; None when there are none."""
    path = maps_path(folder, target)
    kept = read_maps(path) if path.exists() else None
    return kept if kept is not None and kept.target == target else None


def maps_path(folder: Path, target: str) -> Path:
    """Return where the maps of a class lie in an image's folder."""
    return folder / f"maps_{safe_stem(target)}.npz"
