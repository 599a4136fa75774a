"""Regions drawn on images: kept with the image for the runs to come, and with each run as they were at its start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cellapp.errors import InputError, StoreError
from cellapp.files import clean_text
from cellapp.regions.check import check_regions
from cellapp.store.database import reading, writing
from cellapp.store.image_rows import image_record, image_row
from cellapp.store.region_schema import ImageRegion, RunRegions
from cellapp.store.schema import now
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegion, DrawnRegions


@dataclass(frozen=True)
class RegionRecord:
    """A region of an image, and who drew or changed it last."""

    id: str
    region: DrawnRegion
    who: str
    changed: datetime


def list_regions(image_id: str) -> tuple[RegionRecord, ...]:
    """Return the regions of an image, in the order they were drawn."""
    with reading() as session:
        return tuple(map(_record, _rows(session, image_id)))


def regions_of(image_id: str) -> DrawnRegions:
    """Return what a run of an image would be limited to now."""
    return DrawnRegions(tuple(record.region for record in list_regions(image_id)))


def add_region(image_id: str, region: DrawnRegion, who: str = "") -> RegionRecord:
    """Keep a region with its image.

    Raises
    ------
    InputError
        When it cannot be used, see `cellapp.regions.check.check_regions`.
    """
    with writing() as session:
        before = [_record(row).region for row in _rows(session, image_id)]
        _check(session, image_id, [*before, region])
        row = _new_row(image_id, region, who)
        session.add(row)
        session.flush()
        return _record(row)


def change_region(region_id: str, *, name: str | None = None, keep: bool | None = None, who: str = "") -> RegionRecord:
    """Give a region another name, or keep what was left out and the other way round.

    Raises
    ------
    InputError
        When the name is empty.
    """
    if name is not None and not name.strip():
        raise InputError("a region needs a name of at least one letter; got an empty one")
    with writing() as session:
        row = _row(session, region_id)
        row.name = row.name if name is None else clean_text(name)
        row.keep = row.keep if keep is None else keep
        row.who, row.changed = who, now()
        return _record(row)


def redraw_region(region_id: str, region: DrawnRegion, who: str = "") -> RegionRecord:
    """Give a region the outline of another one; raises InputError as `add_region` does."""
    with writing() as session:
        row = _row(session, region_id)
        _check(session, row.image_id, [replace(region, name=row.name, keep=row.keep)])
        row.polygons, row.who, row.changed = _as_lists(region), who, now()
        return _record(row)


def remove_region(region_id: str) -> RegionRecord:
    """Take a region from its image; runs that were limited to it keep it, and `restore_region` brings it back."""
    return _set_removed(region_id, now())


def restore_region(region_id: str) -> RegionRecord:
    """Bring a region back that was removed."""
    return _set_removed(region_id, None)


def replace_regions(image_id: str, regions: DrawnRegions, who: str = "") -> tuple[RegionRecord, ...]:
    """Put regions in the place of all that an image has; raises InputError as `add_region` does."""
    with writing() as session:
        _check(session, image_id, regions.regions)
        for row in _rows(session, image_id):
            row.removed = now()
        rows = [_new_row(image_id, region, who) for region in regions.regions]
        session.add_all(rows)
        session.flush()
        return tuple(map(_record, rows))


def freeze_regions(session: Session, run_id: str, image_ids: Sequence[str]) -> None:
    """Keep the regions of images with a run that is made, inside the session that makes it."""
    for image_id in image_ids:
        regions = [[row.name, row.keep, row.polygons] for row in _rows(session, image_id)]
        if regions:
            session.add(RunRegions(run_id=run_id, image_id=image_id, regions=regions))


def regions_of_run(run_id: str, image_id: str) -> DrawnRegions:
    """Return what an image of a run is limited to, whatever is drawn on the image since."""
    with reading() as session:
        row = session.get(RunRegions, (run_id, image_id))
        if row is None:
            return NO_REGIONS
        return DrawnRegions(tuple(DrawnRegion(name, _as_tuples(areas), keep) for name, keep, areas in row.regions))


def _rows(session: Session, image_id: str) -> Sequence[ImageRegion]:
    query = select(ImageRegion).where(ImageRegion.image_id == image_id, ImageRegion.removed.is_(None))
    return session.scalars(query.order_by(ImageRegion.created, ImageRegion.id)).all()


def _row(session: Session, region_id: str) -> ImageRegion:
    row = session.get(ImageRegion, region_id)
    if row is None:
        raise StoreError(f"no region {region_id!r}; it may have been deleted, choose another one")
    return row


def _check(session: Session, image_id: str, regions: Sequence[DrawnRegion]) -> None:
    check_regions(regions, image_record(image_row(session, image_id)).info.shape[1:])


def _set_removed(region_id: str, removed: datetime | None) -> RegionRecord:
    with writing() as session:
        row = _row(session, region_id)
        row.removed = removed
        return _record(row)


def _new_row(image_id: str, region: DrawnRegion, who: str) -> ImageRegion:
    name = clean_text(region.name)
    return ImageRegion(image_id=image_id, name=name, keep=region.keep, polygons=_as_lists(region), who=who.strip())


def _record(row: ImageRegion) -> RegionRecord:
    return RegionRecord(row.id, DrawnRegion(row.name, _as_tuples(row.polygons), row.keep), row.who, row.changed)


def _as_lists(region: DrawnRegion) -> list[Any]:
    return [[[list(corner) for corner in ring] for ring in polygon] for polygon in region.polygons]


def _as_tuples(areas: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(tuple(tuple(map(tuple, ring)) for ring in polygon) for polygon in areas)
