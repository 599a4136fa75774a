"""Content decides what a file is, and damage is told in one sentence."""

import errno

import pytest

from cellapp.errors import BudgetError, InputError
from cellapp.images.formats.detect import detect
from cellapp.images.formats.sniff import HEAD_BYTES, decoding, sniff

HEADS = {
    "tiff": [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"],
    "png": [b"\x89PNG\r\n\x1a\n"],
    "jpeg": [b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xdb"],
    "bmp": [b"BM" + bytes(12) + b"\x28\0\0\0"],
    "czi": [b"ZISRAWFILE\0\0"],
    "nd2": [b"\xda\xce\xbe\x0a"],
    "lif": [b"\x70\0\0\0\x10\0\0\0\x2a"],
}


@pytest.mark.parametrize(("kind", "head"), [(kind, head) for kind, heads in HEADS.items() for head in heads])
def test_magic_bytes_name_the_format(kind, head):
    assert sniff(head.ljust(HEAD_BYTES, b"\0")) == kind


@pytest.mark.parametrize(
    "head", [b"", b"I", b"BM", b"BMW drivers wrote this text, not a bitmap", b"p\0\0\0" + bytes(20)]
)
def test_other_bytes_are_no_image(head):
    assert sniff(head[:HEAD_BYTES]) is None


def test_the_name_says_nothing(tmp_path):
    path = tmp_path / "picture.tif"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    assert detect(path, path.name) == "png"


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty (0 bytes)"), (b"not an image, but a text", "is not an image that can be read; accepted are TIFF")],
)
def test_empty_and_foreign_files_are_refused_with_the_way_out(tmp_path, content, words):
    path = tmp_path / "scan.tif"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        detect(path, "scan of today.tif")
    assert words in str(refused.value)
    assert "'scan of today.tif'" in str(refused.value)


def test_folders_are_images_only_as_ome_zarr(tmp_path):
    with pytest.raises(InputError, match="not an OME-Zarr image"):
        detect(tmp_path, "folder")
    (tmp_path / ".zattrs").write_text("{}")
    assert detect(tmp_path, "folder") == "ome-zarr"


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        detect(tmp_path / "gone.tif", "gone.tif")


def test_errors_of_format_libraries_become_one_line():
    with pytest.raises(InputError) as refused, decoding("a.tif"):
        raise KeyError("many\nlines " + "x" * 500)
    message = str(refused.value)
    assert "\n" not in message
    assert len(message) < 300
    assert "'a.tif' is damaged" in message


def test_running_out_of_memory_is_told():
    with pytest.raises(InputError, match="'a.tif' needs more memory"), decoding("a.tif"):
        raise MemoryError


def test_a_place_that_cannot_be_is_the_files_fault(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II")
    with pytest.raises(InputError, match="'a.tif' is damaged"), decoding("a.tif"), path.open("rb", buffering=0) as file:
        file.seek(-1)


@pytest.mark.parametrize("error", [BudgetError("too large"), OSError(errno.ENOSPC, "disk full")])
def test_errors_that_are_not_the_files_fault_pass(error):
    with pytest.raises(type(error)) as passed, decoding("a.tif"):
        raise error
    assert passed.value is error
