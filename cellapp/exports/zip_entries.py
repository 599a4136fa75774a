"""Files of a zip that are compressed before they are written: by any thread, and without going back in the archive."""

from __future__ import annotations

import copy
import zipfile
import zlib
from typing import NamedTuple

_LEVEL = 1


class Entry(NamedTuple):
    """A file as it stands in an archive."""

    info: zipfile.ZipInfo  # with sizes and checksum
    content: bytes  # its header and what is compressed


def entry_of(name: str, content: bytes, compression: int) -> Entry:
    """Compress a file as `zipfile.ZipFile.writestr` does; the same content gives the same bytes.

    Parameters
    ----------
    name : str
        In the archive.
    content : bytes
    compression : {zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED}
    """
    info = zipfile.ZipInfo(name)  # dated 1980: the clock is no part of the result
    info.compress_type, info.external_attr = compression, 0o644 << 16
    kept = content
    if compression == zipfile.ZIP_DEFLATED:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        kept = packer.compress(content) + packer.flush()
    info.file_size, info.compress_size, info.CRC = len(content), len(kept), zlib.crc32(content)
    return Entry(info, info.FileHeader() + kept)


def append(archive: zipfile.ZipFile, entry: Entry) -> None:
    """Write a file to where the archive's list of files begins, and list it.

    Python's library cannot write what is compressed already, and goes back to the header of each file it compresses.

    Parameters
    ----------
    archive : ZipFile
        Open for writing.
    entry : Entry
    """
    info = copy.copy(entry.info)
    archive.fp.seek(archive.start_dir)
    info.header_offset = archive.start_dir
    archive.fp.write(entry.content)
    archive.start_dir = archive.fp.tell()
    archive.filelist.append(info)
    archive.NameToInfo[info.filename] = info
