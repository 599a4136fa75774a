"""The layers of the image viewer: pictures that travel with the page, and tiles the browser asks the server for."""

from __future__ import annotations

import base64
import hashlib
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from cellapp.auth.tile_pass import make_pass
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.composition import Composition, as_text
from cellapp.store.open_image import lacks_pyramid
from cellapp.store.records import ImageRecord, RunRecord
from cellapp.types.image import Region
from cellapp.viewer.tiles import FORMATS, encode

TILE_ENDING = "jpg"


@dataclass(frozen=True)
class Layer:
    """Something to draw over a rectangle of the full image."""

    source: str  # "data:image/png;base64,...", or an address below the app's root with {level}, {x} and {y}
    region: Region
    tiled: bool = False
    opacity: float = 1.0

    def at(self, opacity: float) -> Layer:
        """Return the same layer at another opacity, 0 to 1."""
        return replace(self, opacity=opacity)


def picture(pixels: np.ndarray, region: Region) -> Layer:
    """Encode a rendering, (Y, X, 3) or (Y, X, 4) uint8; `region` is the part of the image it shows."""
    return Layer(f"data:{FORMATS['png'][1]};base64,{base64.b64encode(encode(pixels, 'png')).decode()}", region)


def outlines(labels: np.ndarray, region: Region, colours: Mapping[int, str] | str) -> Layer:
    """Draw the outlines of `labels`, (Y, X) integers, on a transparent ground.

    Parameters
    ----------
    labels : ndarray of shape (Y, X)
    region : Region
        The part of the image that `labels` covers.
    colours : mapping of cell id to "#RRGGBB", or one colour for all
    """
    drawn = draw_outlines(np.zeros((*labels.shape, 3), np.uint8), labels, colours)
    alpha = np.where(drawn.any(axis=2), 255, 0).astype(np.uint8)
    return picture(np.dstack([drawn, alpha]), region)


def image_tiles(image: ImageRecord, composition: Composition) -> Layer:
    """Return the whole image in tiles, drawn by the server as `composition` says."""
    path = f"images/{image.id}/tiles/{{level}}/{{x}}_{{y}}.{TILE_ENDING}"
    # The digest and whether smaller levels are there decide the bytes: a browser that keeps tiles asks anew after both.
    version = image.digest[:12] + ("-" if lacks_pyramid(image) else "+")
    return _tiles(path, image, channels=as_text(composition), v=version)


def label_tiles(run: RunRecord, image: ImageRecord, *, threshold: float, version: str) -> Layer:
    """Return the cells a run found in an image in tiles, in the colours of their calls at `threshold`.

    Parameters
    ----------
    run : RunRecord
    image : ImageRecord
        One of the run's, which is done.
    threshold : float
    version : str
        Changes whenever the cells or their manual classes do.
    """
    path = f"runs/{run.id}/images/{image.id}/labels/{{level}}/{{x}}_{{y}}.png"
    mark = hashlib.sha256(version.encode()).hexdigest()[:12]
    return _tiles(path, image, threshold=f"{threshold:g}", v=mark)


def thumbnail_address(image: ImageRecord) -> str:
    """Return where the browser asks for the thumbnail of an image, or for a placeholder, below the app's root."""
    look = "\n".join([image.digest, *image.channels, *image.roles])
    version = hashlib.sha256(look.encode()).hexdigest()[:12] + ("-" if lacks_pyramid(image) else "+")
    asked = urllib.parse.urlencode({"v": version, "pass": make_pass(image.id)})
    return f"api/images/{image.id}/thumbnail?{asked}"


def outlines_address(run: RunRecord, image: ImageRecord) -> str:
    """Return where the browser asks for outlines of single cells of a result, below the app's root."""
    return f"api/runs/{run.id}/images/{image.id}/outlines?{urllib.parse.urlencode({'pass': make_pass(image.id)})}"


def _tiles(path: str, image: ImageRecord, **query: str) -> Layer:
    asked = urllib.parse.urlencode({**query, "pass": make_pass(image.id)})
    return Layer(f"api/{path}?{asked}", Region(0, 0, *image.info.shape[1:]), tiled=True)
