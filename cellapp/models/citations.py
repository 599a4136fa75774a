"""What to cite: one list of references, and which of them each model, method and step of a run rests on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping

from cellapp.models.registry import MODELS, entry, is_declared

REFERENCES: Mapping[str, str] = tomllib.loads((MODELS / "references.toml").read_text(encoding="utf-8"))
"""Short name -> reference as a bibliography prints it."""

_LIBRARY = "pytorch-grad-cam"
OF_METHOD: Mapping[str, tuple[str, ...]] = {
    "exact": ("hirescam",),
    "hirescam": ("hirescam", _LIBRARY),
    "gradcam": ("gradcam", _LIBRARY),
    "gradcam++": ("gradcam++", _LIBRARY),
    "xgradcam": ("xgradcam", _LIBRARY),
    "layercam": ("layercam", _LIBRARY),
    "eigencam": ("eigencam", _LIBRARY),
    "elementwise": ("gradcam", _LIBRARY),
    "class-token": ("hirescam", "vit"),
    "integrated-gradients": ("integrated-gradients",),
    "guided-backpropagation": ("guided-backpropagation",),
    "rollout": ("rollout",),
    "occlusion": ("occlusion",),
}
"""By the names of `cellapp.explanation.methods.METHODS`."""

OF_STEP: Mapping[str, tuple[str, ...]] = {
    "program": ("cellapp", "scikit-image", "torch"),
    "clahe": ("clahe",),
    "denoise": ("tv",),
    "align": ("canny", "hough"),
    "head": ("sklearn",),
    "calibrated": ("temperature",),
    "novelty": ("novelty",),
    "conformal": ("conformal",),
    "shares": ("wilson",),
    "fractions": ("saerens",),
    "channel effects": ("occlusion",),
    "typical cells": ("medoids",),
    "effects": ("cliff",),
    "intervals": ("efron",),
    "flips": ("mcnemar",),
    "adjusted": ("holm",),
}
"""Steps of an analysis and of its report that rest on published work."""


def of_model(name: str) -> tuple[str, ...]:
    """Return the short names of what a model is to be cited by; none for one that people trained themselves.

    Parameters
    ----------
    name : str
        Of the registry, with or without a version after "@"; or of any other model.
    """
    known = name if is_declared(name) else name.rpartition("@")[0]
    return entry(known).cite if is_declared(known) else ()


class Bibliography:
    """Numbers references in the order in which a text cites them."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, names: Iterable[str]) -> str:
        """Return " [1, 2]" for some short names of `REFERENCES`, "" for none."""
        numbers = [self._numbers.setdefault(name, len(self._numbers) + 1) for name in dict.fromkeys(names)]
        return f" [{', '.join(map(str, sorted(numbers)))}]" if numbers else ""

    @property
    def references(self) -> list[str]:
        """Every reference that was cited, in order of their numbers, from 1."""
        return [REFERENCES[name] for name in self._numbers]
