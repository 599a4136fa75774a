"""Settings of synthetic slides."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

CHANNELS = ("actin", "cytoplasm", "nucleus", "orange")
"""Channel names in order; slides of three channels leave the last one out."""

SMALLEST_PX, LARGEST_PX = 2, 4096
"""Diameter of an average cell: below it no cell has a shape, above it one fills several squares that are drawn."""


class SyntheticSettings(BaseModel):
    """Everything the pixels of a synthetic slide depend on; equal settings give equal files."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    height: int = Field(1024, ge=1)
    """Rows, px."""
    width: int = Field(1024, ge=1)
    """Columns, px."""
    seed: int = Field(0, ge=0)
    density: float = Field(0.4, ge=0, le=0.9)
    """Share of the area that cells would cover if none overlapped; 0 is an empty slide."""
    touching: float = Field(0.25, ge=0, le=1)
    """Share of cells placed as touching pairs; crowding adds more contacts."""
    cancer_fraction: float = Field(0.4, ge=0, le=1)
    """Expected share of cancer cells; the two cells of a pair are of one class."""
    noise: float = Field(0.4, ge=0, le=2)
    """Strength of shot and read noise; 0 is none, 1 is a dim exposure."""
    illumination: float = Field(0.25, ge=0, le=0.9)
    """Largest loss of light between the brightest and the darkest place."""
    cell_diameter_um: float = Field(28.0, gt=0)
    """Diameter of the disc with the area of an average cell, um."""
    um_per_px: float = Field(0.5, gt=0)
    dtype: Literal["uint8", "uint16"] = "uint16"
    n_channels: Literal[3, 4] = 3
    differ_by: Literal["all", "nucleus", "cytoskeleton"] = "all"
    """What tells the classes apart: everything that is drawn, or the nucleus or the fibres of actin alone."""

    @model_validator(mode="after")
    def _of_a_size_to_draw(self) -> SyntheticSettings:
        if not SMALLEST_PX <= self.diameter_px <= LARGEST_PX:
            raise ValueError(
                f"cells are drawn {SMALLEST_PX} to {LARGEST_PX:,} px wide; cell_diameter_um = "
                f"{self.cell_diameter_um:g} and um_per_px = {self.um_per_px:g} make {self.diameter_px:.3g} px"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what came later and is at its default, so that the bytes of earlier slides stay."""
        fields = dump(self)
        return {name: value for name, value in fields.items() if (name, value) != ("differ_by", "all")}

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels written."""
        return CHANNELS[: self.n_channels]

    @property
    def diameter_px(self) -> float:
        """Diameter of an average cell, px."""
        return self.cell_diameter_um / self.um_per_px
