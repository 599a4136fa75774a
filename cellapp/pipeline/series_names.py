"""Times, places, lines and batches in the names of files of a time series."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cellapp.errors import InputError

FIELDS = ("line", "batch", "place", "time")
"""What a pattern may name, each in braces: ``{line}_{batch}_{place}_{time}``."""
_CLOCK = r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+(?:[.,]\d+)?)h)?(?:(?P<m>\d+)m(?:in)?)?"
_TIME = re.compile(rf"{_CLOCK}|(?P<plain>\d+(?:[.,]\d+)?)|[tT](?P<frame>\d+)")
_TIME_TEXT = r"(?=[\dtT])(?:(?:\d+d)?(?:\d+(?:[.,]\d+)?h)?(?:\d+m(?:in)?)?|\d+(?:[.,]\d+)?|[tT]\d+)"
_AT_END = re.compile(r"(.+?)(?:[_\- ]((?:\d+d)?(?:\d+h)?(?:\d+m(?:in)?)?)(?<=[dhmn])|[_\- ]?([tT]\d+))")


@dataclass(frozen=True)
class NameParts:
    """What a name says; empty where it says nothing."""

    line: str = ""
    batch: str = ""
    place: str = ""
    time: str = ""


def split_name(name: str, pattern: str = "") -> NameParts:
    """Take a name apart.

    Parameters
    ----------
    name : str
        Of a file, without its ending.
    pattern : str
        With fields of `FIELDS` in braces and everything else as it stands in the name, such as
        ``{line}-{batch}_{place}_t{time}``. Empty: the name ends with a time such as ``_02d12h00m``, ``_36h`` or
        ``t012``, and what stands before it is the place.

    Raises
    ------
    InputError
        When the pattern is none, or the name does not fit it.
    """
    if pattern:
        # A place may hold what stands between fields, "A_1" in "{place}_{time}": the time tells where it ends.
        match = compiled(pattern, _TIME_TEXT).fullmatch(name) or compiled(pattern).fullmatch(name)
        if match is None:
            raise InputError(f"{name!r} does not fit {pattern!r}; change the pattern or rename the file")
        return NameParts(**match.groupdict())
    match = _AT_END.fullmatch(name)
    if match is None:
        raise InputError(f"{name!r} does not end with a time such as _02d12h00m or t012; rename it or name a pattern")
    return NameParts(place=match[1], time=match[2] or match[3])


def compiled(pattern: str, time: str = ".+?") -> re.Pattern[str]:
    """Return a pattern as a regular expression, in which `time` is what a time may be.

    Raises
    ------
    InputError
        When it names no field, one twice, or one that is not known.
    """
    pieces = re.split(r"\{(\w*)\}", pattern)
    named = pieces[1::2]
    unknown = [field for field in named if field not in FIELDS]
    if unknown or not named or len(set(named)) < len(named):
        wrong = f"there is no field {unknown[0]!r}" if unknown else "each field stands in it once, and one at least"
        raise InputError(f"{pattern!r} is no pattern of names: {wrong}; fields are {', '.join(FIELDS)}, in braces")
    fields = {field: f"(?P<{field}>{time if field == 'time' else '.+?'})" for field in FIELDS}
    parts = [re.escape(part) if at % 2 == 0 else fields[part] for at, part in enumerate(pieces)]
    return re.compile("".join(parts))


def hours_of(text: str, every_h: float = 1.0) -> float:
    """Return a time in hours.

    Parameters
    ----------
    text : str
        ``02d12h00m``, ``36h``, ``90min``, a number of hours, or ``t012``, which counts images.
    every_h : float
        Hours from one image to the next, for times that count images.

    Raises
    ------
    InputError
        When it is no time.
    """
    match = _TIME.fullmatch(text.strip().replace(" ", ""))
    if match is None or not text.strip():
        raise InputError(f"{text!r} is no time; write 02d12h00m, 36h, hours as a number, or t012 to count images")
    if match["frame"]:
        return every_h * int(match["frame"])
    if match["plain"]:
        return _number(match["plain"])
    return 24.0 * int(match["d"] or 0) + _number(match["h"] or "0") + int(match["m"] or 0) / 60


def _number(text: str) -> float:
    return float(text.replace(",", "."))
