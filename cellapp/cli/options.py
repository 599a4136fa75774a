"""Options that commands share, and options as settings; what does not fit is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cellapp.errors import InputError

STEPS = ("clip", "normalise", "clahe", "denoise", "align")

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Image files, folders or globs.")]
Out = Annotated[Path, typer.Option("--out", help="Folder to write to.", file_okay=False)]
Segmenter = Annotated[str | None, typer.Option(help="Name in `models list`, or a Cellpose file.")]
Channels = Annotated[str | None, typer.Option(help='Channel numbers by role or name, "nucleus=3,cytoplasm=2".')]
UmPerPx = Annotated[float | None, typer.Option(help="Pixel size, when the file has none.")]
Diameter = Annotated[float | None, typer.Option(help="Cell diameter in px; estimated when left out.")]
Preprocess = Annotated[
    str | None, typer.Option(help=f"Steps before segmentation, comma separated: {','.join(STEPS)}; or none.")
]


def parse_size(text: str) -> tuple[int, int]:
    """Read "YxX" as two positive integers.

    Raises
    ------
    InputError
        When it is anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"a size is rows x columns such as 1024x2048; got {text!r}")
    return int(parts[0]), int(parts[1])


def build_settings(
    *,
    base: Path | None = None,
    channels: str | None = None,
    um_per_px: float | None = None,
    segmenter: str | None = None,
    diameter: float | None = None,
    preprocess: str | None = None,
    encoder: str | None = None,
    head: str | None = None,
    explain: int = 0,
    explain_method: str | None = None,
) -> Any:
    """Turn options into `AnalyseSettings`; what is left out keeps its default or the value of `base`.

    Raises
    ------
    InputError
        When a value does not fit.
    """
    from cellapp.images.channels import parse_channels
    from cellapp.settings import AnalyseSettings
    from cellapp.settings_io import validated

    tree = _read_settings(base)
    _put(tree, "segment", segmenter=segmenter, diameter=diameter)
    _put(tree, "classify", encoder=encoder)
    _put(tree, "explain", n=explain or None, method=explain_method)
    if head is not None:
        tree.setdefault("classify", {})["head"] = None if head == "none" else head
    if preprocess is not None:
        tree["preprocess"] = _steps(preprocess)
    if channels is not None:
        tree["channels"] = parse_channels(channels)
    if um_per_px is not None:
        tree["um_per_px"] = um_per_px
    return validated(AnalyseSettings, tree)


def _steps(text: str) -> dict[str, bool]:
    steps = [step.strip() for step in text.split(",") if step.strip() and step.strip() != "none"]
    unknown = [step for step in steps if step not in STEPS]
    if unknown:
        raise InputError(f"no preprocessing step {unknown[0]!r}; choose from {', '.join(STEPS)}, or none")
    return {step: step in steps for step in STEPS}


def _read_settings(path: Path | None) -> dict[str, Any]:
    import json

    if path is None:
        return {}
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read settings from {str(path)!r}: {error}") from error
    return dict(tree.get("settings", tree))


def _put(tree: dict[str, Any], part: str, **values: Any) -> None:
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        tree[part] = tree.get(part, {}) | given
