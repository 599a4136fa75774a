"""OME-Zarr folders (NGFF 0.1 to 0.5) through zarr, chunk by chunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr

from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.inside import check_links, inside
from cellapp.images.formats.multiscale import axis_letters, interval_s, um_per_px
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.images.formats.zarr_complete import check_chunks, chunk_notes, stored_levels
from cellapp.images.formats.zarr_layouts import ZarrImage, find_images
from cellapp.types.image import ImageInfo, LazyArray


def probe_all(path: Path, name: str, depth: str = "max") -> tuple[ImageInfo, ...]:
    """Read the metadata of a Zarr folder.

    Parameters
    ----------
    path : Path
        The folder, see `cellapp.images.formats.zarr_layouts.find_root`.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Each multiscale image, series or well field at each time point.

    Raises
    ------
    InputError
        When the folder has no image metadata (a bare array), they do not fit its arrays, or a link leads out of it.
    """
    with decoding(name):
        images = find_images(path, name)
        scenes = [_scene(image, name, depth, _n_bytes(image.group if len(images) > 1 else path)) for image in images]
        check_links(path, name)  # of pixels, which nobody has read yet; the metadata's own paths pass no link
        return images_of(scenes, depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Open each pyramid level of an image of a Zarr folder, (C, Y, X), full resolution first."""
    with decoding(info.name):
        image = find_images(path, info.name)[info.selection.scene]
        arrays = _arrays(image, info.name)
        axes = axis_letters(image.multiscale, arrays[0].ndim)
        layout = resolve_axes(axes, arrays[0].shape, info.name, info.selection.depth)
    return levels_of(arrays, [layout.resized(array.shape) for array in arrays], info)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return True: pixels are stored in chunks."""
    return True


def check_complete(path: Path, info: ImageInfo) -> None:
    """Check that the chunks of an image are whole; see `cellapp.images.formats.zarr_complete.check_chunks`."""
    with decoding(info.name):
        check_chunks(_arrays(find_images(path, info.name)[info.selection.scene], info.name), info.name)


def _scene(image: ZarrImage, name: str, depth: str, n_bytes: int) -> Scene:
    arrays = _arrays(image, name)
    layout = resolve_axes(axis_letters(image.multiscale, arrays[0].ndim), arrays[0].shape, name, depth)
    info = ImageInfo(
        name=name,
        format="ome-zarr",
        shape=layout.cyx,
        dtype=np.dtype(arrays[0].dtype).name,
        channels=clean_names(_labels(image), layout.cyx[0]),
        um_per_px=um_per_px(image.multiscale) or (image.ome.um_per_px if image.ome else None),
        levels=tuple(layout.resized(array.shape).cyx[1:] for array in arrays),
        bytes_on_disk=n_bytes,
        notes=layout.notes + chunk_notes(arrays, len(image.multiscale["datasets"])),
        scene=image.scene,
        n_planes=layout.size("Z"),
        is_photo=False,  # NGFF has no samples of a colour: channels are stains
    )
    interval = interval_s(image.multiscale) or (image.ome.interval_s if image.ome else None)
    return Scene(info, layout.size("T"), interval, keeps_name=image.is_well)


def _n_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _arrays(image: ZarrImage, name: str) -> list[zarr.Array]:
    paths = [inside(image.group, str(dataset["path"]), name) for dataset in image.multiscale["datasets"]]
    return stored_levels([zarr.open_array(path, mode="r") for path in paths], name)


def _labels(image: ZarrImage) -> list[str | None]:
    stated = (image.metadata.get("omero") or {}).get("channels") or []
    labels = [None if channel.get("label") is None else str(channel["label"]) for channel in stated]
    return labels if any(labels) or image.ome is None else [channel.name for channel in image.ome.channels]
