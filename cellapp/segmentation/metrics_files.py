"""Scores of label images in files: one against one, or folders matched by stem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cellapp.errors import InputError, first_names
from cellapp.files import without_litter
from cellapp.images.formats.sniff import reading
from cellapp.segmentation.agreement import Agreement, compare_labels, mean_figures
from cellapp.segmentation.label_image import read_labels

LABEL_SUFFIXES = {".tif", ".tiff", ".png"}


def score_paths(pred: Path, truth: Path, on_pair: Callable[[str, Agreement], None] | None = None) -> dict[str, Any]:
    """Score a file against a file, or folders matched by stem.

    Parameters
    ----------
    pred : Path
        Label image, folder of label images, or the ``--out`` folder of segment or analyse.
    truth : Path
        Label image, or folder of label images.
    on_pair : callable, optional
        Gets the stem and the agreement of each pair, for pictures.

    Returns
    -------
    dict
        ``images``: one row per pair with ``image`` and the figures of `cellapp.segmentation.agreement.Agreement.row`;
        ``n`` pairs; ``mean`` of each figure; ``without_prediction`` and ``without_truth``: stems that found no partner;
        ``failed``: reason for each pair that cannot be compared, which is in no figure.

    Raises
    ------
    InputError
        When nothing can be compared: no pair has two label images of one size.
    """
    with reading(f"{pred.name}, {truth.name}"):
        predicted, true = label_files(pred), label_files(truth)
    if truth.is_file() and len(predicted) == 1:
        true = dict(zip(predicted, true.values(), strict=True))
    stems = sorted(predicted.keys() & true.keys())
    if not stems:
        raise InputError(
            f"nothing to compare: {_some(predicted)} in {pred.name!r} and {_some(true)} in {truth.name!r} share no stem"
        )
    scores, failed = _score_pairs({stem: (predicted[stem], true[stem]) for stem in stems}, on_pair)
    return {
        "images": [{"image": stem, **row} for stem, row in scores.items()],
        "n": len(scores),
        "failed": failed,
        "mean": mean_figures(list(scores.values())),
        "without_prediction": sorted(true.keys() - predicted.keys()),
        "without_truth": sorted(predicted.keys() - true.keys()),
    }


def _score_pairs(
    pairs: Mapping[str, tuple[Path, Path]], on_pair: Callable[[str, Agreement], None] | None
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the figures of each pair, and the reason of each that cannot be compared; one at least can."""
    scores, failed = {}, {}
    for stem, pair in pairs.items():
        try:
            agreement = _score_pair(*pair)
        except InputError as error:
            failed[stem] = str(error)
            continue
        scores[stem] = agreement.row()
        if on_pair:
            on_pair(stem, agreement)
    if not scores:
        others = f" (and {len(failed) - 1} more pairs cannot be compared)" if len(failed) > 1 else ""
        raise InputError(next(iter(failed.values())) + others)
    return scores, failed


def label_files(path: Path) -> dict[str, Path]:
    """Return the label images of a file or folder by stem.

    Parameters
    ----------
    path : Path
        A label image; a folder of them; or a folder of folders with a ``labels.tif`` each, whose names are the stems.

    Raises
    ------
    InputError
        When there is none.
    """
    if path.is_file():
        return {path.parent.name if path.name == "labels.tif" else path.stem: path}
    if not path.is_dir():
        raise InputError(f"no file or folder {str(path)!r}")
    if (path / "labels.tif").is_file():
        return {path.name: path / "labels.tif"}
    nested = {file.parent.name: file for file in without_litter(path.glob("*/labels.tif"), path)}
    flat = {file.stem: file for file in without_litter(path.iterdir(), path) if file.suffix.lower() in LABEL_SUFFIXES}
    if not (nested or flat):
        raise InputError(f"no label images (.tif, .png or <stem>/labels.tif) in {path.name!r}")
    return nested or flat


def _score_pair(pred: Path, truth: Path) -> Agreement:
    try:
        return compare_labels(read_labels(pred), read_labels(truth))
    except InputError as error:
        raise InputError(f"{_distinct_name(pred)} against {_distinct_name(truth)}: {error}") from error


def _distinct_name(path: Path) -> str:
    """Name a label image by what tells it from others: many are called labels.tif, in folders called alike."""
    return "/".join(path.parts[-3 if path.name == "labels.tif" else -1 :])


def _some(files: dict[str, Path]) -> str:
    names = sorted(files)
    return first_names(names, 3)
