"""OME-Zarr folders (NGFF 0.4 and 0.5) through zarr, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.pixel_size import mean_um, to_um
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.images.formats.zarr_complete import check_chunks, chunk_notes, stored_levels
from cellapp.types.image import ImageInfo, LazyArray


def probe_all(path: Path, name: str, depth: str = "max") -> tuple[ImageInfo, ...]:
    """Read the metadata of an OME-Zarr folder.

    Parameters
    ----------
    path : Path
        The folder with ``zarr.json`` or ``.zattrs``.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Its first multiscale image at each time point.

    Raises
    ------
    InputError
        When the folder has no image metadata (a plate, a bare array) or they do not fit its arrays.
    """
    with decoding(name):
        metadata, multiscale = _multiscale(path, name)
        arrays = _arrays(path, multiscale, name)
        layout = resolve_axes(_axes(multiscale), arrays[0].shape, name, depth)
        labels = [channel.get("label") for channel in metadata.get("omero", {}).get("channels", [])]
        info = ImageInfo(
            name=name,
            format="ome-zarr",
            shape=layout.cyx,
            dtype=np.dtype(arrays[0].dtype).name,
            channels=clean_names(labels, layout.cyx[0]),
            um_per_px=_um_per_px(multiscale),
            levels=tuple(layout.resized(array.shape).cyx[1:] for array in arrays),
            bytes_on_disk=sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
            notes=layout.notes + chunk_notes(arrays, len(multiscale["datasets"])),
            n_planes=layout.size("Z"),
            is_photo=False,  # NGFF has no samples of a colour: channels are stains
        )
        return images_of([Scene(info, layout.size("T"))], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each pyramid level of an OME-Zarr folder, (C, Y, X), full resolution first."""
    with decoding(info.name):
        _, multiscale = _multiscale(path, info.name)
        arrays = _arrays(path, multiscale, info.name)
        layout = resolve_axes(_axes(multiscale), arrays[0].shape, info.name, info.selection.depth)
    return levels_of(arrays, [layout.resized(array.shape) for array in arrays], info)


def check_complete(path: Path, info: ImageInfo) -> None:
    """Check that the chunks of an OME-Zarr are whole; see `cellapp.images.formats.zarr_complete.check_chunks`."""
    with decoding(info.name):
        check_chunks(_arrays(path, _multiscale(path, info.name)[1], info.name), info.name)


def _multiscale(path: Path, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    attributes: dict[str, Any] = dict(zarr.open_group(path, mode="r").attrs)
    metadata = attributes.get("ome", attributes)  # 0.5 nests under "ome", 0.4 does not
    if not metadata.get("multiscales"):
        raise InputError(f"{name!r} is a Zarr folder without an OME-Zarr image; choose the image's folder inside it")
    return metadata, metadata["multiscales"][0]


def _arrays(path: Path, multiscale: Mapping[str, Any], name: str) -> list[zarr.Array]:
    arrays = [zarr.open_array(path / dataset["path"], mode="r") for dataset in multiscale["datasets"]]
    return stored_levels(arrays, name)


def _axes(multiscale: Mapping[str, Any]) -> str:
    return "".join(axis["name"][:1] for axis in multiscale["axes"]).upper()


def _um_per_px(multiscale: Mapping[str, Any]) -> float | None:
    transforms = multiscale["datasets"][0].get("coordinateTransformations", [])
    scale = next((t["scale"] for t in transforms if t.get("type") == "scale"), None)
    if scale is None:
        return None
    sizes = {axis["name"]: to_um(s, axis.get("unit")) for axis, s in zip(multiscale["axes"], scale, strict=True)}
    return mean_um(sizes.get("y"), sizes.get("x"))
