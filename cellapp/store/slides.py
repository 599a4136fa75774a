"""Open images of the store as the project knows them, and keep small pictures of them."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from pathlib import Path

from PIL import Image as Picture

from cellapp.images import read
from cellapp.images.channels import combine, with_names
from cellapp.images.display import thumbnail
from cellapp.settings import app_settings
from cellapp.store.database import reading
from cellapp.store.files import home_folder, stored_path
from cellapp.store.image_rows import image_record, image_row
from cellapp.store.records import ImageRecord
from cellapp.types import Slide

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


def _open(record: ImageRecord) -> Slide:
    if record.parts:
        slide = combine([_open_file(digest, record.name) for digest in record.parts], record.channels)
    else:
        slide = with_names(_open_file(record.digest, record.name), record.channels)
    return replace(slide, info=replace(slide.info, name=record.name, um_per_px=record.um_per_px, roles=record.roles))


def _open_file(digest: str, name: str) -> Slide:
    return read.open_slide(stored_path(digest, name), name=name, digest=digest, budget=app_settings().budget)


def _write_png(record: ImageRecord, path: Path) -> None:
    unfinished = path.with_name(f"{uuid.uuid4().hex}.part")
    Picture.fromarray(thumbnail(_open(record), max_px=THUMBNAIL_PX)).save(unfinished, format="PNG")
    unfinished.replace(path)
