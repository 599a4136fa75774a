"""Pages show small pictures by address: who has it gets the picture, or what stands for it until it is made."""

import io

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from PIL import Image

from cellapp.api import pictures
from cellapp.api.app import api
from cellapp.auth.tile_pass import make_pass
from cellapp.errors import StoreError
from cellapp.store import images, open_image, projects, uploads
from cellapp.ui.components.viewer_layers import thumbnail_address
from cellapp.viewer.offered_pictures import offer


@pytest.fixture
def client():
    return TestClient(api)


@pytest.fixture
def tall(tmp_path):
    """An image nine times as high as wide."""
    Image.fromarray(np.full((360, 40), 90, np.uint8)).save(tmp_path / "tall.png")
    return uploads.add_image(projects.default_project().id, tmp_path / "tall.png", "tall.png")


def get(client, address):
    return client.get(address.removeprefix("api"))


def test_an_image_has_a_thumbnail_that_browsers_keep(client, tall):
    answer = get(client, thumbnail_address(tall))
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]
    assert Image.open(io.BytesIO(answer.content)).size == (28, 256)


def test_another_look_has_another_address(tall):
    renamed = images.set_channels(tall.id, ("DAPI",), tall.roles)
    assert thumbnail_address(renamed) != thumbnail_address(tall)


def test_a_flat_slide_has_a_placeholder_until_its_pyramid_is_there(client, tmp_path):
    pixels = np.random.default_rng(0).integers(100, 900, (2, 1500, 2700), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "flat.tif", pixels, tile=(256, 256), photometric="minisblack")
    flat = uploads.add_image(projects.default_project().id, tmp_path / "flat.tif", "flat.tif")
    before = thumbnail_address(flat)
    answer = get(client, before)
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "no-store"
    open_image.make_pyramid(flat.id)
    after = thumbnail_address(flat)
    assert after != before
    assert get(client, after).headers["content-type"] == "image/png"


def test_a_file_that_is_gone_has_a_placeholder(client, tall, monkeypatch):
    def gone(_image_id):
        raise StoreError("the file is gone")

    monkeypatch.setattr(pictures, "thumbnail_path", gone)
    assert get(client, thumbnail_address(tall)).headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize("given", ["", "made-up", None])
def test_no_thumbnail_without_a_pass_for_this_image(client, tall, given):
    other = make_pass("another") if given is None else given
    assert client.get(f"/images/{tall.id}/thumbnail", params={"pass": other}).status_code in (403, 422)


@pytest.mark.parametrize(("format_", "media"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_an_offered_picture_is_answered_as_it_is(client, format_, media):
    file = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(file, format_)
    address = offer(file.getvalue())
    assert offer(file.getvalue()) == address
    answer = get(client, address)
    assert (answer.content, answer.headers["content-type"]) == (file.getvalue(), media)


def test_what_was_not_offered_is_not_found(client):
    assert client.get(f"/pictures/{'0' * 32}").status_code == 404
