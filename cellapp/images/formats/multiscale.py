"""What a multiscale entry of OME-Zarr metadata says of axes, pixel size and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cellapp.images.formats.pixel_size import mean_um, to_um

_OLD_AXES = "tczyx"  # of versions before 0.4, all of them or the last ones
_SECONDS = {
    "millisecond": 1e-3,
    "second": 1.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
}


def axis_letters(multiscale: Mapping[str, Any], n_axes: int) -> str:
    """Return one letter per axis of the arrays, as `cellapp.images.formats.axes.resolve_axes` takes them."""
    return "".join(axis["name"][:1] for axis in _axes(multiscale, n_axes)).upper()


def um_per_px(multiscale: Mapping[str, Any]) -> float | None:
    """Return the pixel size at full resolution, um; None where there is no scale or its unit is no length."""
    sizes = {axis["name"][:1]: to_um(scale, axis.get("unit")) for axis, scale in _scaled_axes(multiscale)}
    return mean_um(sizes.get("y"), sizes.get("x"))


def interval_s(multiscale: Mapping[str, Any]) -> float | None:
    """Return the time between two time points, seconds; None where there is no time axis or it has no unit."""
    for axis, scale in _scaled_axes(multiscale):
        if axis["name"][:1] == "t" and axis.get("unit") in _SECONDS and scale > 0:
            return scale * _SECONDS[axis["unit"]]
    return None


def _axes(multiscale: Mapping[str, Any], n_axes: int) -> list[Mapping[str, Any]]:
    stated = multiscale.get("axes") or list(_OLD_AXES)[-n_axes:]
    axes = [{"name": axis} if isinstance(axis, str) else axis for axis in stated]
    return [{**axis, "name": str(axis["name"]).lower()} for axis in axes]


def _scaled_axes(multiscale: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Yield each axis with its scale: that of the first dataset times that of all datasets together."""
    parts = [_scale(multiscale["datasets"][0]), _scale(multiscale)]
    stated = [scale for scale in parts if scale is not None]
    if not stated or len({len(scale) for scale in stated}) > 1:
        return
    axes = _axes(multiscale, len(stated[0]))
    for i, axis in enumerate(axes[: len(stated[0])]):
        product = 1.0
        for scale in stated:
            product *= float(scale[i])
        yield axis, product


def _scale(part: Mapping[str, Any]) -> Sequence[float] | None:
    transforms = part.get("coordinateTransformations") or []
    return next((t["scale"] for t in transforms if t.get("type") == "scale" and "scale" in t), None)
