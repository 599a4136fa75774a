"""Regions of an image over HTTP, as GeoJSON that QuPath opens and writes."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query

from cellapp.regions.geojson import from_geojson, to_geojson
from cellapp.store.images import get_shown_image
from cellapp.store.regions import regions_of, replace_regions

router = APIRouter(tags=["regions"])


@router.get("/images/{image_id}/regions")
def show_regions(image_id: str) -> dict[str, Any]:
    """Return the regions that runs of an image to come are limited to; no features where they take all of it."""
    return to_geojson(regions_of(get_shown_image(image_id).id))


@router.put("/images/{image_id}/regions")
def set_regions(
    image_id: str,
    regions: Annotated[
        dict[str, Any] | list[Any],
        Body(description="GeoJSON of areas in pixels; those classified Ignore* are left out; no features: the whole."),
    ],
    who: Annotated[str, Query(description="Who drew them.", max_length=200)] = "",
) -> dict[str, Any]:
    """Put regions in the place of all that an image has; runs that were made before keep theirs."""
    image = get_shown_image(image_id)
    replace_regions(image.id, from_geojson(regions, image.info.shape[1:]), who)
    return show_regions(image_id)
