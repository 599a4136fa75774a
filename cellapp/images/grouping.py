"""Which files are channels of one image, told from their names alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePath

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


def group_by_name(names: Sequence[str]) -> dict[str, list[str]]:
    """Group file names that differ in nothing but a channel mark.

    Parameters
    ----------
    names : sequence of str
        File names of one upload.

    Returns
    -------
    dict of str to list of str
        What the names have in common -> the names in order of their marks. Only groups of 2 to `MOST_FILES` names of
        one kind of file, each with another mark; a file in no group is not listed.
    """
    found: dict[tuple[str, str], dict[tuple[str, ...], str]] = defaultdict(dict)
    clashing = set()
    for name in names:
        path = PurePath(name)
        marks = tuple(mark.lower() for mark in _MARKERS.findall(path.stem))
        key = (_MARKERS.sub("*", path.stem), path.suffix.lower())
        if marks in found[key]:
            clashing.add(key)
        found[key][marks] = name
    groups: dict[str, list[str]] = {}
    for key in (key for key in found if key not in clashing and 2 <= len(found[key]) <= MOST_FILES):
        members = [found[key][marks] for marks in sorted(found[key])]
        common = re.sub(r"[ _.-]*\*", "", key[0]).strip(" _.-") or "image"
        groups[PurePath(members[0]).stem if common in groups else common] = members
    return groups
