"""One small analysed image with every kind of cell, and names that try to break out of every format."""

import numpy as np

from cellapp.cells.quality import assess
from cellapp.settings import AnalyseSettings, QualitySettings
from cellapp.types.cells import Analysis, Embeddings, Explanations, LabelMask
from cellapp.types.image import Role
from tests.cells.toy import CHANNELS, blobs, measured, noise, slide_of

HOSTILE = "=<b>\"'\n\t&,;"
ROLES = (Role.NUCLEUS, Role.OTHER)
SETTINGS = AnalyseSettings()


def toy_labels(n: int) -> np.ndarray:
    """Return n blobs; with more than three, one touches the border and one has a hole, an island and a broken piece."""
    labels = blobs(n)
    if n > 3:
        labels[0:6, 150:160] = 40
        labels[90:110, 100:130] = 0
        labels[91:109, 101:120], labels[95:104, 105:115], labels[98:101, 108:111] = 77, 0, 77
        labels[109, 120] = 77
    return labels


def toy_analysis(
    n: int = 9, *, classes=("cancer", "normal"), name: str = "toy", dtype="uint16", explained: int | None = None
):
    """Return an analysis and its slide; with classes, cells are called, unsure, rejected and relabelled in turn."""
    labels = toy_labels(n)
    mask, pixels, cells = measured(labels, noise(labels.shape, dtype))
    cells = assess(cells, mask, pixels, QualitySettings())
    slide = slide_of(pixels, name=HOSTILE + ".tif")
    if classes:
        cells = classified(cells, classes)
    ids = cells.index.to_numpy(np.int32)
    maps = np.random.default_rng(1).normal(size=(explained or 0, 4, 5)).astype(np.float32)
    some = ids[: len(maps)]
    reasons = Explanations(maps, maps.sum((1, 2)), 2 * maps.sum((1, 2)), some, "cancer", "hirescam")
    vectors = Embeddings(np.ones((len(ids), 3), np.float32), np.zeros((len(ids), 3), np.float32), ids, "made@1")
    analysis = Analysis(
        name=name,
        info=slide.info,
        digest=slide.digest,
        roles=ROLES,
        mask=LabelMask(labels, "made@1"),
        cells=cells,
        confluency=float((labels > 0).mean()),
        embeddings=vectors if classes else None,
        explanations=reasons if explained is not None else None,
        provenance={"head": HOSTILE, "seconds": {"segment": np.float32(0.5)}, "nothing": float("nan")},
    )
    return analysis, slide


def classified(cells, classes):
    p = np.random.default_rng(0).dirichlet(np.ones(len(classes)), len(cells))
    label = np.asarray(classes, dtype=object)[p.argmax(axis=1)] if len(cells) else np.array([], dtype=object)
    margin = np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2]
    columns = {f"p_{name}": np.where(cells["qc_pass"], p[:, k], np.nan) for k, name in enumerate(classes)}
    called = cells.assign(label=np.where(cells["qc_pass"], label, ""), **columns)
    return called.assign(margin=margin, unsure=margin < 0.2, unlike_training=False, manual_label="")


__all__ = ["CHANNELS", "HOSTILE", "ROLES", "SETTINGS", "classified", "toy_analysis", "toy_labels"]
