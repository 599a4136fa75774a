"""Time series of images: which file is of which line, batch, place and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cellapp.encoders.crop_folder import list_crops
from cellapp.errors import InputError
from cellapp.images.formats.inside import leads_out
from cellapp.pipeline.series_names import hours_of, split_name
from cellapp.text_table import read_table

INDEX = "index.csv"


@dataclass(frozen=True)
class ImageSequence:
    """One place photographed over time."""

    line: str  # "" where it is not known
    batch: str
    place: str
    files: tuple[str, ...]  # names, in order of time
    times_h: tuple[float, ...]  # hours
    keys: tuple[str, ...] = ()  # what images are opened by, where that is not their names
    treatment: str = ""  # what else was done to it

    @property
    def name(self) -> str:
        """Line, treatment, batch and place."""
        return "/".join(part for part in (self.line, self.treatment, self.batch, self.place) if part)

    @property
    def condition(self) -> str:
        """Line and treatment, which growth is compared by."""
        return ", ".join(part for part in (self.line, self.treatment) if part)

    @property
    def opened_by(self) -> tuple[str, ...]:
        """What its images are opened by, in order of time."""
        return self.keys or self.files


@dataclass(frozen=True)
class Frame:
    """One image of a sequence."""

    line: str
    batch: str
    place: str
    time_h: float
    file: str
    key: str = ""
    treatment: str = ""


def in_sequences(frames: Iterable[Frame]) -> list[ImageSequence]:
    """Put images of the same line, treatment, batch and place together, in order of time."""
    grouped: dict[tuple[str, str, str, str], list[Frame]] = {}
    for frame in frames:
        grouped.setdefault((frame.line, frame.batch, frame.place, frame.treatment), []).append(frame)
    found = []
    for (line, batch, place, treatment), members in sorted(grouped.items()):
        members.sort(key=lambda frame: (frame.time_h, frame.file))
        keys = tuple(frame.key for frame in members) if all(frame.key for frame in members) else ()
        times = tuple(frame.time_h for frame in members)
        found.append(ImageSequence(line, batch, place, tuple(frame.file for frame in members), times, keys, treatment))
    return found


@dataclass(frozen=True)
class Naming:
    """How lines, batches, places and times are read."""

    pattern: str = ""
    """See `cellapp.pipeline.series_names.split_name`; what it names wins over folders."""
    every_h: float = 1.0
    """Hours from one image to the next, where names count them."""


PLAIN_NAMES = Naming()


def read_sequences(folder: Path, *, labelled: bool = True, naming: Naming = PLAIN_NAMES) -> list[ImageSequence]:
    """List the sequences below a folder.

    Parameters
    ----------
    folder : Path
        ``<line>/<batch>/<place>_<dd>d<hh>h<mm>m.png``, or with ``index.csv``: file, line, batch, sequence, time_h.
    labelled : bool
        Whether lines and batches are needed, as for training; else files may lie anywhere below the folder.
    naming : Naming

    Returns
    -------
    list of ImageSequence
        Sorted by line, batch and place.

    Raises
    ------
    InputError
        When a file has no place or time in its name, or lies in no batch of a line.
    """
    index = folder / INDEX
    if (
        not naming.pattern
        and index.is_file()
        and {"sequence", "time_h"} & set(read_table(index, []).columns.str.lower())
    ):
        return in_sequences(_from_index(folder, labelled))
    return in_sequences(_from_name(path, folder, labelled, naming) for path in list_crops(folder))


def _from_name(path: Path, folder: Path, labelled: bool, naming: Naming) -> Frame:
    file = path.relative_to(folder)
    said = split_name(path.stem, naming.pattern)
    above = file.parts[:-1]
    if len(above) >= 2:
        line, batch, inner = above[0], above[1], above[2:]
    else:
        line, batch, inner = "", "/".join(above), ()
    line, batch = said.line or line, said.batch or batch
    if labelled and not (line and batch):
        raise InputError(f"{file.as_posix()!r} lies in no batch of a line: put it into <line>/<batch>/")
    time_h = hours_of(said.time, naming.every_h) if said.time else 0.0
    return Frame(
        line, batch, "/".join((*inner, said.place)) if said.place else "/".join(inner), time_h, file.as_posix()
    )


def _from_index(folder: Path, labelled: bool) -> list[Frame]:
    said = ["line", "batch"]
    table = read_table(folder / INDEX, ["file", "sequence", "time_h", *(said if labelled else [])], said)
    frames = []
    for row in table.to_dict("records"):
        file, time_h = row["file"], row["time_h"]
        if leads_out(folder, folder / file) or not (folder / file).is_file():
            raise InputError(f"{folder / INDEX} names {file!r}, which is not in that folder; mend the index")
        try:
            hours = float(time_h.replace(",", "."))
        except ValueError:
            raise InputError(f"{folder / INDEX}: time_h of {file!r} is {time_h!r}; write hours as a number") from None
        frames.append(Frame(row.get("line", ""), row.get("batch", ""), row["sequence"], hours, file))
    return frames
