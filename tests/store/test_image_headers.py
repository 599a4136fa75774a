"""Headers come back from JSON as they were; files that version 0.1.0 read as something else open as what they are.

Rows are written here as 0.1.0 wrote them: the columns and keys of its time, and what it made of each file.
"""

import hashlib
import json
import sqlite3

import numpy as np
import pytest
import tifffile
from alembic import command
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import create_engine

from cellapp.config import app_settings
from cellapp.store import database, images
from cellapp.store.blobs import digest_path, pyramid_path
from cellapp.store.image_headers import info_from_json, info_to_json
from cellapp.store.migrate import migration_config
from cellapp.store.open_image import lacks_pyramid, make_pyramid, open_slide, open_view, thumbnail_path
from cellapp.store.uploads import add_image
from cellapp.types.image import ImageInfo, Role
from tests.images.slides import noise

SIDES = st.tuples(st.integers(1, 10**6), st.integers(1, 10**6))
INFOS = st.builds(
    ImageInfo,
    name=st.text(),
    format=st.sampled_from(["tiff", "png", "ome-zarr"]),
    shape=st.tuples(st.integers(1, 16), st.integers(1, 10**6), st.integers(1, 10**6)),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
    channels=st.lists(st.text(), max_size=4).map(tuple),
    um_per_px=st.none() | st.floats(0.01, 10),
    levels=st.lists(SIDES, min_size=1, max_size=3).map(tuple),
    bytes_on_disk=st.integers(0, 2**40),
    roles=st.lists(st.sampled_from(Role), max_size=4).map(tuple),
    notes=st.lists(st.text(), max_size=2).map(tuple),
)


@given(INFOS)
def test_a_header_comes_back_as_it_was(info):
    assert info_from_json(json.loads(json.dumps(info_to_json(info)))) == info


TABLE = np.random.default_rng(0).integers(0, 2**16, (3, 256)).astype(np.uint16)  # colours of a photograph


@pytest.fixture(autouse=True)
def _on_every_database():
    """Version 0.1.0 is written as an SQLite file."""
    yield
    database.dispose()


def stored_by_0_1_0(path, shape, channels, *, roles=None, um_per_px=None, in_force=None, parts=(), level=None):
    """Store a file with the row that 0.1.0 made of it, in a database of that time; return the id of the image."""
    home = app_settings().home
    home.mkdir(exist_ok=True)
    made = create_engine(f"sqlite:///{home / 'cellapp.db'}")
    with made.connect() as connection, connection.begin():
        config = migration_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    made.dispose()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    digest_path(digest).parent.mkdir(parents=True, exist_ok=True)
    digest_path(digest).write_bytes(path.read_bytes())
    info = {"name": path.name, "format": "tiff", "shape": shape, "dtype": "uint8", "channels": channels}
    info |= {"um_per_px": um_per_px, "levels": [shape[1:]], "bytes_on_disk": path.stat().st_size}
    info |= {"roles": [], "notes": []}
    key = hashlib.sha256("".join(parts).encode()).hexdigest() if parts else digest
    named = channels if in_force is None else in_force
    row = (key[:12], "p", path.name, key, info, named, roles or ["other"] * len(channels), um_per_px, list(parts))
    with sqlite3.connect(home / "cellapp.db") as connection:
        connection.execute("INSERT OR IGNORE INTO projects VALUES ('p', 'old', NULL, '{}', '2026-11-21')")
        connection.execute(
            "INSERT INTO images (id, project_id, name, digest, info, channels, roles, um_per_px, parts, conditions, "
            "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', '2026-11-21')",
            [json.dumps(value) if isinstance(value, list | dict) else value for value in row],
        )
    return key[:12]


def rgba(path):
    pixels = noise(40, 50, 4, dtype="uint8")
    pixels[..., 3] = 255
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha"])
    return path


def indexed(path):
    tifffile.imwrite(path, noise(40, 50, dtype="uint8"), photometric="palette", colormap=TABLE)
    return path


