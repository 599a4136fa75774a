"""Whether the strips and tiles of a TIFF are all there: what is missing would read as black."""

from __future__ import annotations

import tifffile

from cellapp.errors import InputError


def check_series(series: tifffile.TiffPageSeries, n_bytes: int, name: str) -> None:
    """Check that an image of a TIFF is complete: its header points neither beyond its end nor to other files.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
    n_bytes : int
        Size of the file.
    name : str
        Name for messages.

    Raises
    ------
    InputError
        When strips or tiles are missing: they would read as zeros.
    """
    needed = max((_end(page, name) for level in series.levels for page in level.pages), default=0)
    if series.dataoffset is not None:
        needed = max(needed, series.dataoffset + series.nbytes)
    if needed > n_bytes:
        raise InputError(
            f"{name!r} is cut off: its header needs {needed:,} bytes but the file has {n_bytes:,}; "
            "copy or export it again"
        )


def _end(page: tifffile.TiffPage | tifffile.TiffFrame | None, name: str) -> int:
    if page is None:
        raise InputError(f"{name!r} keeps part of its image in other files; export it as one file")
    return max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)
