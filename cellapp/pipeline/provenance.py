"""What made the numbers of an image: enough, with the input files, to make them again."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from cellapp import __version__
from cellapp.models.bundle import weights_of
from cellapp.models.demonstration import demonstration_of_head
from cellapp.pipeline.context import ImageContext
from cellapp.regions.words import REGIONS, describe_regions
from cellapp.settings import AnalyseSettings, FrozenModel
from cellapp.types.cells import LabelMask
from cellapp.types.image import Slide

_LIBRARIES = ("numpy", "scikit-image", "torch", "transformers", "cellpose", "grad-cam")


_SINCE_0_1_0 = {
    "segment": ("dynamics", "second_look"),
    "classify": ("unsure", "error_rate"),
    "explain": ("layer", "by_default"),
}
"""Fields that came later, by part: at their defaults they are left out, so that runs keep their digest."""


def settings_digest(settings: AnalyseSettings) -> str:
    """Return 12 hexadecimal digits that are equal exactly when the settings are, in whichever version."""
    # Without a name: what a run did before there was a choice. The same maps are the same, whoever chose their method.
    explain = settings.explain.model_copy(update={"method": settings.explain.named, "by_default": False})
    # Nor with when crops.zip is made, which changes no result.
    settings = settings.model_copy(update={"explain": explain, "draw_crops": True})
    unchanged = {part: _at_defaults(getattr(settings, part), names) for part, names in _SINCE_0_1_0.items()}
    return hashlib.sha256(settings.model_dump_json(exclude=unchanged).encode()).hexdigest()[:12]


def _at_defaults(part: FrozenModel, names: Iterable[str]) -> set[str]:
    return {name for name in names if getattr(part, name) == type(part).model_fields[name].default}


def peak_memory_mb() -> float:
    """Return the largest resident memory this process had so far, MiB; 0 where the platform does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def _input(source: Slide, segmented: Slide, labels: LabelMask | None) -> dict[str, Any]:
    """Describe what was read: ``sha256`` names the image, ``file_sha256`` the file, of which it may be one of many.

    ``labels_sha256``, the first digits, is there where the labels came from a file.
    """
    info = source.info
    given = {"labels_sha256": labels.segmenter.rpartition("@")[2]} if labels else {}
    return {
        "name": info.name,
        "file": info.file or info.name,
        "scene": info.scene,
        "time": info.time,
        "depth": info.selection.depth if info.n_planes > 1 else None,
        "sha256": source.digest,
        "file_sha256": source.file_digest or None,
        "reference_sha256": segmented.digest,
        **given,
    }


def _picked_weights(context: ImageContext) -> dict[str, str]:
    """Return the digests of the network that the segmenter picked; none where it is the segmenter itself."""
    picked = context.segmenter is not context.models.segmenter
    return weights_of([context.segmenter.model]) if picked and context.models.weights else {}


def _regions(context: ImageContext) -> dict[str, Any]:
    """Describe the regions a run was limited to; nothing where there are none."""
    if context.covered is None:
        return {}
    return {REGIONS: describe_regions(context.regions, context.covered, context.um_per_px)}


def provenance(context: ImageContext, seconds: dict[str, float], labels: LabelMask | None = None) -> dict[str, Any]:
    """Describe the analysis of one image as plain JSON values.

    Parameters
    ----------
    context : ImageContext
    seconds : dict
        Step -> seconds it took.
    labels : LabelMask, optional
        Where they were given, and not found by the segmenter.
    """
    models, settings, source = context.models, context.settings, context.source
    encoder, head = models.encoder, models.head
    return {
        "cellapp": __version__,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "machine": platform.platform(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "settings": settings.model_dump(mode="json"),
        "settings_digest": settings_digest(settings),
        "input": _input(source, context.slide, labels),
        "segmenter": labels.segmenter if labels else context.segmenter.name,
        "encoder": encoder.identity if encoder else None,
        "head": head.identity if head else None,
        "demonstration": demonstration_of_head(head) or None,
        "calibrated": head.calibrated if head else None,
        "not_explained": head.only_on_slides if head and settings.explain.n else None,
        "encoder_crop": head.crop.model_dump(mode="json") if head else None,
        "vectors": head.vectors.model_dump(mode="json") if head else None,
        "weights_sha256": dict(models.weights) | ({} if labels else _picked_weights(context)),
        "device": getattr(encoder, "device", "cpu"),
        "dtype": getattr(encoder, "dtype", "float32"),
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(),
        "encoder_angle_deg": context.head_preprocessor.angle_deg if head else 0.0,
        **_regions(context),
    }
