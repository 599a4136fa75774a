"""What killed processes left is swept after a day, and nothing that is being written."""

import os
import time

import pytest

from cellapp.files import atomic_folder, atomic_write
from cellapp.store.bin import empty_bin, sweep_parts, to_bin


@pytest.fixture(autouse=True)
def _on_every_database():
    """The disk is the same on every database."""


def old(path):
    for each in (*path.rglob("*"), path):
        os.utime(each, (time.time() - 2 * 24 * 3600,) * 2)


def test_what_was_half_written_is_swept_and_what_is_being_written_is_not(home):
    for place in ("runs/a/scan", "pyramids/ab", "vectors/ab", "heads"):
        with atomic_folder(home / place / "result") as part:
            (part / "file").write_text("half")
            before = part.parent
            old(before)
            (part / "file").touch()  # it is being written
            assert sweep_parts() == 0
            old(before)
            assert sweep_parts() == 1
            part.mkdir(parents=True)
    with atomic_write(home / "runs" / "a" / "run.json") as part:
        old(part.parent)
        assert sweep_parts() == 1
        part.parent.mkdir()
        part.touch()
    (home / "pyramids" / "ab" / "abc.ome.part" / "0").mkdir(parents=True)
    old(home / "pyramids" / "ab" / "abc.ome.part")
    assert sweep_parts() == 1


def test_names_of_users_are_not_swept(home):
    for place in ("files/ab/abc/a.part", "pyramids/ab/abc.ome.zarr/a.part", "bin/1-a/a.part"):
        (home / place).mkdir(parents=True)
        old(home / place)
    assert sweep_parts() == 0


def test_only_what_was_put_into_the_bin_by_this_program_is_emptied(home):
    (home / "runs").mkdir(parents=True)
    (home / "runs" / "a").write_text("kept")
    assert to_bin(home / "runs" / "b") is None
    assert not (home / "bin").exists()
    assert to_bin(home / "runs" / "a").read_text() == "kept"
    (home / "bin" / "mine").mkdir()
    assert empty_bin() == 0
    assert empty_bin(kept_s=-1) == 1
    assert [path.name for path in (home / "bin").iterdir()] == ["mine"]
