"""The one way to open a TIFF."""

from __future__ import annotations

from pathlib import Path

import tifffile

from cellapp.images.formats.imagej_planes import with_gaps


class TiffAlone(tifffile.TiffFile):
    """A TIFF without the files beside it, so that it lists and reads what is in itself.

    By the name and folder of a file of a Micro-Manager data set tifffile looks for the others, whatever it is told, and
    each of them would list all positions: it gets the open file, and neither. Files of an OME-TIFF set are put together
    by `cellapp.images.formats.ome_set`.

    Parameters
    ----------
    path : Path
        Of the file, which stays open until ``close`` or the end of a ``with`` block.
    """

    def __init__(self, path: Path) -> None:
        self._stream = Path(path).open("rb")  # noqa: SIM115
        try:
            super().__init__(self._stream, name="file", _multifile=False)
        except BaseException:
            self._stream.close()
            raise

    def _series_imagej(self) -> list[tifffile.TiffPageSeries] | None:
        return with_gaps(self) or super()._series_imagej()

    def close(self) -> None:
        """Close the file."""
        super().close()
        self._stream.close()
