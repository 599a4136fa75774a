"""Images of a user's own folder as sources of training, where it has none of the sets that are known by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from cellapp.errors import InputError
from cellapp.images.channels import assign_channels, is_photo
from cellapp.images.sampling import OVERVIEW_PX, read_at_most
from cellapp.segmentation.input_planes import has_bright_background
from cellapp.segmentation.label_image import relabel
from cellapp.training.segmenter.fluorescence_sets import FLUORESCENCE_SETS
from cellapp.training.segmenter.labelled_folder import OwnImage, own_images, split_by_group
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.training.segmenter.split import is_held_out
from cellapp.types.image import Slide

KNOWN_SETS = ("dsb2018", "usiigaci", "bccd", "chula_rbc12", *FLUORESCENCE_SETS)


def require_images(data: Path) -> None:
    """Refuse a folder that holds nothing to learn from, where synthetic images would take its place unnoticed.

    Raises
    ------
    InputError
        When it has none of the known sets, and no image with labels.
    """
    if not _has_known(data):
        own_images(data)


def list_own(data: Path, split: str, held_out: float) -> list[Callable[[], LabelledImage]]:
    """Return what reads each image of a split; nothing of a folder with known sets, or without labels.

    Parameters
    ----------
    data : Path
    split : {"train", "choose", "val"}
        Groups are held out whole; see `cellapp.training.segmenter.source_images.list_images`.
    held_out : float
    """
    try:
        training, validation = split_by_group(own_images(data)) if not _has_known(data) else ((), ())
    except InputError:
        return []
    chosen = [image for image in training if is_held_out(image.group, held_out) == (split == "choose")]
    return [partial(_read, image) for image in (validation if split == "val" else chosen)]


def _has_known(data: Path) -> bool:
    return any((data / name).is_dir() for name in KNOWN_SETS)


def _read(image: OwnImage) -> LabelledImage:
    slide = image.open()
    labels = relabel(image.read_labels(slide.info.shape[1:]))
    return LabelledImage(image.name.replace("/", "_"), _kind_of(image.kind, slide), slide, labels)


def _kind_of(said: str, slide: Slide) -> Kind:
    """Return the kind that an index says, or what the channels and the background tell."""
    if said in set(Kind):
        return Kind(said)
    if is_photo(assign_channels(slide.info, {})[1]):
        return Kind.STAINED
    plane = read_at_most(slide, OVERVIEW_PX)[0].mean(axis=0)
    return Kind.BRIGHTFIELD if has_bright_background(plane) else Kind.FLUORESCENCE
