"""Render fields of synthetic cells as a microscope images them: optics, uneven illumination, noise, camera counts."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter

from cellapp.synthetic.cell import RenderedCell, render_cell
from cellapp.synthetic.layout import place_cells
from cellapp.synthetic.settings import CHANNELS, SyntheticSettings
from cellapp.types.image import ImageInfo, Region, Slide

CLASSES = ("normal", "cancer")
BLUR = 0.018  # width of the microscope's point spread, cell diameters
HAZE, HAZE_SHARE = 0.25, 0.12  # light from out of focus: width in cell diameters, share
TRUNCATE = 4.0  # filters end at this many widths, which bounds the distance a pixel depends on
NOISE_BLOCK = 256
FULL_SCALE = 0.8  # share of the camera's range that an intensity of 1 fills
BACKGROUND = np.float32([0.035, 0.045, 0.03, 0.03])


def render_region(settings: SyntheticSettings, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Render a rectangle of a slide; a pixel is the same in whatever rectangle it is rendered.

    Parameters
    ----------
    settings : SyntheticSettings
    region : Region
        Rectangle in px, inside the slide.

    Returns
    -------
    pixels : ndarray of shape (C, Y, X), `settings.dtype`
    labels : ndarray of shape (Y, X), uint32
        True ids, with gaps: the number of a cell comes from its site on the lattice.
    """
    return render_with_cause(settings, region)[:2]


def render_with_cause(settings: SyntheticSettings, region: Region) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render a rectangle of a slide, and what tells the classes apart; see `render_region`.

    Returns
    -------
    pixels : ndarray of shape (C, Y, X), `settings.dtype`
    labels : ndarray of shape (Y, X), uint32
    cause : ndarray of shape (Y, X), bool
        True on what `settings.differ_by` names: nuclei, fibres of actin, or whole cells.
    """
    halo = math.ceil(TRUNCATE * max(HAZE, BLUR) * settings.diameter_px) + 2
    wide = Region(region.y - halo, region.x - halo, region.height + 2 * halo, region.width + 2 * halo)
    intensity, labels, cause = _render_cells(settings, wide)
    core = (slice(halo, halo + region.height), slice(halo, halo + region.width))
    pixels = np.stack([_image_plane(settings, plane, c, region, core) for c, plane in enumerate(intensity)])
    return pixels, labels[core], cause[core]


def render_field(settings: SyntheticSettings) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Render a whole small slide in memory.

    Returns
    -------
    pixels : ndarray of shape (C, Y, X), `settings.dtype`
    labels : ndarray of shape (Y, X), uint32
    classes : dict of int to str
        "normal" or "cancer" of every id present in `labels`.
    """
    whole = Region(0, 0, settings.height, settings.width)
    pixels, labels = render_region(settings, whole)
    present = set(np.unique(labels).tolist())
    classes = {cell.cell_id: CLASSES[cell.cancer] for cell in place_cells(settings, whole) if cell.cell_id in present}
    return pixels, labels, classes


def as_slide(raw: np.ndarray, settings: SyntheticSettings) -> Slide:
    """Return the pixels of a rendered slide, (C, Y, X), as a `Slide`."""
    info = ImageInfo(
        name=f"synthetic {settings.seed}",
        format="ome-tiff",
        shape=raw.shape,
        dtype=str(raw.dtype),
        channels=settings.channels,
        um_per_px=settings.um_per_px,
        levels=(raw.shape[1:],),
        bytes_on_disk=raw.nbytes,
    )
    return Slide(info, f"synthetic-{settings.seed}", (raw,))


def _render_cells(settings: SyntheticSettings, region: Region) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    shape = (region.height, region.width)
    light = np.zeros((settings.n_channels, *shape), np.float32)
    labels, cause = np.zeros(shape, np.uint32), np.zeros(shape, bool)
    nearest = np.full((2, *shape), np.float32(2))  # outline radii to the nearest and the second nearest cell
    for cell in place_cells(settings, region):
        _draw_cell(render_cell(settings, cell), cell.cell_id, region, (light, labels, nearest, cause))
    return _draw_contacts(light, labels, nearest), labels, cause


