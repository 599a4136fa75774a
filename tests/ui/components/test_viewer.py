import base64
import io
import json
import re

import numpy as np
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cellapp.api.app import api
from cellapp.rendering.composition import Composition
from cellapp.types.image import Region
from cellapp.ui.components import viewer, viewer_layers
from cellapp.ui.components.viewer import Picked, picked
from cellapp.viewer.multiscale_reader import n_levels
from tests.pages.seeding import seed_image, seed_run

LOOK = Composition(("#FF0000", "#00FF00", "#0000FF"), ((0.0, 255.0),) * 3)


def pixels_of(layer):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(layer.source.partition(",")[2]))))


def test_a_picture_reaches_the_browser_unchanged():
    pixels = np.random.default_rng(0).integers(0, 255, (7, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pixels_of(viewer_layers.picture(pixels, Region(0, 0, 7, 9))), pixels)


def test_outlines_leave_everything_else_transparent():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 3
    drawn = pixels_of(viewer_layers.outlines(labels, Region(0, 0, 20, 20), {3: "#D55E00"}))
    inside = drawn[..., 3] > 0
    assert inside[5, 5:15].all()
    assert not inside[7:13, 7:13].any()
    assert not inside[labels == 0].any()
    assert (drawn[5, 5, :3] == (0xD5, 0x5E, 0x00)).all()


def test_no_cells_give_an_empty_layer():
    assert not pixels_of(viewer_layers.outlines(np.zeros((4, 4), np.int32), Region(0, 0, 4, 4), "#FFFFFF")).any()


def fetch(layer, level=0, x=0, y=0):
    """Ask the server for a tile the way the browser does."""
    assert layer.tiled
    path = layer.source.replace("{level}", str(level)).replace("{x}", str(x)).replace("{y}", str(y))
    return TestClient(api).get(path.removeprefix("api"))


def test_the_addresses_of_layers_open_their_tiles(tmp_path):
    seeded = seed_image(tmp_path)
    run = seed_run([seeded])
    for layer in (
        viewer_layers.image_tiles(seeded.image, LOOK),
        viewer_layers.label_tiles(run, seeded.image, threshold=0.5, version="1"),
    ):
        answer = fetch(layer, level=n_levels(seeded.image.info.shape[1:]) - 1)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("image/")


def test_addresses_differ_when_what_they_show_does(tmp_path):
    image = seed_image(tmp_path).image
    other = Composition(LOOK.colours, LOOK.windows, (1.0, 0.5, 1.0))
    assert viewer_layers.image_tiles(image, LOOK).source != viewer_layers.image_tiles(image, other).source
    assert viewer_layers.image_tiles(image, LOOK) == viewer_layers.image_tiles(image, LOOK)
    run = seed_run([seed_image(tmp_path)])
    kept = {viewer_layers.label_tiles(run, image, threshold=t, version=v).source for t in (0.5, 0.6) for v in "ab"}
    assert len(kept) == 4


@given(y=st.integers(0, 10**5), x=st.integers(0, 10**5), height=st.integers(0, 10**5), width=st.integers(0, 10**5))
def test_marks_become_a_point_or_a_region(y, x, height, width):
    box = picked({"kind": "box", "y": y, "x": x, "height": height, "width": width, "n": 1})
    assert box == Picked(region=Region(y, x, max(height, 1), max(width, 1)))
    assert picked({"kind": "point", "y": y, "x": x, "reach": 2.5, "n": 1}) == Picked((y, x), 2.5)


def test_nothing_marked_is_nothing_picked():
    assert picked(None) == picked({}) == Picked()


def test_what_the_component_gets_is_plain_json_and_bounded(tmp_path, monkeypatch):
    image = seed_image(tmp_path).image
    seen = {}
    monkeypatch.setattr(viewer, "deep_zoom", lambda data, **_: seen.update(data))
    layer = viewer_layers.image_tiles(image, LOOK)
    found = viewer.show_image(
        image, [layer], key="k", alt="a", ringed=[(1.0, 2.0, 3.0)] * 5000, focus=Region(1, 2, 3, 4)
    )
    assert found == Picked()
    sent = json.loads(json.dumps(seen))
    assert sent["shape"] == list(image.info.shape[1:])
    assert len(sent["marked"]) == viewer.RINGS
    assert sent["focus"]["region"] == [1, 2, 3, 4]


def test_the_library_is_the_published_one_and_nothing_is_asked_of_other_servers():
    import hashlib

    from tests.paths import ROOT

    folder = ROOT / "static" / "openseadragon"
    digest = hashlib.sha256((folder / "openseadragon.min.js").read_bytes()).hexdigest()
    assert digest == "14d587cd3ee7c4861f1a41077ce642029364a21029956ba635bd8fb1202cf9ad"
    assert "Redistribution and use" in (folder / "LICENSE.txt").read_text()
    for name in ("viewer.js", "viewer.css", "viewer.html"):
        assert not re.search(r"https?://", (ROOT / "cellapp" / "ui" / "components" / "deep_zoom" / name).read_text())
