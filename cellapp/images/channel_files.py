"""Images stored as one file per channel: grouping by file name, and combination into one slide."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

from cellapp.errors import InputError
from cellapp.files import is_litter
from cellapp.images.channel_names import check_names
from cellapp.images.formats.channels_first import Stacked
from cellapp.types.image import LazyArray, Slide

MOST_FILES = 16

_DYES = (
    *("dapi", "hoechst", "hoe", "h2ax", "h2b", "gfp", "egfp", "yfp", "cfp", "rfp", "mcherry", "fitc", "tritc"),
    *("cy3", "cy5", "actin", "tubulin", "phalloidin", "nuclei", "nucleus", "cytoplasm", "membrane", "brightfield"),
    *("phase", "red", "green", "blue", "orange", "yellow", "cyan", "magenta"),
)

# What instruments put before a channel's number. Time points (t01), sites (s1), fields (f00), depths (z3) and wells
# (A01, C1) have letters of their own and never match.
_MARKERS = re.compile(
    "|".join(
        (
            r"(?<![a-z])(?:channel|chan|ch)[ _-]?\d{1,2}(?!\d)",  # Channel 1-01-A-01, img_ch00, r01c02f01-ch1sk1
            r"(?<=[ _.-])(?-i:[cw])\d{1,2}(?=$|[ _.-])",  # img_c1, plate_A01_s1_w2
            r"^(?-i:C)\d(?=-)",  # ImageJ's split channels: C1-name
            r"(?<=f\d\d)d\d$",  # Cellomics: D03f00d0
            r"(?<=[ _.-])(?-i:[RGB])$",  # 0_1_N_G
            "|".join(sorted(_DYES, key=len, reverse=True)),
        )
    ),
    re.IGNORECASE,
)


def group_channel_files(names: Sequence[str]) -> dict[str, list[str]]:
    """Group file names that differ only in a channel mark.

    Parameters
    ----------
    names : sequence of str
        File names of one upload.

    Returns
    -------
    dict of str to list of str
        Common part of the names -> the names in order of their marks. Only groups of 2 to `MOST_FILES` names of
        one kind of file, each with another mark; a file in no group is not listed, and what operating systems leave
        beside images is in none.
    """
    candidates: dict[tuple[str, str], dict[tuple[str, ...], str]] = defaultdict(dict)
    clashing = set()
    for name in (name for name in names if not is_litter(name)):
        path = PurePath(name)
        marks = tuple(mark.lower() for mark in _MARKERS.findall(path.stem))
        key = (_MARKERS.sub("*", path.stem), path.suffix.lower())
        if marks in candidates[key]:
            clashing.add(key)
        candidates[key][marks] = name
    groups: dict[str, list[str]] = {}
    for key in (key for key in candidates if key not in clashing and 2 <= len(candidates[key]) <= MOST_FILES):
        members = [candidates[key][marks] for marks in sorted(candidates[key])]
        common = re.sub(r"[ _.-]*\*", "", key[0]).strip(" _.-") or "image"
        groups[PurePath(members[0]).stem if common in groups else common] = members
    return groups


def channel_marks(names: Sequence[str]) -> tuple[str, ...]:
    """Return names for the channels of files that `group_channel_files` put together.

    Returns
    -------
    tuple of str
        The dye, where each file has one of its own; else "channel 1" and so on.
    """
    dyes = [[mark for mark in _MARKERS.findall(PurePath(name).stem) if mark.lower() in _DYES] for name in names]
    found = [" ".join(mark for mark in marks if any(mark not in other for other in dyes)) for marks in dyes]
    if all(found) and len({name.lower() for name in found}) == len(found):
        return tuple(found)
    return tuple(f"channel {n}" for n in range(1, len(names) + 1))


def combine(slides: Sequence[Slide], names: Sequence[str]) -> Slide:
    """Make one image of files that hold one channel each.

    Parameters
    ----------
    slides : sequence of Slide
        In the order of the channels. Of a colour image the brightest colour of each pixel counts: exports of one
        channel are often stored in a colour.
    names : sequence of str
        One per slide.

    Returns
    -------
    Slide
        Lazy like its parts, with the pyramid levels that all have, the first known pixel size, a dtype that holds all
        values, and the sha256 of the digests in order.

    Raises
    ------
    InputError
        When sizes differ, a file has two or more than three channels, or the names do not fit.
    """
    if not slides:
        raise InputError("combining takes at least one image; got none")
    for slide in slides:
        check_same_size(slides[0], slide)
        if slide.info.shape[0] not in (1, 3):
            raise InputError(
                f"{slide.info.name!r} has {slide.info.shape[0]} channels; combine files of one channel each"
            )
    levels = tuple(Stacked(parts) for parts in zip(*(s.levels for s in slides), strict=False) if _alike(parts))
    infos = [slide.info for slide in slides]
    info = replace(
        infos[0],
        shape=(len(slides), *infos[0].shape[1:]),
        dtype=levels[0].dtype.name,
        channels=check_names(names, len(slides)),
        roles=(),  # those of the first part do not apply to the combination
        is_photo=False,
        um_per_px=next((i.um_per_px for i in infos if i.um_per_px is not None), None),
        levels=tuple(level.shape[1:] for level in levels),
        bytes_on_disk=sum(i.bytes_on_disk for i in infos),
        notes=tuple(dict.fromkeys(note for i in infos for note in i.notes)),
    )
    return Slide(info, hashlib.sha256("".join(slide.digest for slide in slides).encode()).hexdigest(), levels)


def check_same_size(reference: Slide, target: Slide) -> None:
    """Refuse two images of different height or width, which cannot share a label image.

    Raises
    ------
    InputError
        With both sizes.
    """
    pair = (reference.info, target.info)
    if pair[0].shape[1:] != pair[1].shape[1:]:
        sizes = " but ".join(f"{info.name!r} is {info.shape[1]} x {info.shape[2]} px" for info in pair)
        raise InputError(f"{sizes}; images used together must have the same height and width")


def _alike(parts: Sequence[LazyArray]) -> bool:
    return len({part.shape[1:] for part in parts}) == 1
