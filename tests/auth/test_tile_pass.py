import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellapp.auth import secret
from cellapp.auth.tile_pass import VALID_S, make_pass, visible_image
from cellapp.errors import AccessError, StoreError
from cellapp.store import images, projects


@pytest.fixture
def image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    return images.add_image(projects.default_project().id, tmp_path / "a.tif", "a.tif")


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


def test_an_expiry_cannot_be_moved(image):
    expiry, _, signature = make_pass(image.id).partition(".")
    with pytest.raises(AccessError):
        visible_image(image.id, f"{int(expiry, 16) + VALID_S:x}.{signature}")


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
    first = secret.secret()
    secret._secret.cache_clear()
    assert secret.secret() == first
    assert len(first) == 32
    assert (home / "secret.key").stat().st_mode & 0o077 == 0
