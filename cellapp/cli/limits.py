"""--regions: areas drawn on images that limit what a run looks at, as files of GeoJSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.errors import InputError

if TYPE_CHECKING:
    from cellapp.pipeline.run_inputs import RunItem
    from cellapp.types.drawn_regions import DrawnRegions

Regions = Annotated[
    Path | None,
    typer.Option(
        "--regions",
        help="GeoJSON of QuPath with the regions that cells must have their centre in, those classified Ignore* left "
        "out: a file for one image, or a folder with a file for each, STEM.geojson.",
    ),
]
_ENDINGS = (".geojson", ".json")


def with_regions(items: list[RunItem], regions: Path | None) -> list[RunItem]:
    """Return images that are limited to the regions of a file, or of a folder with a file for each.

    Parameters
    ----------
    items : list of RunItem
    regions : Path or None
        A file goes with a single image, whatever its name. In a folder each image has its own: ``STEM.geojson``, or
        ``STEM/regions.geojson`` as `analyse` writes it; one without features takes the whole image.

    Raises
    ------
    InputError
        When there is no such file, or an image has none.
    """
    if regions is None:
        return items
    files = dict(_files(regions))
    if regions.is_file() and len(items) == 1:
        files = {items[0].stem.lower(): regions}
    without = [item.stem for item in items if item.stem.lower() not in files]
    if without:
        more = f" and {len(without) - 1} more images have" if len(without) > 1 else " has"
        raise InputError(f"{without[0]!r}{more} no regions in {regions.name!r}; give a folder with a file for each "
                         f"image, {without[0]}.geojson, one without features for the whole image")  # fmt: skip
    return [replace(item, read_regions=partial(_read, files[item.stem.lower()])) for item in items]


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and place of each file of regions."""
    from cellapp.files import safe_stem
    from cellapp.regions.geojson import REGIONS_FILE

    if not path.exists():
        raise InputError(f"no file or folder {str(path)!r} with regions; export them from QuPath as GeoJSON")
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        if file.is_dir() and (file / REGIONS_FILE).is_file():
            yield file.name.lower(), file / REGIONS_FILE
        elif file.suffix.lower() in _ENDINGS:
            yield safe_stem(file.name.removesuffix(file.suffix)).lower(), file


def _read(path: Path, shape: tuple[int, int]) -> DrawnRegions:
    from cellapp.regions.geojson import read_regions

    return read_regions(path, shape)
