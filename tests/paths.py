"""Where tests find the repository and the real images, which are never part of it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def shared_data(relative: str) -> Path:
    """Return a file or folder of the development data, or skip the test saying what is missing."""
    path = SHARED / "data" / relative
    if not path.exists():
        pytest.skip(f"development data not here: data/{relative}")
    return path


def shared_case(name: str) -> Path:
    """Return the folder of a case from public bug reports, or skip the test saying what is missing."""
    path = SHARED / "cases" / name
    if not path.exists():
        pytest.skip(f"case not here: cases/{name}")
    return path


def shared_fixture(name: str) -> Path:
    """Return the folder of published predictions, or skip the test saying what is missing."""
    path = SHARED / "fixtures" / name
    if not path.exists():
        pytest.skip(f"fixture not here: fixtures/{name}")
    return path
