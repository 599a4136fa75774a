"""Files compressed beforehand stand in an archive as Python's own library writes them."""

import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.exports.zip_entries import append, entry_of

FILES = st.dictionaries(st.text("abcé/.", min_size=1, max_size=12), st.binary(max_size=2000), max_size=6)


def by_library(files, compression):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = compression, 0o644 << 16
            archive.writestr(info, content, compresslevel=1)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@given(files=FILES.filter(lambda files: not any(name.endswith("/") for name in files)))
def test_the_bytes_are_those_of_the_library(compression, files):
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            append(archive, entry_of(name, content, compression))
    assert buffer.getvalue() == by_library(files, compression)
    with zipfile.ZipFile(buffer) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
