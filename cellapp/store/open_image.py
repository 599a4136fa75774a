"""Open stored images with the names and pixel size the project gives them; write their pyramids and thumbnails."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from PIL import Image as Picture

from cellapp.config import app_settings
from cellapp.files import atomic_write, move_into_place
from cellapp.images import read
from cellapp.images.channel_files import combine
from cellapp.images.channels import with_names
from cellapp.images.formats import ome_zarr
from cellapp.images.mosaic import join_tiles
from cellapp.images.pyramid import needs_pyramid, write_pyramid
from cellapp.rendering.display import thumbnail
from cellapp.store.blobs import home_folder, pyramid_path, stored_path
from cellapp.store.costly_images import opening
from cellapp.store.database import reading
from cellapp.store.image_rows import image_record, image_row
from cellapp.store.records import ImageRecord
from cellapp.types.image import FIRST_IMAGE, LazyArray, OnStep, Selection, Slide

THUMBNAIL_PX = 256


def open_slide(image_id: str) -> Slide:
    """Open an image with the name, channel names, roles and pixel size in force.

    Raises
    ------
    StoreError
        There is no such image, or its file is gone from the disk.
    """
    with reading() as session:
        record = image_record(image_row(session, image_id))
    return _open(record)


def open_view(image_id: str) -> Slide:
    """Open an image for display: as `open_slide`, with the levels of its pyramid once that is written.

    Analyses use `open_slide`: their results must not depend on whether the pyramid was ready.
    """
    with reading() as session:
        record = image_record(image_row(session, image_id))
    return _open_view(record)


def _open_view(record: ImageRecord) -> Slide:
    slide = _open(record)
    smaller = [level for level in _pyramid(record) if level.shape[1:] != slide.info.levels[0]]
    shapes = (*slide.info.levels, *(level.shape[1:] for level in smaller))
    return replace(slide, info=replace(slide.info, levels=shapes), levels=(*slide.levels, *smaller))


def make_pyramid(image_id: str, on_step: OnStep | None = None) -> Path | None:
    """Write the smaller levels of a large image that has none, once.

    Files that cannot be read in parts (a large PNG, one compressed strip) get their full level written too, and it is
    what `open_slide` reads from then on: the same pixels, without decoding the whole file for each region.

    Parameters
    ----------
    image_id : str
    on_step : callable, optional
        See `cellapp.images.pyramid.write_pyramid`.

    Returns
    -------
    Path or None
        The OME-Zarr folder; None for an image that needs none.
    """
    with reading() as session:
        record = image_record(image_row(session, image_id))
    target = pyramid_path(record.digest)
    if not needs_pyramid(record.info):
        return None
    if not target.exists():
        with_full = not reads_regions(record)
        unfinished = target.with_suffix(".part")  # always the same name: the next worker deletes what a killed one left
        shutil.rmtree(unfinished, ignore_errors=True)
        write_pyramid(_open(record), unfinished, with_full=with_full, on_step=on_step)
        move_into_place(unfinished, target)
    return target


def reads_regions(record: ImageRecord) -> bool:
    """Whether parts of an image can be decoded without the whole, as its files are."""
    return all(
        read.reads_regions(stored_path(digest, record.name), replace(record.info, selection=selection))
        for digest, selection in record.sources
    )


def lacks_pyramid(record: ImageRecord) -> bool:
    """Whether `make_pyramid` would have something to do."""
    return needs_pyramid(record.info) and not pyramid_path(record.digest).exists()


def thumbnail_path(image_id: str) -> Path:
    """Return a PNG of at most 256 px of an image, made at the first call and again when channels change."""
    with reading() as session:
        record = image_record(image_row(session, image_id))
    look = "\n".join([*record.channels, *record.roles]).encode()
    key = f"{record.digest}-{hashlib.sha256(look).hexdigest()[:8]}"
    path = home_folder("thumbnails", record.digest[:2]) / f"{key}.png"
    if not path.exists():
        _write_png(record, path)
    return path


def open_files(record: ImageRecord) -> Slide:
    """Open the files of an image as they are, with its channel names alone; `record` may be one that no row has yet."""
    slides = [_open_file(digest, selection, record.name) for digest, selection in record.sources]
    if record.n_columns:
        return with_names(join_tiles(slides, record.n_columns, record.info.name), record.channels)
    return combine(slides, record.channels) if record.parts else with_names(slides[0], record.channels)


def _open(record: ImageRecord) -> Slide:
    opening(record.digest, record.name)
    slide = open_files(record)
    full = [level for level in _pyramid(record) if level.shape[1:] == slide.info.levels[0]]
    levels = (*full, *slide.levels[len(full) :])
    info = replace(
        slide.info,
        name=record.name,
        file=record.info.name,
        um_per_px=record.um_per_px,
        roles=record.roles,
        is_photo=record.info.is_photo,
    )
    return replace(slide, info=info, levels=levels)


def _pyramid(record: ImageRecord) -> tuple[LazyArray, ...]:
    path = pyramid_path(record.digest)
    only = replace(record.info, selection=FIRST_IMAGE)  # a pyramid is made of one image and holds nothing else
    return ome_zarr.open_levels(path, only) if path.exists() else ()


def _open_file(digest: str, selection: Selection, name: str) -> Slide:
    path, budget = stored_path(digest, name), app_settings().budget
    return read.open_slide(path, selection=selection, name=name, digest=digest, budget=budget)


def _write_png(record: ImageRecord, path: Path) -> None:
    with atomic_write(path) as part:
        Picture.fromarray(thumbnail(_open_view(record), max_px=THUMBNAIL_PX)).save(part, format="PNG")
