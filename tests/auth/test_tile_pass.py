import subprocess
import sys
import urllib.parse

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from cellapp.auth import tile_pass
from cellapp.auth.tile_pass import VALID_S, make_pass, visible_image, visible_result
from cellapp.errors import AccessError, StoreError
from cellapp.store import images, projects, runs, uploads
from cellapp.store.records import Status
from tests.pages.seeding import seed_image, seed_run
from tests.paths import ROOT


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


@pytest.fixture
def result(tmp_path):
    seeded = seed_image(tmp_path, side=64)
    return seed_run([seeded], head=None), seeded.image


def test_a_finished_result_is_shown_to_who_may_see_its_image(result):
    run, image = result
    shown, entry = visible_result(run.id, image.id, make_pass(image.id))
    assert (shown, entry) == (run, run.images[0])
    with pytest.raises(AccessError):
        visible_result(run.id, image.id, make_pass("another"))


def test_a_result_in_the_bin_is_not_shown(result):
    run, image = result
    runs.delete_run(run.id)
    with pytest.raises(StoreError, match="was deleted; bring it back"):
        visible_result(run.id, image.id, make_pass(image.id))


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.DONE])
def test_a_result_that_is_not_finished_is_not_shown(result, status):
    run, image = result
    runs.set_image_status(run.id, image.id, status)
    with pytest.raises(StoreError, match="no result of image"):
        visible_result(run.id, image.id, make_pass(image.id))


def test_an_image_that_was_not_analysed_has_no_result(result, image):
    run, _ = result
    with pytest.raises(StoreError, match="no result of image"):
        visible_result(run.id, image.id, make_pass(image.id))


@pytest.mark.slow
def test_processes_that_start_together_sign_alike(home):
    code = "from cellapp.auth.tile_pass import secret; print(secret().hex())"
    starting = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE) for _ in range(3)]
    secrets = {process.communicate()[0] for process in starting}
    assert secrets == {tile_pass.secret().hex().encode() + b"\n"}
    assert sorted(path.name for path in home.iterdir()) == ["secret.key", "secret.lock"]
