"""Regions over HTTP: what is put is got, a run is limited to it, and drawing anew changes no run that was made."""

import json

import pytest

from cellapp.jobs.import_labels import run_item
from cellapp.regions.geojson import from_geojson, to_geojson
from cellapp.store import regions, runs
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions
from tests.pages.seeding import seed_image

RING = ((2.0, 3.0), (90.0, 3.0), (90.0, 80.0), (2.0, 3.0))


@pytest.fixture
def image(tmp_path):
    return seed_image(tmp_path).image


def test_a_run_takes_the_regions_that_were_put(client, image):
    address, shape = f"/images/{image.id}/regions", image.info.shape[1:]
    assert client.get(address).json() == {"type": "FeatureCollection", "features": []}
    drawn = DrawnRegions((DrawnRegion("a", ((RING,),)), DrawnRegion("b", ((RING,),), keep=False)))
    answer = client.put(address, json=to_geojson(drawn), params={"who": "Ada"})
    assert (answer.status_code, answer.json()) == (200, to_geojson(drawn))
    assert client.get(address).json() == to_geojson(drawn)
    assert {one.who for one in regions.list_regions(image.id)} == {"Ada"}
    run = client.post("/runs", json={"image_ids": [image.id], "settings": {}}).json()
    assert client.put(address, json=[]).json()["features"] == []
    (entry,) = runs.get_run(run["id"]).images
    item = run_item(run["id"], entry.image_id, entry.stem)
    assert item.read_regions(shape) == drawn
    assert from_geojson(json.loads(json.dumps(to_geojson(drawn))), shape).digest == drawn.digest


def test_what_is_no_region_is_refused(client, image):
    address = f"/images/{image.id}/regions"
    crossing = {"type": "Polygon", "coordinates": [[[1, 1], [50, 50], [50, 1], [1, 50]]]}
    answer = client.put(address, json={"type": "Feature", "geometry": crossing})
    assert answer.status_code == 422
    assert "crosses itself; draw it again" in answer.json()["error"]
    assert client.put(address, json="x").status_code == 422
    assert client.get("/images/nothing/regions").status_code == 404
    assert client.get(address).json()["features"] == []
