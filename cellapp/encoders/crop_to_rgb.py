"""From crops with any channels to the three planes an encoder reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from cellapp.errors import InputError
from cellapp.images.channels import is_photo
from cellapp.types.cells import Crops
from cellapp.types.image import Role


def encoder_input(crops: Crops, roles: Sequence[Role], side: int, channels_as: str = "roles") -> np.ndarray:
    """Map the channels of crops to red, green and blue, and resize the crops to a square.

    The role of a channel decides its plane, not its index in the file: blue is the nucleus, green the cytoplasm, red
    the mean of all others, and a missing one is zero. Of several channels of one role the first by name is taken and
    the rest count as others. One channel fills all three planes; a photo keeps red, green and blue. Three channels of
    which no role is known have a plane each, in the order of their names, because their mean would tell less.

    Parameters
    ----------
    crops : Crops
        Processed crops, floating point, 0 to 1; sizes may differ.
    roles : sequence of Role
        What each of ``crops.channels`` shows.
    side : int
        Side of the square in pixels. Crops are scaled to fit with their aspect kept, centred, the rest zero.
    channels_as : {"roles", "each"}
        "each" gives each channel a plane of its own, for `cellapp.encoders.channelwise`: the nucleus first, then the
        cytoplasm, then all others by name; a photo keeps red, green and blue.

    Returns
    -------
    ndarray of shape (N, 3, side, side), float32
        Zero crops give zero rows. With "each" there are as many planes as channels.

    Raises
    ------
    InputError
        When roles and channels do not match in number or the crops are not floating point.
    """
    if len(roles) != len(crops.channels):
        raise InputError(f"{len(roles)} roles for {len(crops.channels)} channels; give one role per channel")
    by_itself = channels_as == "each"
    sources = _each_channel(crops.channels, roles) if by_itself else _plane_channels(crops.channels, roles)
    result = np.zeros((len(crops), len(sources), side, side), np.float32)
    for row, pixels in zip(result, crops.pixels, strict=True):
        if not np.issubdtype(pixels.dtype, np.floating):
            raise InputError(
                f"an encoder reads processed crops, 0 to 1; got {pixels.dtype}: apply the Preprocessor first"
            )
        _write_crop(row, pixels, sources)
    return result


def _each_channel(channels: Sequence[str], roles: Sequence[Role]) -> list[list[int]]:
    """Return the channel indices by themselves, in an order that is the same in files that name channels otherwise."""
    if is_photo(roles):
        return [[i] for i in range(len(channels))]
    first = [Role.NUCLEUS, Role.CYTOPLASM]
    ranks = [first.index(role) if role in first else len(first) for role in roles]
    return [[i] for i in sorted(range(len(channels)), key=lambda i: (ranks[i], channels[i]))]


def _plane_channels(channels: Sequence[str], roles: Sequence[Role]) -> tuple[list[int], list[int], list[int]]:
    """Return the channel indices that are averaged into red, green and blue."""
    if len(channels) == 1:
        return [0], [0], [0]
    by_name = sorted(range(len(channels)), key=lambda i: channels[i])
    if len(channels) == 3 and not {Role.NUCLEUS, Role.CYTOPLASM} & set(roles):
        red, green, blue = ([i] for i in (range(3) if is_photo(roles) else by_name))
        return red, green, blue
    blue = [i for i in by_name if roles[i] == Role.NUCLEUS][:1]
    green = [i for i in by_name if roles[i] == Role.CYTOPLASM][:1]
    return [i for i in by_name if i not in blue + green], green, blue


def _write_crop(row: np.ndarray, pixels: np.ndarray, sources: Sequence[Sequence[int]]) -> None:
    """Write one crop, (C, h, w), resized and centred into its row, (3, S, S)."""
    if pixels.shape[1] == 0 or pixels.shape[2] == 0:
        return
    side = row.shape[1]
    scale = side / max(pixels.shape[1:])
    height, width = (max(1, min(side, round(n * scale))) for n in pixels.shape[1:])
    y, x = (side - height) // 2, (side - width) // 2
    for plane, channels in zip(row, sources, strict=True):
        if channels:
            plane[y : y + height, x : x + width] = _resize(_mean(pixels, channels), height, width)


def _mean(pixels: np.ndarray, channels: Sequence[int]) -> np.ndarray:
    if len(channels) == 1:  # the mean of one is a copy, which takes as long as an eighth of the network
        return pixels[channels[0]].astype(np.float32, copy=False)
    return pixels[list(channels)].mean(axis=0, dtype=np.float32)


def _resize(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    if plane.shape == (height, width):
        return plane
    # Pillow widens its bilinear kernel when it shrinks, so that fine texture does not alias.
    return np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))
