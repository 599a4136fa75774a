"""ND2 through the package nd2, frame by frame: the only file that imports it, and only when such a file is opened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names, with_colours
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.nd2_frames import KEEP_BYTES, FrameReader, Frames, bound
from cellapp.images.formats.opened import OpenedOnce
from cellapp.images.formats.pixel_size import mean_um, to_um
from cellapp.images.formats.planes import Present, present
from cellapp.images.formats.samples import samples_of
from cellapp.images.formats.scenes import Scene, images_of, left_out_notes
from cellapp.images.formats.sniff import decoding
from cellapp.images.limits import check_blocks, check_limit
from cellapp.types.image import PHOTO_CHANNELS, ImageInfo, LazyArray

_AXES = {"XYPosLoop": "P", "ZStackLoop": "Z"}
"""Axes of an experiment's loops; all others repeat in time."""


def probe_all(path: Path, name: str, depth: str) -> tuple[ImageInfo, ...]:
    """Read the metadata of an ND2 file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Of each position and time point.

    Raises
    ------
    InputError
        When the file is cut off or damaged, or the reader's package is not installed.
    """
    _library()
    with decoding(name), closing(_open(path)) as file:
        _check_cost(file, name)
        _check_complete(file, path, name)
        names = _position_names(file)
        scenes = [_scene(file, frames, names[p], path, name, depth) for p, frames in _reached(file, name).items()]
        left_out = left_out_notes(len(names) - len(scenes), len(names))
    return images_of([scene.told(left_out) for scene in scenes], depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Return the only level of an image of an ND2 file, (C, Y, X), whose frames are read as they are asked for."""
    with decoding(info.name), closing(_open(path)) as file:
        frames = list(_reached(file, info.name).values())[info.selection.scene]
        layout = _layout(file, frames, info.name, info.selection.depth)
        there = _present(file, frames, layout, info.name, info.selection.depth)
    stored = Frames(OpenedOnce(path, _open_frames), frames, np.dtype(info.dtype))
    return levels_of([stored], [layout], info, there=there.planes)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return whether a part of a plane costs its share: frames are not compressed, or few enough to keep."""
    with decoding(info.name), closing(_open(path)) as file:
        return not file.attributes.compressionType or info.bytes_decoded * info.n_planes <= KEEP_BYTES


def _library() -> Any:
    try:
        import nd2
    except ImportError as error:
        raise InputError("ND2 files need a reader that is not installed: pip install nd2") from error
    return nd2


def _open(path: Path) -> Any:
    return bound(_library().ND2File(path))


def _open_frames(path: Path) -> FrameReader:
    return FrameReader(_open(path))


def _loops(file: Any) -> list[tuple[str, int]]:
    """Axis and length of each loop of the experiment, outermost first."""
    loops = [(_AXES.get(loop.type, "T"), loop.count) for loop in file.experiment]
    return loops or [("T", file.attributes.sequenceCount or 1)]


def _reached(file: Any, name: str) -> dict[int, np.ndarray]:
    """Return the numbers of the frames of each position that has any, (T, Z) int."""
    reached = {p: frames for p, frames in enumerate(_frames(file)) if _is_there(file, frames).any()}
    if not reached:
        raise InputError(f"{name!r} holds no frame: its acquisition was stopped before the first; export it again")
    return reached


def _is_there(file: Any, frames: np.ndarray) -> np.ndarray:
    return np.isin(frames, list(file._rdr._frame_offsets))


def _present(file: Any, frames: np.ndarray, layout: Layout, name: str, depth: str) -> Present:
    """Find which time points and planes of a position are there, for each channel the same."""
    return present(_is_there(file, frames)[..., None].repeat(layout.size("C"), axis=2), layout, 0, name, depth)


def _frames(file: Any) -> np.ndarray:
    """Return the number of the frame of each position, time point and plane, (P, T, Z) int."""
    loops = _loops(file)
    numbers = np.arange(prod(count for _, count in loops)).reshape([count for _, count in loops])
    order = sorted(range(len(loops)), key=lambda at: "PTZ".index(loops[at][0]))
    return numbers.transpose(order).reshape([prod(count for axis, count in loops if axis == each) for each in "PTZ"])


def _position_names(file: Any) -> list[str]:
    loop = next((loop for loop in file.experiment if loop.type == "XYPosLoop"), None)
    points = loop.parameters.points if loop else []
    return [point.name or "" for point in points] or [""]


def _check_cost(file: Any, name: str) -> None:
    """Refuse more frames than may be listed, and frames that do not fit into memory, before one is decoded."""
    attributes, budget = file.attributes, app_settings().budget
    for axes, limit, what in ("PT", "max_images", "images"), ("Z", "max_planes", "planes of depth"):
        n = prod(count for axis, count in _loops(file) if axis in axes)
        check_limit(n, limit, budget, f"{name!r} holds {n:,} {what}")
    if attributes.compressionType:
        stored = [n for key, (_, n) in file._rdr.chunkmap.items() if key.startswith(b"ImageDataSeq|")]
        check_blocks(
            name,
            n_blocks=1,
            pixels=attributes.heightPx * attributes.widthPx,
            n_bytes=attributes.heightPx * (attributes.widthBytes or 0),
            n_stored=max(stored, default=0),
        )


def _check_complete(file: Any, path: Path, name: str) -> None:
    """Refuse a file that ends before its last frame: the package would read the frame as zeros."""
    n_bytes, attributes = path.stat().st_size, file.attributes
    n_frame = 0 if attributes.compressionType else attributes.heightPx * (attributes.widthBytes or 0)
    needed = max(file._rdr._frame_offsets.values(), default=0) + n_frame
    if needed > n_bytes:
        raise InputError(
            f"{name!r} is cut off: its last frame ends at byte {needed:,} but the file has {n_bytes:,}; "
            "copy or export it again"
        )


def _scene(file: Any, frames: np.ndarray, scene: str, path: Path, name: str, depth: str) -> Scene:
    layout = _layout(file, frames, name, depth)
    there = _present(file, frames, layout, name, depth)
    samples = samples_of(file.attributes.bitsPerComponentSignificant, file.dtype)
    info = ImageInfo(
        name=name,
        format="nd2",
        shape=layout.cyx,
        dtype=file.dtype.name,
        channels=_channel_names(file, layout),
        um_per_px=_um_per_px(file),
        levels=(layout.cyx[1:],),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=layout.notes + samples.notes + there.notes,
        scene=scene,
        n_planes=layout.size("Z"),
        is_photo=layout.is_photo,
    )
    return Scene(info, there.n_times, seconds=_seconds(file, frames[: there.n_times]))


def _layout(file: Any, frames: np.ndarray, name: str, depth: str) -> Layout:
    attributes, samples = file.attributes, file.components_per_channel
    channels = (attributes.channelCount or 1, samples)
    return resolve_axes("TZCSYX", (*frames.shape, *channels, attributes.heightPx, attributes.widthPx), name, depth)


def _channel_names(file: Any, layout: Layout) -> tuple[str, ...]:
    names = [channel.channel.name for channel in file.metadata.channels or []] if file.metadata else []
    return PHOTO_CHANNELS if layout.is_photo else clean_names(with_colours(names, layout.size("S")), layout.cyx[0])


def _um_per_px(file: Any) -> float | None:
    channels = file.metadata.channels if file.metadata else None
    if not channels or not all(channels[0].volume.axesCalibrated[:2]):
        return None  # the package gives 1 um where the file gives nothing
    x, y, _ = channels[0].volume.axesCalibration
    return mean_um(to_um(y, "um"), to_um(x, "um"))


def _seconds(file: Any, frames: np.ndarray) -> Sequence[float]:
    """Return when each time point began: by the experiment's period, else as it was measured."""
    n_times = frames.shape[0]
    if n_times == 1:
        return ()
    loop = next((loop for loop in file.experiment if loop.type == "TimeLoop"), None)
    if loop and loop.parameters.periodMs:
        return [at * loop.parameters.periodMs / 1000 for at in range(n_times)]
    times = [file.frame_metadata(int(frame)).channels[0].time.relativeTimeMs / 1000 for frame in frames[:, 0]]
    return [time - times[0] for time in times]
