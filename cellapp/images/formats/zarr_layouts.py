"""Where the images of a Zarr folder are: one image, several, bioformats2raw's series, or the wells of a plate.

See https://ngff.openmicroscopy.org/0.4 and /0.5, and https://github.com/glencoesoftware/bioformats2raw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import zarr

from cellapp.errors import InputError
from cellapp.images.formats.inside import inside
from cellapp.images.formats.ome_xml import MOST_CHARACTERS, OmeImage, parse_ome

MARKERS = ("zarr.json", ".zattrs", ".zgroup")
"""Files that make a folder a Zarr group, whatever its name."""

OME_XML = "METADATA.ome.xml"
"""What bioformats2raw calls the metadata that it does not turn into Zarr's."""

_DEEPEST = 4  # groups in groups in which images are looked for where no metadata say where they are


@dataclass(frozen=True)
class ZarrImage:
    """A multiscale image of a folder."""

    group: Path
    multiscale: Mapping[str, Any]
    metadata: Mapping[str, Any]  # of the group: "omero" has the channels
    scene: str = ""
    is_well: bool = False  # or a field of one
    ome: OmeImage | None = None


def find_root(path: Path) -> Path | None:
    """Return the Zarr group that a folder is, or holds beside its OME-XML; None where there is none."""
    if any((path / marker).is_file() for marker in MARKERS):
        return path
    if not (path / OME_XML).is_file():
        return None
    groups = (child for child in sorted(path.iterdir()) if child.is_dir() and not child.is_symlink())
    return next((child for child in groups if any((child / marker).is_file() for marker in MARKERS)), None)


def find_images(path: Path, name: str) -> list[ZarrImage]:
    """List the images of a Zarr folder.

    Parameters
    ----------
    path : Path
        A folder that `find_root` knows.
    name : str
        Name for messages.

    Returns
    -------
    list of ZarrImage
        In the order of the file: fields within wells, series, or multiscales.

    Raises
    ------
    InputError
        When there is none, or metadata lead outside the folder.
    """
    root = find_root(path) or path
    metadata = _metadata(root)
    described = _described(path, root, name)
    if metadata.get("plate"):
        images = list(_fields(root, metadata["plate"], name))
    elif metadata.get("multiscales"):
        images = list(_multiscales(root, metadata, ""))
    else:
        groups = _series(root, name) or list(_nested(root, _DEEPEST))
        images = [image for group in groups for image in _multiscales(group, _metadata(group), _name(group, root))]
    if not images:
        raise InputError(f"{name!r} is a Zarr folder without an OME-Zarr image; choose the image's folder inside it")
    if len(described) != len(images):
        return images
    pairs = zip(images, described, strict=True)
    return [
        replace(image, ome=ome, scene=image.scene if image.is_well else ome.name or image.scene) for image, ome in pairs
    ]


def _metadata(group: Path) -> Mapping[str, Any]:
    attributes: dict[str, Any] = dict(zarr.open_group(group, mode="r").attrs)
    nested = attributes.get("ome")  # 0.5 nests, 0.4 does not
    return {**attributes, **nested} if isinstance(nested, Mapping) else attributes


def _multiscales(group: Path, metadata: Mapping[str, Any], scene: str) -> Iterator[ZarrImage]:
    for multiscale in metadata.get("multiscales") or ():
        name = str(multiscale.get("name") or "").strip("/")
        yield ZarrImage(group, multiscale, metadata, scene or name)


def _fields(root: Path, plate: Mapping[str, Any], name: str) -> Iterator[ZarrImage]:
    """Yield the fields of a plate, well by well."""
    wells = [(inside(root, str(well["path"]), name), str(well["path"]).replace("/", "")) for well in plate["wells"]]
    fields = [_metadata(well)["well"]["images"] for well, _ in wells]
    several = max(map(len, fields), default=0) > 1
    for (well, label), images in zip(wells, fields, strict=True):
        for i, image in enumerate(images):
            group = inside(well, str(image["path"]), name)
            scene = f"{label} field {i + 1}" if several else label
            yield from (replace(each, is_well=True) for each in _multiscales(group, _metadata(group), scene))


def _series(root: Path, name: str) -> Sequence[Path]:
    """Return the groups of a bioformats2raw folder, in the order that it states, else by number."""
    ome = root / "OME"
    stated = _metadata(ome).get("series") if any((ome / marker).is_file() for marker in MARKERS) else None
    if stated:
        return [inside(root, str(path), name) for path in stated]
    if "bioformats2raw.layout" not in _metadata(root):
        return []
    return sorted((child for child in root.iterdir() if child.name.isdecimal()), key=lambda child: int(child.name))


def _nested(group: Path, depth: int) -> Iterator[Path]:
    """Find groups with images below a group that says nothing of them; labels are no images."""
    for child in sorted(group.iterdir()):
        if child.name == "labels" or child.is_symlink() or not any((child / marker).is_file() for marker in MARKERS):
            continue
        if (child / ".zarray").is_file() or _is_array(child):
            continue
        if _metadata(child).get("multiscales"):
            yield child
        elif depth > 1:
            yield from _nested(child, depth - 1)


def _is_array(path: Path) -> bool:
    return (path / "zarr.json").is_file() and zarr.open(path, mode="r").__class__ is zarr.Array


def _name(group: Path, root: Path) -> str:
    """Name a group by its path; bioformats2raw's numbers are no names."""
    path = group.relative_to(root).as_posix()
    return "" if path.replace("/", "").isdecimal() else path


def _described(path: Path, root: Path, name: str) -> tuple[OmeImage, ...]:
    """Return what OME-XML beside the pixels says of each image; nothing where there is none."""
    for candidate in (root / "OME" / OME_XML, path / OME_XML):
        if candidate.is_file() and candidate.stat().st_size <= 4 * MOST_CHARACTERS:
            return parse_ome(inside(path, candidate.relative_to(path).as_posix(), name).read_text("utf-8"), name).images
    return ()
