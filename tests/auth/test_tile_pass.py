import urllib.parse

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellapp.auth import tile_pass
from cellapp.auth.tile_pass import VALID_S, make_pass, visible_image
from cellapp.errors import AccessError, StoreError
from cellapp.store import images, projects, uploads


@pytest.fixture
def image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    return uploads.add_image(projects.default_project().id, tmp_path / "a.tif", "a.tif")


def test_a_pass_opens_its_image_and_no_other(image):
    assert visible_image(image.id, make_pass(image.id)) == image
    for made_up in (make_pass("another"), "", "zz.00", make_pass(image.id)[:-1], make_pass(image.id) + "0"):
        with pytest.raises(AccessError):
            visible_image(image.id, made_up)


@pytest.mark.parametrize("began_s", [0.0, VALID_S * 0.5, VALID_S - 1.0])
def test_a_pass_lasts_for_hours_and_then_ends(image, began_s):
    given_pass = make_pass(image.id, now_s=began_s)
    visible_image(image.id, given_pass, now_s=began_s + VALID_S)
    with pytest.raises(AccessError, match="too old"):
        visible_image(image.id, given_pass, now_s=began_s + 2 * VALID_S + 1)


def test_all_visitors_of_the_same_hours_share_addresses(image):
    assert make_pass(image.id, now_s=10.0) == make_pass(image.id, now_s=20.0)


def test_the_span_of_a_pass_cannot_be_moved(image):
    later, _, _ = make_pass(image.id, now_s=9 * VALID_S).partition(".")
    _, _, signature = make_pass(image.id, now_s=0.0).partition(".")
    with pytest.raises(AccessError, match="not made for this image"):
        visible_image(image.id, f"{later}.{signature}")


def test_another_installation_makes_other_passes(image, tmp_path, monkeypatch):
    ours = make_pass(image.id)
    monkeypatch.setattr(tile_pass, "secret", lambda: b"another secret of thirty-two bytes")
    assert make_pass(image.id) != ours
    with pytest.raises(AccessError, match="not made for this image"):
        visible_image(image.id, ours)


@given(image_id=st.text(min_size=1), now_s=st.floats(0, 1e11))
def test_a_pass_needs_no_quoting_in_an_address(image_id, now_s):
    made = make_pass(image_id, now_s=now_s)
    assert urllib.parse.quote(made, safe="") == made


def test_a_removed_image_is_not_shown_until_it_is_back(image):
    images.remove_image(image.id)
    with pytest.raises(StoreError, match="removed"):
        visible_image(image.id, make_pass(image.id))
    images.restore_image(image.id)
    assert visible_image(image.id, make_pass(image.id)).id == image.id


@given(given_pass=st.text(max_size=60))
def test_no_text_is_a_pass(given_pass):
    with pytest.raises(AccessError):
        visible_image("an-image", given_pass)


def test_the_secret_stays_and_only_its_owner_reads_it(home):
    first = tile_pass.secret()
    tile_pass._secret.cache_clear()
    assert tile_pass.secret() == first
    assert len(first) == 32
    assert (home / "secret.key").stat().st_mode & 0o077 == 0
