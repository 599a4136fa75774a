"""300 damaged files of every reader: each is read or refused in one sentence, in seconds and below 1 GB."""

import pytest

from benchmarks.fuzz import files, fuzz
from benchmarks.fuzz_files import READERS

pytestmark = pytest.mark.slow

N = 300


@pytest.fixture(scope="module")
def outcomes():
    return list(fuzz(files(N)))


@pytest.mark.parametrize("reader", READERS)
def test_damaged_files_are_read_or_refused(outcomes, reader):
    found = [one for one in outcomes if one.reader == reader]
    assert len(found) == N
    assert not [one for one in found if one.end not in ("read", "refused")]


@pytest.mark.parametrize("reader", READERS)
def test_damage_shows(outcomes, reader):
    """Some are refused: the files are damaged where readers look."""
    assert sum(one.end == "refused" for one in outcomes if one.reader == reader) > N / 20


def test_refusals_are_one_sentence_each(outcomes):
    assert all(one.said and "\n" not in one.said for one in outcomes if one.end == "refused")
