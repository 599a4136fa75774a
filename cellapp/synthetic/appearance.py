"""What normal and cancer cells look like, and which part of it tells them apart."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellapp.synthetic.settings import SyntheticSettings


@dataclass(frozen=True)
class Appearance:
    """Appearance of a class; angles in radians, lengths in cell radii."""

    direction: float | None  # spread around the direction that the cells of a slide share; None is any direction
    aspect: tuple[float, float]
    roughness: float  # relative amplitude of the outline's longest wave
    smoothness: float  # how fast shorter waves fade: amplitude goes with 1 / k ** smoothness
    nucleus: tuple[float, float]
    nucleus_aspect: tuple[float, float]
    nucleus_roughness: float
    nucleus_tilt: float  # spread of the angle between nucleus and outline
    chromatin: float  # contrast of the texture inside the nucleus
    brightness: float  # spread of ln(brightness)
    n_fibres: int
    fibre_direction: float | None  # spread around the direction of the cell; None is any direction
    fibre_length: tuple[float, float]
    bend: float


NORMAL = Appearance(
    direction=0.09,
    aspect=(1.25, 1.85),
    roughness=0.075,
    smoothness=2.2,
    nucleus=(0.42, 0.48),
    nucleus_aspect=(1.15, 1.35),
    nucleus_roughness=0.008,
    nucleus_tilt=0.12,
    chromatin=0.10,
    brightness=0.10,
    n_fibres=18,
    fibre_direction=0.05,
    fibre_length=(0.7, 1.2),
    bend=0.04,
)
CANCER = Appearance(
    direction=None,
    aspect=(1.0, 1.5),
    roughness=0.075,
    smoothness=0.7,
    nucleus=(0.46, 0.62),
    nucleus_aspect=(1.0, 1.6),
    nucleus_roughness=0.05,
    nucleus_tilt=0.8,
    chromatin=0.28,
    brightness=0.30,
    n_fibres=26,
    fibre_direction=None,
    fibre_length=(0.2, 0.6),
    bend=0.5,
)
_OF_NUCLEUS = ("nucleus", "nucleus_aspect", "nucleus_roughness", "nucleus_tilt", "chromatin", "brightness")
_OF_FIBRES = ("n_fibres", "fibre_length", "fibre_direction", "bend")


def appearance_of(settings: SyntheticSettings, *, cancer: bool) -> Appearance:
    """Return how cells of a class look; cancer cells differ from normal ones by what the settings name."""
    if not cancer or settings.differ_by == "all":
        return CANCER if cancer else NORMAL
    names = _OF_NUCLEUS if settings.differ_by == "nucleus" else _OF_FIBRES
    return replace(NORMAL, **{name: getattr(CANCER, name) for name in names})
