"""Stored images that become one: files of one channel each, and the tiles of a grid."""

from __future__ import annotations

from collections.abc import Sequence

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.files import clean_name
from cellapp.images.channel_files import combine
from cellapp.images.limits import check_budget
from cellapp.images.mosaic import join_tiles
from cellapp.store.database import reading, writing
from cellapp.store.image_rows import image_record, image_row, insert_image
from cellapp.store.open_image import open_slide
from cellapp.store.records import ImageRecord
from cellapp.store.schema import now
from cellapp.types.image import Slide


def combine_images(
    project_id: str, image_ids: Sequence[str], names: Sequence[str], *, name: str | None = None
) -> ImageRecord:
    """Make one image of several that hold one channel each; the parts go to the bin, from which they can come back.

    Parameters
    ----------
    project_id : str
    image_ids : sequence of str
        In the order of the channels.
    names : sequence of str
        Names of the channels.
    name : str, optional
        Name of the new image; the first part's when left out.

    Raises
    ------
    InputError
        Sizes differ, names repeat, or a part has several channels.
    """
    if len(image_ids) < 2:
        raise InputError(f"combining takes at least two images, one per channel; got {len(image_ids)}")
    records = _records(project_id, image_ids)
    if any(record.n_columns for record in records):
        raise InputError(
            "an image put together from tiles cannot be combined with others; combine the files of each tile"
        )
    slide = combine([open_slide(image_id) for image_id in image_ids], names)
    return _replace(records, slide, name or records[0].name)


def join_tile_images(
    project_id: str, image_ids: Sequence[str], n_columns: int, *, name: str | None = None
) -> ImageRecord:
    """Make one image of the tiles of a grid, edge to edge; they go to the bin, from which they can come back.

    Parameters
    ----------
    project_id : str
    image_ids : sequence of str
        Row by row.
    n_columns : int
        Tiles in a row.
    name : str, optional
        Name of the new image; the first tile's when left out.

    Raises
    ------
    InputError
        Tiles differ in size or channels, fill no rows, or are put together from files themselves.
    """
    if len(image_ids) < 2:
        raise InputError(f"joining takes at least two images, the tiles of a grid row by row; got {len(image_ids)}")
    records = _records(project_id, image_ids)
    if any(record.parts for record in records):
        raise InputError(
            "tiles that are put together from several files cannot be joined; join the files of each channel"
        )
    shown = clean_name(name or records[0].name)
    slide = join_tiles([open_slide(image_id) for image_id in image_ids], n_columns, shown)
    return _replace(records, slide, shown, n_columns)


def _records(project_id: str, image_ids: Sequence[str]) -> list[ImageRecord]:
    with reading() as session:
        records = [image_record(image_row(session, image_id)) for image_id in image_ids]
    for record in records:
        if record.project_id != project_id:
            raise InputError(f"{record.name!r} is in another project; images of one project become one image")
    return records


def _replace(records: Sequence[ImageRecord], slide: Slide, name: str, n_columns: int = 0) -> ImageRecord:
    """Add the image that some become, and put those into the bin."""
    check_budget(slide.info, app_settings().budget)
    parts = [source for record in records for source in record.sources]
    made, _ = insert_image(
        records[0].project_id, slide.digest, clean_name(name), slide.info, parts=parts, n_columns=n_columns
    )
    with writing() as session:
        for record in records:
            image_row(session, record.id).removed = now()
    return made
