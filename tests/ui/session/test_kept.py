"""Values are made once for what decides them, and anew when a file changes."""

import os

import numpy as np
import pandas as pd
import pytest

from cellapp.ui.session.kept import digest_of, kept, kept_file


def test_a_value_is_made_once_for_what_decides_it():
    made = []

    def make() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"x": [1.0]})

    first = kept("table of a test", "run", 0.5, make=make)
    assert kept("table of a test", "run", 0.5, make=make) is first
    assert kept("table of a test", "run", 0.6, make=make) is not first
    assert len(made) == 2


def test_what_cannot_be_made_is_tried_again():
    def fail() -> None:
        raise ValueError("not yet")

    with pytest.raises(ValueError, match="not yet"):
        kept("failing", make=fail)
    assert kept("failing", make=lambda: 3) == 3


def test_a_file_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "one.txt"
    assert kept_file("words", path, make=path.read_text) is None
    path.write_text("before")
    assert kept_file("words", path, make=path.read_text) == "before"
    path.write_text("after")
    os.utime(path, ns=(1, 1))
    assert kept_file("words", path, make=path.read_text) == "after"


def test_digests_tell_content_shape_and_absence_apart():
    a = np.arange(6, dtype=np.uint8)
    digests = [digest_of(a), digest_of(a.reshape(2, 3)), digest_of(a.astype(np.int8)), digest_of(a, None), digest_of()]
    assert len(set(digests)) == len(digests)
    assert digest_of(a) == digest_of(a.copy())
