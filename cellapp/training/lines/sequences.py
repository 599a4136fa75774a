"""Time series of images: which file is of which line, batch, place and time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cellapp.encoders.crop_folder import list_crops
from cellapp.errors import InputError
from cellapp.images.formats.inside import leads_out
from cellapp.text_table import read_table

PATTERN = re.compile(r"(?P<place>.+)_(?P<d>\d+)d(?P<h>\d+)h(?P<m>\d+)m")
"""Names of files without their ending: the place that is photographed again and again, and the time."""
INDEX = "index.csv"


@dataclass(frozen=True)
class Sequence:
    """One place photographed over time."""

    line: str  # "" where it is not known
    batch: str
    place: str
    files: tuple[str, ...]  # relative to the folder, in order of time
    times_h: tuple[float, ...]  # hours

    @property
    def name(self) -> str:
        """Line, batch and place."""
        return "/".join(part for part in (self.line, self.batch, self.place) if part)


def read_sequences(folder: Path, *, labelled: bool = True) -> list[Sequence]:
    """List the sequences below a folder.

    Parameters
    ----------
    folder : Path
        ``<line>/<batch>/<place>_<dd>d<hh>h<mm>m.png``, or with ``index.csv``: file, line, batch, sequence, time_h.
    labelled : bool
        Whether lines and batches are needed, as for training; else files may lie anywhere below the folder.

    Returns
    -------
    list of Sequence
        Sorted by line, batch and place.

    Raises
    ------
    InputError
        When a file has no place or time in its name, or lies in no batch of a line.
    """
    rows = _from_index(folder) if (folder / INDEX).is_file() else _from_names(folder, labelled)
    grouped: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    for file, line, batch, place, time_h in rows:
        grouped.setdefault((line, batch, place), []).append((time_h, file))
    found = []
    for key, frames in sorted(grouped.items()):
        frames.sort()
        found.append(Sequence(*key, tuple(file for _, file in frames), tuple(time for time, _ in frames)))
    return found


def hours(name: str) -> tuple[str, float]:
    """Return place and time in hours of a file's name without its ending.

    Raises
    ------
    InputError
        When the name does not end with a time.
    """
    match = PATTERN.fullmatch(name)
    if match is None:
        raise InputError(f"{name!r} does not end with a time such as _02d12h00m; rename it or write {INDEX}")
    return match["place"], 24.0 * int(match["d"]) + int(match["h"]) + int(match["m"]) / 60


def _from_names(folder: Path, labelled: bool) -> list[tuple[str, str, str, str, float]]:
    rows = []
    for path in list_crops(folder):
        file = path.relative_to(folder)
        place, time_h = hours(path.stem)
        if labelled and len(file.parts) < 3:
            raise InputError(f"{file.as_posix()!r} lies in no batch of a line: put it into <line>/<batch>/")
        line, batch = file.parts[:2] if len(file.parts) > 2 else ("", "/".join(file.parts[:-1]))
        rows.append((file.as_posix(), line, batch, "/".join((*file.parts[2:-1], place)), time_h))
    return rows


def _from_index(folder: Path) -> list[tuple[str, str, str, str, float]]:
    table = read_table(folder / INDEX, ["file", "line", "batch", "sequence", "time_h"])
    for file, time_h in zip(table["file"], table["time_h"], strict=True):
        if leads_out(folder, folder / file) or not (folder / file).is_file():
            raise InputError(f"{folder / INDEX} names {file!r}, which is not in that folder; mend the index")
        try:
            float(time_h.replace(",", "."))
        except ValueError:
            raise InputError(f"{folder / INDEX}: time_h of {file!r} is {time_h!r}; write hours as a number") from None
    times = [float(time_h.replace(",", ".")) for time_h in table["time_h"]]
    return list(zip(table["file"], table["line"], table["batch"], table["sequence"], times, strict=True))
