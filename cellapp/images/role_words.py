"""Words for what a channel shows: the roles, other words for them, dyes that speak for one, and slips of the pen."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from cellapp.errors import InputError
from cellapp.types.image import Role

STATED = (Role.NUCLEUS, Role.CYTOPLASM, Role.OTHER)
"""Roles that a user states by their word; the colours of a photograph are declared by the file."""

_SAME_AS = {
    Role.NUCLEUS: ("nucleus", "nuclei", "nuclear", "nuc", "nuclear stain"),
    Role.CYTOPLASM: ("cytoplasm", "cyto", "cytoplasmic", "cytosol", "cytosolic"),
    Role.OTHER: ("other",),
}
_DYES = {
    Role.NUCLEUS: re.compile("dapi|hoechst|nucle(?!ol)|h2b|draq|sytox|blue"),  # a nucleolus is no nucleus
    Role.CYTOPLASM: re.compile("cyto|actin|phalloidin|tubulin|membrane|gfp|green|wga|cellmask"),
}
_WHOLE_NAMES = {"dna": Role.NUCLEUS, "dna stain": Role.NUCLEUS, "nuc": Role.NUCLEUS}  # "dna damage" is another stain

_NEAR = 0.8  # share of letters in common from which on a name is a slip of the pen for a role
_NO_SLIPS = {"nucleolus", "nucleoli", "nucleolar", "nucleolin", "nucleoid", "ectoplasm", "mother", "outer"}
"""Near a role, and words of their own."""


def role_of(name: str) -> Role | None:
    """Return the role that a word states, whatever its case ("nucleus", "Nuclei"); None for the name of a channel."""
    word = _word(name)
    return next((role for role, words in _SAME_AS.items() if word in words), None)


def guess_role(name: str) -> Role:
    """Return the role that a name states or its dye speaks for ("DAPI"), else "other"."""
    word = _word(name)
    known = role_of(name) or _WHOLE_NAMES.get(word)
    return known or next((role for role, dyes in _DYES.items() if dyes.search(word)), Role.OTHER)


def check_role_words(names: Iterable[str]) -> None:
    """Refuse what is nearly a role: as a mere name of a channel it would leave the role to nobody, silently.

    Raises
    ------
    InputError
        Names the nearest role.
    """
    words = {word: role for role, known in _SAME_AS.items() for word in known}
    for name in names:
        word = _word(name)
        near = next(iter(get_close_matches(word, words, 1, _NEAR)), "")
        holds_it = re.search(rf"(?<![a-z]){near}(?![a-z])", word)  # the role itself, "nucleus 2"
        if near and word not in words and not holds_it and word not in _NO_SLIPS:
            raise InputError(
                f"no role {name!r}; the nearest is {words[near].value!r}. "
                f"Roles are {', '.join(STATED)}; other words name a channel"
            )


def _word(name: str) -> str:
    return " ".join(name.lower().split())
