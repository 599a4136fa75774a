"""Reading the held-out calls that lie beside a head."""

import numpy as np
import pandas as pd
import pytest

from cellapp.errors import InputError
from cellapp.evaluation.held_out_calls import read_held_out
from tests.evaluation.calls import random_calls, write_calls


def test_calls_are_read_back_whatever_the_order_of_rows(tmp_path):
    calls = random_calls(classes=("NA", "5, \u00e4", "\u7d30\u80de"))
    folder = write_calls(tmp_path / "a", calls)
    pd.read_csv(folder / "folds.csv", keep_default_na=False)[::-1].to_csv(folder / "folds.csv", index=False)
    again = read_held_out(folder)
    assert (again.head, again.name, again.classes, again.cells) == (calls.head, "a", calls.classes, calls.cells)
    for name in ("groups", "folds", "truth", "codes"):
        assert np.array_equal(getattr(again, name), getattr(calls, name)), name
    np.testing.assert_allclose(again.probabilities, calls.probabilities)
    assert again.pure.all()


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "folds.csv").unlink(), "has no held-out calls"),
        (lambda folder: (folder / "metrics.json").unlink(), "holds no metrics.json"),
        (lambda folder: (folder / "metrics.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "folds.csv").write_text("file,group\nx,y\n"), "cannot be read"),
        (lambda folder: (folder / "folds.csv").write_bytes(b"\xff\xfe\x00"), "cannot be read"),
        (lambda folder: [file.unlink() for file in folder.iterdir()] and folder.rmdir(), "no folder"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, break_it, message):
    folder = write_calls(tmp_path / "a", random_calls())
    break_it(folder)
    with pytest.raises(InputError, match=message):
        read_held_out(folder)
