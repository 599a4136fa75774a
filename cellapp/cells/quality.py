"""Quality rules: cells that are not to be classified, each with the reasons; no cell is dropped from the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cellapp.cells.crop import crop
from cellapp.cells.region_reader import PixelSource
from cellapp.settings import CropMode, CropSettings, QualitySettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide


def assess(
    cells: pd.DataFrame,
    mask: LabelMask,
    pixels_of: PixelSource | Slide | np.ndarray,
    settings: QualitySettings,
    *,
    among: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Apply the quality rules that are switched on to every cell.

    Parameters
    ----------
    cells : DataFrame
        The table of `cellapp.cells.measure.measure`.
    mask : LabelMask
    pixels_of : callable, Slide or ndarray of shape (C, Y, X)
        Raw pixels; read only for the published rule.
    settings : QualitySettings
    among : DataFrame, optional
        All cells of the image, whose median is meant, where `cells` are some of them.

    Returns
    -------
    DataFrame
        A copy of `cells` with ``qc_border`` (bool, touches the image's edge, whether or not that rejects),
        ``qc_pass`` (bool) and ``qc_reason`` (every reason, joined by "; "; empty when passed).
    """
    border = touches_border(cells, mask.labels.shape)
    everyone = cells if among is None else among
    rules = {
        "touches the image border": border if settings.border else None,
        **_published_reasons(cells, mask, pixels_of, settings),
        f"smaller than {100 * settings.debris_area_ratio:.3g} % of the median cell": (
            _far_below_median(cells["area_px"], everyone["area_px"], settings.debris_area_ratio)
            if settings.debris
            else None
        ),
        f"less sharp than {100 * settings.blur_ratio:.3g} % of the median cell": (
            _far_below_median(cells["sharpness"], everyone["sharpness"], settings.blur_ratio) if settings.blur else None
        ),
    }
    applied = {reason: failed for reason, failed in rules.items() if failed is not None}
    reasons = ["; ".join(reason for reason, failed in applied.items() if failed[row]) for row in range(len(cells))]
    passed = np.array([not reason for reason in reasons], dtype=bool)
    return cells.assign(qc_border=border, qc_pass=passed, qc_reason=pd.Series(reasons, index=cells.index, dtype=object))


def touches_border(cells: pd.DataFrame, shape: tuple[int, int]) -> np.ndarray:
    """Return whether each cell's box reaches the edge of a (Y, X) image, (N,) bool."""
    low = (cells["bbox_y0_px"] <= 0) | (cells["bbox_x0_px"] <= 0)
    high = (cells["bbox_y1_px"] >= shape[0]) | (cells["bbox_x1_px"] >= shape[1])
    return (low | high).to_numpy(bool)


def perimeter_share(pixels: np.ndarray) -> float:
    """Return the share of a crop's perimeter pixels whose channel mean is above zero.

    The measure ``surrounding_pixel_percent`` of JC-Cell-Pipeline, on a tight crop with zeroed background.

    Parameters
    ----------
    pixels : ndarray of shape (C, h, w)
    """
    bright = pixels.mean(axis=0) > 0
    edge = np.ones_like(bright)
    edge[1:-1, 1:-1] = False
    return float(bright[edge].mean())


def fails_published(crop_area_px: int, share: float, settings: QualitySettings) -> bool:
    """Apply the published rule of JC-Cell-Pipeline to one cell.

    Crops of at most 75 x 75 px are bad; up to 100 x 100 px those with a perimeter share above 0.12; larger ones above
    0.16.

    Parameters
    ----------
    crop_area_px : int
        Height times width of the tight crop.
    share : float
        See `perimeter_share`.
    settings : QualitySettings
    """
    if crop_area_px <= settings.published_small_px**2:
        return True
    small = crop_area_px <= settings.published_large_px**2
    return share > (settings.published_perimeter_small if small else settings.published_perimeter_large)


def _published_reasons(
    cells: pd.DataFrame,
    mask: LabelMask,
    pixels_of: PixelSource | Slide | np.ndarray,
    settings: QualitySettings,
) -> dict[str, np.ndarray]:
    if not settings.published:
        return {}
    areas, shares = [], []
    tight = CropSettings(mode=CropMode.MASKED)
    # a hundred at a time: all crops together take as much memory as the slide
    for start in range(0, len(cells), 100):
        for pixels in crop(pixels_of, mask, cells.iloc[start : start + 100], tight, channels=()).pixels:
            areas.append(pixels.shape[1] * pixels.shape[2])
            shares.append(perimeter_share(pixels))
    area, share = np.array(areas, dtype=np.int64), np.array(shares)
    side = settings.published_small_px
    small = area <= side**2
    failed = np.array([fails_published(a, s, settings) for a, s in zip(area, share, strict=True)], dtype=bool)
    return {
        f"crop not larger than {side} x {side} px (published rule)": small,
        "reaches too far along the edge of its crop (published rule)": failed & ~small,
    }


def _far_below_median(values: pd.Series, all_values: pd.Series, ratio: float) -> np.ndarray:
    return (values < ratio * all_values.median()).to_numpy(bool)
