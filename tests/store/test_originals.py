"""A stored original that has changed is not read as what was uploaded, and the same upload again repairs it."""

import os
import shutil

import pytest

from cellapp.errors import StoreError
from cellapp.store import originals
from cellapp.store.blobs import digest_path, stored_path
from cellapp.store.open_image import open_slide
from cellapp.store.originals import stamp_path
from cellapp.store.uploads import add_image
from tests.images.many_images import write_image_group
from tests.images.slides import noise


@pytest.fixture
def another_process(monkeypatch):
    """Forget what this process knows."""
    return lambda: monkeypatch.setattr(originals, "_seen", {})


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "shorter":
        del content[-100:]
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))


@pytest.mark.parametrize("how", ["one bit", "shorter"])
@pytest.mark.parametrize("again", [True, False])
def test_a_changed_original_is_refused_until_it_is_uploaded_again(project, write_tiff, another_process, how, again):
    source = write_tiff()
    image = add_image(project.id, source, "a.tif")
    pixels = open_slide(image.id).region()
    damage(digest_path(image.digest), how)
    if again:
        another_process()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"'a\.tif' is no longer what was uploaded; upload the same file again"):
            open_slide(image.id)
    assert add_image(project.id, source, "a.tif").id == image.id
    assert (open_slide(image.id).region() == pixels).all()
    assert digest_path(image.digest).read_bytes() == source.read_bytes()


def test_damage_that_nobody_has_met_is_repaired_by_an_upload(project, write_tiff):
    """Time and size are as they were: only the upload, which reads it all anyway, can tell."""
    source = write_tiff()
    path = digest_path(add_image(project.id, source, "a.tif").digest)
    before = path.stat()
    damage(path, "one bit")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    add_image(project.id, source, "a.tif")
    assert path.read_bytes() == source.read_bytes()


def test_a_folder_is_one_original(project, tmp_path, another_process):
    folder = write_image_group(tmp_path / "a.zarr", noise(1, 1, 1, 20, 30), version="0.4")
    image = add_image(project.id, folder, "a.zarr")
    chunk = next(path for path in (digest_path(image.digest) / "0").rglob("[0-9]*") if path.is_file())
    damage(chunk, "one bit")
    another_process()
    with pytest.raises(StoreError, match="no longer what was uploaded"):
        open_slide(image.id)
    add_image(project.id, folder, "a.zarr")
    assert (open_slide(image.id).region() == noise(1, 1, 1, 20, 30)[0, :, 0]).all()


def test_what_has_not_changed_is_hashed_once_whatever_its_time(add, another_process, monkeypatch):
    """Version 0.1.0 left no stamps; a copied home has new times."""
    image, hashed = add(), []
    really = originals.is_whole
    monkeypatch.setattr(originals, "is_whole", lambda *one: hashed.append(one) or really(*one))
    open_slide(image.id)
    another_process()
    open_slide(image.id)
    assert hashed == []
    shutil.rmtree(stamp_path(image.digest).parent)
    os.utime(digest_path(image.digest), (0, 0))
    for _ in range(3):
        another_process()
        open_slide(image.id)
    assert len(hashed) == 1


def test_a_disk_that_cannot_read_is_told_in_a_sentence(add, another_process, monkeypatch):
    image = add()
    monkeypatch.setattr(originals, "_state", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(
        StoreError, match=r"'image\.tif' cannot be read \(input/output error\); look at the disk"
    ) as told:
        stored_path(image.digest, image.name)
    assert "/" not in str(told.value).replace("input/output", "")
