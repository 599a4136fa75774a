"""The images of an OME-TIFF set, read page by page from the files it is spread over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names, with_colours
from cellapp.images.formats.axes import resolve_axes
from cellapp.images.formats.ome_planes import planes_of
from cellapp.images.formats.ome_set import OmeSet
from cellapp.images.formats.ome_xml import OmeImage
from cellapp.images.formats.page_planes import AXES, Page, PagePlanes, check_pages, level_shapes, open_page
from cellapp.images.formats.page_samples import meant_levels, page_samples
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray


@dataclass(frozen=True)
class _Stack:
    """One image of a set: where its planes are and what its first page says of all."""

    image: OmeImage
    pages: Mapping[tuple[int, int, int], Page]  # by (T, C, Z)
    size: tuple[int, int, int]  # (T, C, Z) that are complete
    declared: tuple[int, int, int]
    levels: tuple[tuple[int, int, int], ...]  # (Y, X, S) of each
    dtype: np.dtype

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """(T, C, Z, Y, X, S) of each level."""
        return [(*self.size, *level) for level in self.levels]

    @property
    def stored(self) -> list[PagePlanes]:
        """Each level as it is stored."""
        return [PagePlanes(self.pages, shape, self.dtype, level) for level, shape in enumerate(self.shapes)]


def probe_all(found: OmeSet, name: str, depth: str) -> tuple[ImageInfo, ...]:
    """List the images of a set, each scene at each time point that has all its planes."""
    with decoding(name):
        return images_of([_scene(_stack(found, image, name), found, name, depth) for image in found.images], depth)


def open_levels(found: OmeSet, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each pyramid level of an image of a set, (C, Y, X), full resolution first."""
    with decoding(info.name):
        stack = _stack(found, found.images[info.selection.scene], info.name)
        samples, _ = page_samples(stack.pages[0, 0, 0], stack.stored[-1], info.name, stack.image)
        return meant_levels(stack.pages[0, 0, 0], stack.stored, samples, info)


def check_complete(found: OmeSet, scenes: Iterable[int], name: str) -> None:
    """Check that each page of some scenes of a set is there, complete and like the others."""
    for scene in scenes:
        stack = _stack(found, found.images[scene], name)
        check_pages(dict.fromkeys(stack.pages.values()), stack.levels[0], stack.dtype)


def first_page(found: OmeSet, info: ImageInfo) -> Page:
    """Return the page of the first plane of an image."""
    return _stack(found, found.images[info.selection.scene], info.name).pages[0, 0, 0]


def _stack(found: OmeSet, image: OmeImage, name: str) -> _Stack:
    pages = planes_of(image, found.files, name)
    if (0, 0, 0) not in pages:
        raise InputError(f"{name!r} describes an image and does not say where its first plane is; export it again")
    with open_page(pages[0, 0, 0]) as page:
        dtype = np.dtype(page.dtype)
    levels = tuple(level_shapes(pages[0, 0, 0]))
    declared = (image.size[0], max(image.size[1] // levels[0][2], 1), image.size[2])
    size = _complete(pages, declared)
    pages = {place: page for place, page in pages.items() if all(i < n for i, n in zip(place, size, strict=True))}
    return _Stack(image, pages, size, declared, levels, dtype)


def _complete(pages: Collection[tuple[int, int, int]], declared: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return how many times, else channels of the first time, else planes of its first channel have all their pages."""
    n_times, n_channels, n_planes = declared
    channels, planes = range(n_channels), range(n_planes)
    times = _leading(range(n_times), lambda t: all((t, c, z) in pages for c in channels for z in planes))
    if times:
        return times, n_channels, n_planes
    whole = _leading(channels, lambda c: all((0, c, z) in pages for z in planes))
    return (1, whole, n_planes) if whole else (1, 1, _leading(planes, lambda z: (0, 0, z) in pages))


def _leading(places: range, there: Callable[[int], bool]) -> int:
    """Count the places from the first on that are there, up to the first that is not."""
    return next((i for i in places if not there(i)), len(places))


def _scene(stack: _Stack, found: OmeSet, name: str, depth: str) -> Scene:
    layout = resolve_axes(AXES, stack.shapes[0], name, depth)
    samples, is_photo = page_samples(stack.pages[0, 0, 0], stack.stored[-1], name, stack.image)
    shape = samples.shape(layout.cyx)
    names = [channel.name for channel in stack.image.channels]
    if len(names) < shape[0]:
        names = with_colours(names[: layout.size("C")], shape[0] // layout.size("C"))
    info = ImageInfo(
        name=name,
        format="ome-tiff",
        shape=shape,
        dtype=samples.dtype(stack.dtype.name),
        channels=clean_names(names[: shape[0]], shape[0], is_photo=is_photo),
        is_photo=is_photo,
        um_per_px=stack.image.um_per_px,
        levels=tuple(samples.size(level[:2]) for level in stack.levels),
        bits=samples.bits,
        bytes_on_disk=sum(path.stat().st_size for path in found.members),
        notes=layout.notes + samples.notes + _missing(stack),
        scene=stack.image.name,
        n_planes=layout.size("Z"),
    )
    return Scene(info, stack.size[0], stack.image.interval_s)


def _missing(stack: _Stack) -> tuple[str, ...]:
    return tuple(
        f"The file declares {declared} {what} and holds {n} whole: the others are left out."
        for what, n, declared in zip(("time points", "channels", "planes"), stack.size, stack.declared, strict=True)
        if n < declared
    )
