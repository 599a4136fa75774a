import pytest

from cellapp.explanation.removal import PARTS
from cellapp.ui.components.job_progress import explain_seconds, summary_passes


def test_explaining_takes_what_classifying_took_per_cell():
    provenance = {"seconds": {"classify": 3.0}, "summary": {"n_cells": 40, "n_rejected": 10}}
    assert explain_seconds(provenance, 20) == pytest.approx(2.0)
    assert explain_seconds(provenance, 20, times=4) == pytest.approx(8.0)
    assert explain_seconds({**provenance, "summary": {"n_cells": 3, "n_rejected": 3}}, 20) is None
    assert explain_seconds({}, 20) is None


@pytest.mark.parametrize(("n_channels", "passes"), [(1, 2), (3, 5)])
def test_each_of_several_channels_and_each_part_is_one_more_pass(n_channels, passes):
    assert summary_passes({"image": {"channels": ["c"] * n_channels}}) == passes + len(PARTS)
    assert summary_passes({}) == 2 + len(PARTS)