def _draw_cell(
    rendered: RenderedCell, cell_id: int, region: Region, canvas: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
) -> None:
    """Draw a cell where it is nearer than every cell before it; overlapping cells divide the overlap."""
    light, labels, nearest, cause = canvas
    height, width = rendered.radius.shape
    y0, x0 = max(rendered.y, region.y), max(rendered.x, region.x)
    y1, x1 = min(rendered.y + height, region.y + region.height), min(rendered.x + width, region.x + region.width)
    if y0 >= y1 or x0 >= x1:
        return
    here = (slice(y0 - region.y, y1 - region.y), slice(x0 - region.x, x1 - region.x))
    there = (slice(y0 - rendered.y, y1 - rendered.y), slice(x0 - rendered.x, x1 - rendered.x))
    radius = rendered.radius[there]
    first, second = nearest[(0, *here)], nearest[(1, *here)]
    second[...] = np.minimum(second, np.maximum(first, radius))
    mine = (radius < first) & (radius < 1)
    first[...] = np.minimum(first, radius)
    labels[here][mine] = cell_id
    cause[here][mine] = rendered.cause[there][mine]
    light[(slice(None), *here)][:, mine] = rendered.channels[(slice(None), *there)][:, mine]


def _draw_contacts(light: np.ndarray, labels: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Draw the contact of two cells: thin cytoplasm, bright cortical actin."""
    seam = np.exp(-(((nearest[1] - nearest[0]) / 0.12) ** 2)) * (labels > 0)
    light[CHANNELS.index("cytoplasm")] *= 1 - 0.5 * seam
    light[CHANNELS.index("actin")] += 0.16 * seam
    return light * (labels > 0)


def _image_plane(
    settings: SyntheticSettings, plane: np.ndarray, channel: int, region: Region, core: tuple[slice, slice]
) -> np.ndarray:
    diameter = settings.diameter_px
    sharp = gaussian_filter(plane, BLUR * diameter, truncate=TRUNCATE)[core]
    haze = gaussian_filter(plane, HAZE * diameter, truncate=TRUNCATE)[core]
    uneven, glow = _slow_waves(settings, channel, region)
    signal = (sharp * (1 - HAZE_SHARE) + haze * HAZE_SHARE) * (1 - settings.illumination * uneven)
    signal += BACKGROUND[channel] * (1 + 0.3 * glow)
    sigma = settings.noise * np.sqrt(0.0022 * signal + 0.00006)
    if settings.noise:
        signal = signal + sigma * _noise(settings.seed, channel, region)
    top = np.iinfo(settings.dtype).max
    return np.clip(np.rint(signal * FULL_SCALE * top), 0, top).astype(settings.dtype)


def _slow_waves(settings: SyntheticSettings, channel: int, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """Return two smooth fields, 0 to 1: illumination shared by all channels, and background of this channel."""
    y = np.arange(region.y, region.y + region.height, dtype=np.float64)[:, None]
    x = np.arange(region.x, region.x + region.width, dtype=np.float64)[None, :]
    fields = []
    for key in (0, 1 + channel):
        rng = np.random.default_rng([settings.seed, 4, key])
        total = np.zeros((region.height, region.width))
        for wavelength_px in (1400, 2300, 3700):
            angle, phase = rng.uniform(0, 2 * math.pi, 2)
            total += np.sin((y * math.sin(angle) + x * math.cos(angle)) * 2 * math.pi / wavelength_px + phase)
        fields.append((total / 6 + 0.5).astype(np.float32))
    return fields[0], fields[1]


def _noise(seed: int, channel: int, region: Region) -> np.ndarray:
    """Draw unit noise, (Y, X) float32, in fixed blocks of the slide, so that it does not depend on the region."""
    noise = np.empty((region.height, region.width), np.float32)
    bottom, right = region.y + region.height, region.x + region.width
    for by in range(region.y // NOISE_BLOCK, -(-bottom // NOISE_BLOCK)):
        for bx in range(region.x // NOISE_BLOCK, -(-right // NOISE_BLOCK)):
            rng = np.random.default_rng([seed, 5, channel, by, bx])
            block = rng.standard_normal((NOISE_BLOCK, NOISE_BLOCK), dtype=np.float32)
            y0, x0 = by * NOISE_BLOCK, bx * NOISE_BLOCK
            ys = slice(max(y0, region.y), min(y0 + NOISE_BLOCK, bottom))
            xs = slice(max(x0, region.x), min(x0 + NOISE_BLOCK, right))
            here = (slice(ys.start - region.y, ys.stop - region.y), slice(xs.start - region.x, xs.stop - region.x))
            noise[here] = block[ys.start - y0 : ys.stop - y0, xs.start - x0 : xs.stop - x0]
    return noise
