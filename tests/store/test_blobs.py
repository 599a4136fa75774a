import hashlib
import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.config import BudgetSettings, app_settings
from cellapp.errors import BudgetError, StoreError
from cellapp.images.read import file_digest
from cellapp.store.blobs import digest_path, discard, home_folder, stored_path
from cellapp.store.staging import keep, staged

BUDGET = BudgetSettings()


@pytest.fixture(autouse=True)
def _on_every_database():
    """Nothing here needs a database."""


def store(source, budget=BUDGET):
    with staged(source, budget) as arrived:
        return keep(arrived)


def incoming():
    return list(home_folder("files", "incoming").iterdir())


@settings(max_examples=20)
@given(chunks=st.lists(st.binary(max_size=50), max_size=6))
def test_bytes_come_back_under_their_sha256_however_they_were_cut(chunks):
    stored = store(chunks)
    assert stored.path.read_bytes() == b"".join(chunks)
    assert stored.digest == hashlib.sha256(b"".join(chunks)).hexdigest()
    assert stored.bytes == len(b"".join(chunks))
    assert store([b"".join(chunks)]).existed


def test_the_same_bytes_are_kept_once(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"pixels")
    first, second = store(path), store([b"pix", b"els"])
    assert (first.existed, second.existed) == (False, True)
    assert first.path == second.path == digest_path(first.digest)
    assert path.exists()


def test_a_stream_above_the_budget_is_stopped_early_and_leaves_nothing():
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield b"x" * 100

    with pytest.raises(BudgetError, match="CELLAPP_BUDGET__MAX_FILE_BYTES"):
        store(endless(), BudgetSettings(max_file_bytes=1_000))
    assert len(taken) == 11
    assert not incoming()


def test_a_stream_that_breaks_off_leaves_nothing():
    def broken():
        yield b"half"
        raise ConnectionError("the tab was closed")

    with pytest.raises(ConnectionError):
        store(broken())
    assert not incoming()


def test_what_is_staged_and_not_kept_is_gone():
    with staged([b"pixels"], BUDGET) as arrived:
        assert arrived.path.read_bytes() == b"pixels"
    assert not arrived.path.exists()
    assert not digest_path(arrived.digest).exists()


def test_a_folder_is_kept_whole_and_once(tmp_path):
    folder = tmp_path / "image.zarr"
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "chunk").write_bytes(b"pixels")
    first, second = store(folder), store(folder)
    assert first.digest == file_digest(folder)
    assert (first.path / "0" / "chunk").read_bytes() == b"pixels"
    assert (first.existed, second.existed) == (False, True)
    with pytest.raises(BudgetError):
        store(folder, BudgetSettings(max_file_bytes=3))
    assert not incoming()


def test_what_a_killed_process_left_is_swept_after_a_day():
    left, fresh = home_folder("files", "incoming") / "left", home_folder("files", "incoming") / "fresh"
    left.write_bytes(b"half")
    fresh.write_bytes(b"half")
    old = time.time() - 2 * 24 * 3600
    os.utime(left, (old, old))
    store([b"new"])
    assert incoming() == [fresh]


def test_a_missing_file_is_told_by_the_images_name():
    stored = store([b"pixels"])
    assert stored_path(stored.digest, "a.tif") == stored.path
    discard(stored.digest)
    discard(stored.digest)
    with pytest.raises(StoreError, match=r"'a\.tif' is missing.*upload it again"):
        stored_path(stored.digest, "a.tif")


def test_a_home_that_cannot_be_made_is_told(monkeypatch):
    monkeypatch.setenv("CELLAPP_HOME", "/proc/nowhere")
    app_settings.cache_clear()
    with pytest.raises(StoreError, match="CELLAPP_HOME"):
        home_folder("files")
