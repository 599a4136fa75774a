"""Folders of Operetta, Opera Phenix and Sonata measurements: each field of each well is a scene."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import resolve_axes
from cellapp.images.formats.harmony_index import Picture, find_index, read_index
from cellapp.images.formats.inside import check_links, inside
from cellapp.images.formats.page_planes import AXES, Page, PagePlanes, check_pages, open_page
from cellapp.images.formats.page_samples import meant_levels, page_samples
from cellapp.images.formats.planes import missing_planes
from cellapp.images.formats.samples import Samples
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray


@dataclass(frozen=True)
class _Field:
    """One field of a well: the files of its planes by (T, C, Z), each counted from 0."""

    pages: Mapping[tuple[int, int, int], Page]
    first: Picture
    channels: tuple[str, ...]
    seconds: tuple[float, ...]  # of each time point since the first; empty where the index does not tell
    there: np.ndarray  # (T, C, Z) bool: planes that the index lists

    @property
    def shape(self) -> tuple[int, int, int, int, int, int]:
        """(T, C, Z, Y, X, S)."""
        n_times, n_channels, n_planes = (max(place[i] for place in self.pages) + 1 for i in range(3))
        return n_times, n_channels, n_planes, self.first.height, self.first.width, 1

    @property
    def first_page(self) -> Page:
        """That of the first plane of the first channel at the first time."""
        return self.pages[0, 0, 0]


def probe_all(path: Path, name: str, depth: str = "max") -> tuple[ImageInfo, ...]:
    """Read the index of a measurement.

    Parameters
    ----------
    path : Path
        Its folder, or the index.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Each field of each well at each time point, named "r03c03f01". Fields of which files are missing or cut off are
        left out, and `notes` names the files.

    Raises
    ------
    InputError
        When the index is damaged, or files are missing in every field.
    """
    with decoding(name):
        fields, notes = _fields_of(path, name)
        if path.is_dir():
            check_links(path, name)
        dtype, samples = _pictures(fields[0], name)  # all are of one camera
        return images_of([_scene(field, name, depth, dtype, samples, notes) for field in fields], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open the only level of a field of a measurement, (C, Y, X)."""
    with decoding(info.name):
        fields, _ = _fields_of(path, info.name)
        dtype, samples = _pictures(fields[0], info.name)
        field = fields[info.selection.scene]
        planes = PagePlanes(field.pages, field.shape, dtype)
        return meant_levels(field.first_page, [planes], samples, info, field.there)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return True: each plane is a file of its own."""
    return True


def check_complete(path: Path, info: ImageInfo) -> None:
    """Check that every picture of a field is complete and of the size that the index states."""
    fields, _ = _fields_of(path, info.name)
    with decoding(info.name):
        dtype, _ = _pictures(fields[0], info.name)
    field = fields[info.selection.scene]
    check_pages(dict.fromkeys(field.pages.values()), field.shape[3:], dtype)


def _pictures(field: _Field, name: str) -> tuple[np.dtype, Samples]:
    """Return the stored type of the pictures of a field, and what their samples mean."""
    with open_page(field.first_page) as page:
        dtype = np.dtype(page.dtype)
    samples, _ = page_samples(field.first_page, PagePlanes(field.pages, field.shape, dtype), name)
    return dtype, samples


def _scene(field: _Field, name: str, depth: str, dtype: np.dtype, samples: Samples, notes: tuple[str, ...]) -> Scene:
    layout = resolve_axes(AXES, field.shape, name, depth)
    shape = samples.shape(layout.cyx)
    info = ImageInfo(
        name=name,
        format="harmony",
        shape=shape,
        dtype=samples.dtype(dtype.name),
        channels=clean_names(field.channels, shape[0]),
        um_per_px=field.first.um_per_px,
        levels=(shape[1:],),
        bits=samples.bits,
        bytes_on_disk=sum(page.path.stat().st_size for page in dict.fromkeys(field.pages.values())),
        notes=layout.notes + samples.notes + missing_planes(field.there, name, depth) + notes,
        scene=field.first.field,
        n_planes=layout.size("Z"),
        is_photo=False,
    )
    return Scene(info, layout.size("T"), seconds=field.seconds, keeps_name=True)


def _fields_of(path: Path, name: str) -> tuple[list[_Field], tuple[str, ...]]:
    """Return the complete fields of a measurement, by row, column and number, and what is left out."""
    index = find_index(path)
    if index is None:
        raise InputError(f"{name!r} has no Index.idx.xml; choose the folder that holds it")
    folder = index.parent
    return _read(index, name, (index.stat().st_mtime_ns, folder.stat().st_mtime_ns))


@lru_cache(maxsize=4)  # a plate has thousands of fields, each of which is opened by the same index
def _read(index: Path, name: str, _as_of: tuple[int, int]) -> tuple[list[_Field], tuple[str, ...]]:
    by_field: dict[tuple[int, int, int], list[Picture]] = {}
    for picture in read_index(index, name):
        by_field.setdefault(picture.place, []).append(picture)
    found = {entry.name for entry in os.scandir(index.parent) if entry.is_file(follow_symlinks=False)}
    missing: dict[str, str] = {}
    for picture in (picture for pictures in by_field.values() for picture in pictures):
        if picture.file_name not in found and not inside(index.parent, picture.file_name, name).is_file():
            missing[picture.file_name] = picture.field
    fields = [_field(pictures, index.parent) for _, pictures in sorted(by_field.items())]
    unfit = {file: field.first.field for field in _without(fields, missing) for file in _damaged(field)} | missing
    kept = _without(fields, unfit)
    notes = _told(list(unfit), len(fields) - len(kept), len(fields))
    if not kept:
        raise InputError(f"{name!r} cannot be read: {notes[0].removesuffix('.')}; copy or export the measurement again")
    return kept, notes


def _without(fields: Sequence[_Field], files: Mapping[str, str]) -> list[_Field]:
    """Return the fields that none of some files, each with its field, belong to."""
    of_files = set(files.values())
    return [field for field in fields if field.first.field not in of_files]


def _damaged(field: _Field) -> list[str]:
    """Return the files of a field that are cut off or of another size than the index states; no pixel is decoded."""
    names = []
    for page in dict.fromkeys(field.pages.values()):
        try:
            with decoding(page.path.name), open_page(page) as picture:
                dtype = picture.dtype
            check_pages([page], field.shape[3:], dtype)
        except InputError:
            names.append(page.path.name)
    return names


def _told(names: Sequence[str], n_fields: int, n_all: int) -> tuple[str, ...]:
    if not names:
        return ()
    listed = ", ".join(map(repr, sorted(names)[:5])) + (" …" if len(names) > 5 else "")
    of_files = f"{len(names)} of their files are missing or cut off"
    return (f"{n_fields} of {n_all} fields are left out, because {of_files}: {listed}.",)


def _field(pictures: Sequence[Picture], folder: Path) -> _Field:
    """Return a field by its pictures; a channel of one plane has it everywhere, of fewer than others some missing."""
    times, channels, planes = (sorted({getattr(p, axis) for p in pictures}) for axis in ("time", "channel", "plane"))
    found = {(p.time, p.channel, p.plane): p for p in pictures}
    there = {(p.time, p.channel) for p in pictures}
    whole = [time for time in times if all((time, channel) in there for channel in channels)]
    times, channels = (whole, channels) if whole else (times[:1], [c for c in channels if (times[0], c) in there])
    pages: dict[tuple[int, int, int], Page] = {}
    is_there = np.ones((len(times), len(channels), len(planes)), bool)
    for (t, time), (c, channel) in product(enumerate(times), enumerate(channels)):
        own = [found.get((time, channel, plane)) for plane in planes]
        only = next((picture for picture in own if picture is not None), None)
        n_own = sum(picture is not None for picture in own)
        for z, picture in enumerate(own):
            is_there[t, c, z] = picture is not None or n_own == 1
            if picture or only:
                pages[t, c, z] = Page(folder / (picture or only).file_name)
    first = {channel: next(p for p in pictures if p.channel == channel) for channel in channels}
    names = tuple(first[channel].channel_name for channel in channels)
    return _Field(pages, pictures[0], names, _seconds(pictures, times), is_there)


def _seconds(pictures: Iterable[Picture], times: Sequence[int]) -> tuple[float, ...]:
    """Return when some time points began, counted from the first; nothing where the index does not tell."""
    began: dict[int, float] = {}
    for picture in pictures:
        if picture.seconds is None:
            return ()
        began[picture.time] = min(picture.seconds, began.get(picture.time, picture.seconds))
    return tuple(began[time] - began[times[0]] for time in times)
