"""A file is not read again for a digest that another process has told, unless it is another file."""

import os

import pytest

from cellapp.images import known_digests, read
from cellapp.images.known_digests import believe, noting_digests


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(known_digests, "_known", {})


def test_a_digest_that_was_told_is_not_computed(tmp_path, monkeypatch):
    path = tmp_path / "slide.tif"
    path.write_bytes(b"pixels")
    with noting_digests() as told:
        digest = read.image_digest(path)
    assert [one.digest for one in told] == [digest]
    believe(told)
    monkeypatch.setattr(read, "file_digest", lambda _: pytest.fail("the file was read again"))
    assert read.image_digest(path) == digest


@pytest.mark.parametrize("content", [b"others", b"longer than before"])
def test_a_file_that_changed_is_read(tmp_path, content):
    path = tmp_path / "slide.tif"
    path.write_bytes(b"pixels")
    with noting_digests() as told:
        before = read.image_digest(path)
    believe(told)
    path.write_bytes(content)
    os.utime(path, ns=(0, told[0].changed_ns + 1))
    assert read.image_digest(path) != before


def test_nothing_is_noted_outside_and_nothing_of_a_folder(tmp_path):
    with noting_digests() as told:
        pass
    path = tmp_path / "slide.tif"
    path.write_bytes(b"pixels")
    read.image_digest(path)
    assert told == []
    with noting_digests() as told:
        read.image_digest(tmp_path)
    assert told == []
