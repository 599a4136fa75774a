"""The record of a run adds up, and the simulation of many workers obeys what must hold of any."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.scale import __main__ as scale
from benchmarks.scale import record
from benchmarks.scale.record import Record, Recorder, Step
from benchmarks.scale.simulate import WORKERS, Work, curve, scaled, simulate

pytestmark = pytest.mark.slow

seconds = st.floats(0.01, 10)
works = st.lists(st.builds(Work, st.just("step"), seconds, st.lists(seconds, max_size=9).map(tuple)), max_size=4)


@settings(max_examples=40)
@given(works, st.integers(1, 20))
def test_no_number_of_workers_is_faster_than_its_share_or_slower_than_one(steps, n):
    alone, parts = sum(step.alone_s for step in steps), sum(sum(step.parts_s) for step in steps)
    found = simulate(steps, n)
    assert alone + parts / n <= found.total + 1e-9
    assert found.total <= alone + parts + 1e-9
    assert simulate(steps, 1).total == pytest.approx(alone + parts)
    assert found.total == pytest.approx(found.alone + parts / n + found.scheduler + found.first + found.idle)


@given(works, seconds, st.integers(1, 20))
def test_what_is_done_beside_parts_costs_time_only_where_it_is_longer_than_these(steps, beside_s, n):
    (done, parts_s), others = (1.0, (2.0,) * n), simulate(steps, n).total
    with_it = simulate([*steps, Work("fit", done, parts_s, beside_s)], n).total
    assert with_it == pytest.approx(others + done + max(2.0, beside_s))


def test_what_breaks_first_is_what_was_made_large():
    even = Work("tiles", 0.0, (1.0,) * 512)
    rows = curve([even], handling_s=0.0, first_s=0.0)
    assert [row["workers"] for row in rows] == list(WORKERS)
    assert all(row["efficiency"] == 1 for row in rows)
    assert scale.limits(rows) == {"breaks_at": None}
    broken = {
        "what one process does alone": curve([Work("join", 50.0), even], handling_s=0.0, first_s=0.0),
        "the scheduler": curve([even], handling_s=0.1, first_s=0.0),
        "too few parts": curve([Work("tiles", 0.0, (8.0,) * 16)], handling_s=0.0, first_s=0.0),
        "starting workers": curve([even], handling_s=0.0, first_s=30.0),
    }
    assert {why: scale.limits(rows)["breaks_by"] for why, rows in broken.items()} == {why: why for why in broken}


def test_a_slide_of_twice_the_area_has_twice_the_parts_and_the_same_fixed_time():
    small, large = (Record(area, [Step("a", 1 + area), Step("a", 0.0, [2.0] * 4 * area)], 0.0, 0) for area in (1, 2))
    assert scaled(small, large, 4) == [Work("a", 5.0, (2.0,) * 16)]


def test_a_recorded_run_is_done_in_parts_and_sends_no_pixels(tmp_path):
    _, found = scale.recorded(tmp_path, 400, scale.settings_of(256, "classical"))
    figures = scale.costs(found)
    assert figures["n_cells"] > 5
    assert 0 < figures["alone_share"] < 1
    assert {"Finding cells", "Measuring cells", "Classifying cells", "Writing crops"} <= {
        step.name for step in found.steps if step.parts_s
    }
    assert figures["bytes_sent_per_part"] < 20_000
    assert figures["bytes_returned_per_tile"] < 100


def test_what_is_done_before_results_are_asked_for_is_beside_the_parts_and_not_alone(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(record.time, "process_time", lambda: now[0])
    recorder = Recorder()

    def spend(seconds, step):
        now[0] += seconds
        recorder.on_progress(step, 0.0)

    with recorder.open() as run:
        spend(1.0, "Measuring cells")
        first, second = run(str, [1]), run(str, [2, 3])
        spend(4.0, "Tracing outlines")
        assert [*first] == ["1"]
        spend(2.0, "Writing crops")
        assert [*second] == ["2", "3"]
        spend(8.0, "end")
    handed_out = [(step.name, len(step.parts_s), step.beside_s) for step in recorder.steps if step.parts_s]
    assert handed_out == [("Tracing outlines", 1, 0.0), ("Writing crops", 2, 6.0)]
    assert sum(step.alone_s for step in recorder.steps) == 1.0 + 8.0
