"""What a visitor dropped on a page: on disk where a server received it, in memory where a test did.

Streamlit's uploader says which files there are and shows how far each has been sent; their content is read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from cellapp.store import arriving

_CHUNK = 1 << 20


class Uploaded:
    """A file as the browser sent it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.name: str = file.name

    @property
    def n_bytes(self) -> int:
        """Length of the file."""
        arrived = arriving.arrived(self._file.file_id)
        return self._file.size if arrived is None else arrived.n_bytes

    def chunks(self) -> Iterator[bytes]:
        """Read the file piece by piece.

        Raises
        ------
        StoreError
            The disk had no room for it.
        """
        arrived = arriving.arrived(self._file.file_id)
        if arrived is not None:
            yield from arrived.chunks()
            return
        self._file.seek(0)
        while chunk := self._file.read(_CHUNK):
            yield chunk

    def write_to(self, path: Path) -> None:
        """Write a copy of the file. Raises StoreError as `chunks` does."""
        with path.open("wb") as copy:
            copy.writelines(self.chunks())

    def content(self) -> bytes:
        """Read a file that is known to be small. Raises StoreError as `chunks` does."""
        return b"".join(self.chunks())

    def let_go(self) -> None:
        """Delete the file: it is stored, or not wanted; Streamlit would keep it until the visitor leaves."""
        arriving.let_go(self._file.file_id)
        self._file.close()
        context = get_script_run_ctx()
        if context is not None:
            context.uploaded_file_mgr.remove_file(context.session_id, self._file.file_id)


def upload_field(label: str, *, key: str, types: Sequence[str] | None = None, **options: Any) -> list[Uploaded]:
    """Draw a field for files and return those that are in it.

    Parameters
    ----------
    label : str
    key : str
        Widget key.
    types : sequence of str, optional
        Endings that may be chosen; all when left out.
    **options
        Of `streamlit.file_uploader`.
    """
    found = st.file_uploader(label, type=None if types is None else list(types), key=key, **options)
    files = found if isinstance(found, list) else [] if found is None else [found]
    return [Uploaded(file) for file in files]
