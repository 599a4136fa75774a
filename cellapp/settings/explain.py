"""Which cells of a run are explained, and by which method."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from cellapp.settings.base import FrozenModel

ExplainMethod = Literal[
    "exact",
    "hirescam",
    "gradcam",
    "gradcam++",
    "xgradcam",
    "layercam",
    "eigencam",
    "elementwise",
    "class-token",
    "integrated-gradients",
    "guided-backpropagation",
    "rollout",
    "occlusion",
]
LAYERED = ("hirescam", "gradcam", "gradcam++", "xgradcam", "layercam", "eigencam", "elementwise")
"""Methods that read activations of a layer, which can be chosen."""


class ExplainSettings(FrozenModel):
    """How many and which cells are explained."""

    n: int = Field(0, ge=0)
    """Cells per image: the surest of each class and the least sure, in turn."""
    target: str | None = None
    """Class to explain; None takes each run's positive class."""
    method: ExplainMethod | None = None
    """How maps are made: "exact" is HiResCAM in closed form, at the cost of encoding. None takes the method measured
    most faithful to the head, see `cellapp.pipeline.explain_method`, and "exact" where none was measured."""
    layer: int | None = Field(None, ge=0)
    """Where activations are read: 0 or None the final norm, 1 the first norm of the last block, and so on."""
    by_default: bool = False
    """Whether nobody named the method: what is made of the run later may then take one measured since."""

    @model_validator(mode="before")
    @classmethod
    def _drop_layer(cls, content: Any) -> Any:
        """Accept settings of version 0.1.0, which named the only layer there was."""
        if isinstance(content, dict) and content.get("layer") == "final":
            return {key: value for key, value in content.items() if key != "layer"}
        return content

    @model_validator(mode="after")
    def _has_layers(self) -> ExplainSettings:
        if self.layer is not None and self.method not in LAYERED:
            named = self.method or "a method that is not named"
            raise ValueError(f"{named} reads no layer; leave layer out, or take one of {', '.join(LAYERED)}")
        return self

    @property
    def named(self) -> str:
        """The method, "exact" where it is left open."""
        return self.method or "exact"
