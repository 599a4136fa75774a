"""run.json: settings and provenance of one analysed image, enough to repeat the analysis and to read its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.images.channels import stored_roles
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import ImageInfo, Role, Selection

OF_ANALYSIS = ("image", "roles", "labels_by", "confluency", "answer", "answer_reason", "summary")
"""Keys of run.json that come from the analysis itself; all others are its provenance."""


EDITS = "edits"
"""Key of run.json of an image whose cells were edited by hand: ``number`` of the last edit, ``followed``, up to which
classes and files say the same, and ``in_force``, how many count."""

PICTURES_BY = "pictures_by"
"""Key of run.json that is there while overlay and crops still show the classes of another head."""


def write_run(analysis: Analysis, settings: AnalyseSettings, summary: Mapping[str, Any], path: Path) -> Path:
    """Write provenance, settings, the image's header and its summary row.

    Parameters
    ----------
    analysis : Analysis
        Its provenance is written as it is, at the top level.
    settings : AnalyseSettings
    summary : mapping
        From `cellapp.exports.tables.summary_row`.
    path : Path
    """
    tree = {
        **analysis.provenance,
        "settings": settings.model_dump(mode="json"),
        "image": {**asdict(analysis.info), "stem": analysis.name, "sha256": analysis.digest},
        "roles": [role.value for role in analysis.roles],
        "labels_by": analysis.mask.segmenter,
        "confluency": analysis.confluency,
        **{name: summary[name] for name in ("answer", "answer_reason") if name in summary},
        "summary": dict(summary),
    }
    with atomic_write(path) as part:
        part.write_text(json.dumps(_plain(tree), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return path


def read_run(path: Path) -> dict[str, Any]:
    """Read what `write_run` wrote.

    Raises
    ------
    InputError
        If it is absent or something else.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} cannot be read; give the folder of one analysed image") from error
    if not isinstance(tree, dict) or not {"settings", "image", "summary"} <= set(tree):
        raise InputError(f"{str(path)!r} describes no analysed image; give a folder that this program wrote")
    return tree


def analysed_folders(out: Path) -> list[Path]:
    """Return the folders of the images in a run's folder that are done, by name."""
    return sorted(path.parent for path in out.glob("*/run.json"))


def require_analysed(out: Path) -> list[Path]:
    """Return the folders of the images that are done, by name. Raises InputError when there are none."""
    folders = analysed_folders(out)
    if not folders:
        raise InputError(f"no analysed image in {str(out)!r}: give the --out folder of `python -m cellapp analyse`")
    return folders


def image_of(tree: Mapping[str, Any]) -> tuple[ImageInfo, tuple[Role, ...]]:
    """Return the image's header and channel roles as they were for the analysis."""
    fields = {name: _tupled(value) for name, value in tree["image"].items() if name not in ("stem", "sha256")}
    fields["roles"] = tuple(Role(role) for role in fields.get("roles", ()))
    fields["selection"] = Selection(**fields.get("selection", {}))
    info = ImageInfo(**fields)
    return info, stored_roles(info, tree["roles"])


def _plain(value: Any) -> Any:
    """Turn numpy values, paths and tuples into what JSON knows; numbers that are not finite become null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _tupled(value: Any) -> Any:
    return tuple(_tupled(part) for part in value) if isinstance(value, list) else value
