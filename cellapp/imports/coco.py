"""COCO: outlines and run-length masks of the objects of many images in one JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.polygons import paint
from cellapp.images.formats.faults import UnfitError, fault


def is_coco(tree: Any) -> bool:
    """Whether the content of a JSON file is COCO's."""
    return isinstance(tree, dict) and isinstance(tree.get("annotations"), list) and isinstance(tree.get("images"), list)


def read_coco(tree: dict[str, Any], name: str, shape: tuple[int, int], image: str) -> np.ndarray:
    """Draw the objects of one image.

    Parameters
    ----------
    tree : dict
        Content of the file.
    name : str
        Of the file, for messages.
    shape : tuple of int
        (Y, X) of the image.
    image : str
        Name or stem of the image; where the file is of one image, that one is taken.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Objects are numbered in the order of the file.

    Raises
    ------
    InputError
        When the image is not in the file, has another size there, or an object is drawn in another way.
    """
    if not all(isinstance(one, dict) for one in (*tree["images"], *tree["annotations"])):
        raise InputError(f"{name!r} lists images or annotations that are no objects of JSON; export it again")
    found = tree["images"][choose_image([str(one.get("file_name", "")) for one in tree["images"]], name, image)]
    size = found.get("height") or shape[0], found.get("width") or shape[1]
    if size != tuple(shape):
        raise InputError(
            f"{name!r} says that {image!r} is {size[0]} x {size[1]} and it is {shape[0]} x {shape[1]}; export it again"
        )
    labels = np.zeros(shape, np.int32)
    own = [annotation for annotation in tree["annotations"] if annotation.get("image_id") == found.get("id")]
    for number, annotation in enumerate(own, start=1):
        try:
            _paint(labels, annotation.get("segmentation"), number)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            which = annotation.get("id", number)
            raise InputError(
                f"object {which} of {name!r} has no outline that can be drawn ({fault(error)}); export it again"
            ) from error
    return labels


def choose_image(names: Sequence[str], file: str, image: str) -> int:
    """Return which of the images of a file is meant: the one called so, or the only one.

    Raises
    ------
    InputError
        When none of several is called so, or more than one.
    """
    stem = _stem(image)
    same = [at for at, name in enumerate(names) if _stem(name) == stem]
    if len(same) == 1 or (not same and len(names) == 1):
        return (same or [0])[0]
    raise InputError(f"{file!r} has {len(same)} of its {len(names)} images called {image!r}; it must be there once")


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem.lower()


def _paint(labels: np.ndarray, segmentation: Any, number: int) -> None:
    if isinstance(segmentation, dict):
        labels[_mask(segmentation, labels.shape)] = number
        return
    if not segmentation:
        raise UnfitError("it is empty")
    for corners in segmentation:
        ring = np.asarray(corners, np.float64).reshape(-1, 2)
        if len(ring) < 3 or not np.isfinite(ring).all():
            raise UnfitError("a polygon has three corners or more, each a pair of numbers")
        paint(labels, [ring], number)


def _mask(coded: dict[str, Any], shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels of a run-length code, which goes down the columns and begins with what lies outside."""
    counts, size = coded["counts"], tuple(coded.get("size", shape))
    runs = _uncompressed(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if size != tuple(shape) or min(runs, default=0) < 0 or sum(runs) != size[0] * size[1]:
        raise UnfitError(f"its runs are of {sum(runs)} pixels and its size is {size}")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(shape[::-1]).T


def _uncompressed(text: str) -> list[int]:
    """Decode the counts of COCO's tools: five bits a letter; from the fourth on less the one two before."""
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:
            value -= (1 << shift) if bits & 0x10 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