def turned(path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(noise(40, 50, 3, dtype="uint8")).save(path, exif=exif)
    return path


FOUR = ["channel 1", "channel 2", "channel 3", "channel 4"]
RGB = ("red", "green", "blue")
KINDS = {
    "opaque alpha": (rgba, "a.tif", [4, 40, 50], FOUR, (3, 40, 50)),
    "indexed colours": (indexed, "a.tif", [1, 40, 50], ["channel 1"], (3, 40, 50)),
    "a picture on its side": (turned, "a.png", [3, 40, 50], list(RGB), (3, 50, 40)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_as_something_else_now_opens_and_says_what_it_was(tmp_path, kind):
    write, name, shape, channels, now = KINDS[kind]
    image_id = stored_by_0_1_0(write(tmp_path / name), shape, channels)
    record = images.get_image(image_id)
    assert (record.info.shape, record.channels, record.roles) == (now, RGB, (Role.COLOUR,) * 3)
    assert record.info.is_photo
    before = f"{shape[0]} channels" if shape[0] > 1 else "one channel"
    assert any(f"was read as {before} of 40 x 50 px" in note for note in record.info.notes)
    assert open_slide(image_id).region().shape == now
    assert thumbnail_path(image_id).exists()
    assert images.set_channels(image_id, ["a", "b", "c"], record.roles).channels == ("a", "b", "c")


def test_names_and_roles_of_the_channels_that_are_left_stay(tmp_path):
    names, roles = ["DNA", "actin", "DIC", "nothing"], ["nucleus", "cytoplasm", "other", "other"]
    image_id = stored_by_0_1_0(rgba(tmp_path / "a.tif"), [4, 40, 50], FOUR, in_force=names, roles=roles)
    record = images.get_image(image_id)
    assert record.channels == ("DNA", "actin", "DIC")
    assert record.roles == (Role.NUCLEUS, Role.CYTOPLASM, Role.OTHER)
    assert open_slide(image_id).info.channels == record.channels


@pytest.mark.parametrize("typed", [None, 0.7])
def test_a_scale_that_is_found_now_counts_unless_one_was_typed(tmp_path, typed):
    tifffile.imwrite(
        tmp_path / "a.tif",
        noise(40, 50, dtype="uint8"),
        photometric="minisblack",
        imagej=True,
        resolution=(4, 4),
        metadata={"unit": "um"},
    )
    image_id = stored_by_0_1_0(tmp_path / "a.tif", [1, 40, 50], ["channel 1"])
    if typed:
        with sqlite3.connect(app_settings().home / "cellapp.db") as connection:
            connection.execute("UPDATE images SET um_per_px = ?", [typed])
    record = images.get_image(image_id)
    assert record.info.um_per_px == pytest.approx(0.25)
    assert record.um_per_px == pytest.approx(typed or 0.25)


def test_what_is_read_as_before_stays_as_it_is(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise(3, 40, 50, dtype="uint8"), photometric="minisblack", planarconfig=2)
    image_id = stored_by_0_1_0(tmp_path / "a.tif", [3, 40, 50], list(RGB))
    record = images.get_image(image_id)
    assert (record.info.is_photo, record.channels) == (True, RGB)
    assert not any("was read as" in note for note in record.info.notes)


def test_pyramids_of_numbers_that_mean_something_else_are_made_anew_and_others_kept(tmp_path):
    pixels, ids = noise(64, 2100, dtype="uint8"), {}
    for photometric in ("miniswhite", "minisblack"):
        path = tmp_path / f"{photometric}.tif"
        tifffile.imwrite(path, pixels + (photometric == "minisblack"), photometric=photometric, metadata=None)
        ids[photometric] = stored_by_0_1_0(path, [1, 64, 2100], ["channel 1"])
        old = pyramid_path(hashlib.sha256(path.read_bytes()).hexdigest())
        old.mkdir(parents=True)
    white, black = (images.get_image(ids[photometric]) for photometric in ("miniswhite", "minisblack"))
    assert lacks_pyramid(white)
    assert not lacks_pyramid(black)
    make_pyramid(white.id)
    np.testing.assert_array_equal(open_view(white.id).region(level=0)[0], 255 - pixels)
    assert open_view(white.id).region(level=1).mean() == pytest.approx(255 - pixels.mean(), abs=1)


def test_combined_images_tell_what_their_files_mean_and_stay(tmp_path):
    digests = []
    for i in range(2):
        path = tmp_path / f"{i}.tif"
        tifffile.imwrite(path, noise(40, 50, seed=i, dtype="uint8"), photometric="miniswhite")
        stored_by_0_1_0(path, [1, 40, 50], ["channel 1"])
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    image_id = stored_by_0_1_0(path.rename(tmp_path / "c.tif"), [2, 40, 50], ["a", "b"], parts=digests)
    record = images.get_image(image_id)
    assert record.channels == ("a", "b")
    assert any("white as the lowest number" in note for note in record.info.notes)
    assert open_slide(image_id).region().shape == (2, 40, 50)


def test_a_file_that_is_gone_stops_nothing_and_coming_back_it_is_what_it_is(tmp_path):
    path = rgba(tmp_path / "a.tif")
    image_id = stored_by_0_1_0(path, [4, 40, 50], FOUR)
    digest_path(hashlib.sha256(path.read_bytes()).hexdigest()).unlink()
    assert images.get_image(image_id).info.shape == (4, 40, 50)
    again = add_image("p", path, "again.tif")
    assert (again.id, again.name, again.channels) == (image_id, "a.tif", RGB)
    assert add_image("p", path, "third.tif") == again
    assert open_slide(image_id).region().shape == (3, 40, 50)
