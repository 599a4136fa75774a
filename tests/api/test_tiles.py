import gc
import io
import urllib.parse

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cellapp.api.app import api
from cellapp.auth.tile_pass import make_pass
from cellapp.compute import garbage
from cellapp.segmentation.label_image import read_labels
from cellapp.store import images, open_image, runs
from cellapp.viewer import tiles
from tests.pages.seeding import seed_image, seed_run

pytestmark = pytest.mark.slow

LOOK = "FF0000,0,255,1;-;0000FF,0,255,1"


@pytest.fixture
def client():
    tiles._cached_tile.cache_clear()
    return TestClient(api)


@pytest.fixture
def seeded(tmp_path):
    return seed_image(tmp_path, side=600)


def ask(client, path, **query):
    return client.get(f"{path}?{urllib.parse.urlencode(query)}")


def tile(client, image, name="0/0_0.png", **query):
    return ask(client, f"/images/{image.id}/tiles/{name}", **{"channels": LOOK, "pass": make_pass(image.id)} | query)


def pixels_of(answer):
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_tile_shows_the_channels_in_their_colours(client, seeded):
    drawn = pixels_of(tile(client, seeded.image, "0/1_1.png"))
    raw = open_image.open_slide(seeded.image.id).region()[:, 512:600, 512:600]
    assert drawn.shape == (88, 88, 3)
    np.testing.assert_array_equal(drawn[..., 0], np.minimum(raw[0], 255))
    np.testing.assert_array_equal(drawn[..., 2], np.minimum(raw[2], 255))
    assert not drawn[..., 1].any()


def test_no_tile_waits_for_a_collection_that_walks_all_libraries(client, seeded, tmp_path, monkeypatch):
    gc.unfreeze()
    monkeypatch.setattr(garbage, "_spared", 0)
    tile(client, seeded.image)
    spared = gc.get_freeze_count()
    assert spared > len(gc.get_objects())
    tile(client, seed_image(tmp_path, seed=2, side=64).image)  # what visitors leave stays collectable
    assert gc.get_freeze_count() <= spared


@pytest.mark.parametrize("ending", ["jpg", "webp", "png"])
def test_tiles_come_in_each_format_and_may_be_kept_by_the_browser(client, seeded, ending):
    answer = tile(client, seeded.image, f"1/0_0.{ending}")
    assert pixels_of(answer).shape == (300, 300, 3)
    assert "immutable" in answer.headers["cache-control"]
    assert "private" in answer.headers["cache-control"]
    assert answer.headers["server-timing"].startswith("tile;dur=")


def test_a_tile_asked_for_again_is_not_drawn_again(client, seeded, monkeypatch):
    first = tile(client, seeded.image).content
    monkeypatch.setattr(tiles, "encode", None)
    assert tile(client, seeded.image).content == first


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("9/0_0.png", {}, 422),
        ("0/7_0.png", {}, 422),
        ("0/0_0.gif", {}, 422),
        ("0/0_0.png", {"channels": "FF0000,0,255,1"}, 422),
        ("0/0_0.png", {"pass": "0.0"}, 403),
        ("0/0_0.png", {"pass": ""}, 403),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(client, seeded, name, query, status):
    answer = tile(client, seeded.image, name, **query)
    assert answer.status_code == status
    assert "\n" not in answer.json()["error"]


def test_without_a_pass_nothing_is_shown(client, seeded):
    assert client.get(f"/images/{seeded.image.id}/tiles/0/0_0.png?channels={LOOK}").status_code == 422


def test_a_removed_image_is_gone_at_once(client, seeded):
    assert tile(client, seeded.image).status_code == 200
    images.remove_image(seeded.image.id)
    assert tile(client, seeded.image).status_code == 404


def labels(client, run, image, name="0/0_0.png", **query):
    path = f"/runs/{run.id}/images/{image.id}/labels/{name}"
    return ask(client, path, **{"threshold": 0.5, "pass": make_pass(image.id)} | query)


def test_outlines_and_the_cell_under_a_point(client, seeded):
    run = seed_run([seeded])
    drawn = pixels_of(labels(client, run, seeded.image))
    truth = read_labels(runs.run_folder(run.id) / run.images[0].stem / "labels.tif")[:512, :512]
    assert drawn[truth == 0].max() == 0
    assert set(np.unique(truth[drawn[..., 3] > 0])) == set(np.unique(truth)) - {0}
    y, x = (int(n) for n in np.argwhere(truth)[7])
    place = f"/runs/{run.id}/images/{seeded.image.id}/cell_at"
    given = {"pass": make_pass(seeded.image.id)}
    assert ask(client, place, y=y, x=x, **given).json() == {"cell_id": int(truth[y, x])}
    assert ask(client, place, y=-5, x=x, **given).json() == {"cell_id": None}
    assert ask(client, place, y=y, x=x, **{"pass": "1.2"}).status_code == 403


def test_results_in_the_bin_are_not_shown(client, seeded):
    run = seed_run([seeded])
    assert labels(client, run, seeded.image).status_code == 200
    runs.delete_run(run.id)
    assert labels(client, run, seeded.image).status_code == 404


def test_a_result_of_no_cells_is_an_empty_layer(client, seeded):
    run = seed_run([seeded], n_cells=0)
    assert not pixels_of(labels(client, run, seeded.image)).any()
