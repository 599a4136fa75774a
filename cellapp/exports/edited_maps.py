"""Maps of cells that were edited by hand explain what is not there any more: they are taken out of the files."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.explanations import read_maps, write_maps

_MAPS = ("explanations/maps.npz", "maps_*.npz", "maps_by_method/*.npz")


def forget_maps(folder: Path, cell_ids: Collection[int]) -> None:
    """Take the maps and pictures of some cells out of the folder of an image; those of all others stay.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.
    cell_ids : collection of int
        Ids.
    """
    for path in (path for pattern in _MAPS for path in folder.glob(pattern)):
        with suppress(InputError):  # a file that nobody can read shows no map
            maps = read_maps(path)
            kept = ~np.isin(maps.cell_ids, list(cell_ids))
            if not kept.all():
                names = ("maps", "rest", "logits", "cell_ids")
                write_maps(replace(maps, **{name: getattr(maps, name)[kept] for name in names}), path)
    for cell_id in cell_ids:
        (folder / "explanations" / f"{cell_id}.png").unlink(missing_ok=True)
