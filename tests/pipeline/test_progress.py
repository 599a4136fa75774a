import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import Cancelled
from cellapp.pipeline import progress
from cellapp.pipeline.progress import StepProgress, duration, rough_duration


def test_a_step_names_the_tile_and_the_time_left(monkeypatch):
    now, steps = [0.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    progress_of_step = StepProgress(
        lambda *step: steps.append(step), "Finding cells", "tile", n_total=4, n_before=1, span=(0.2, 1)
    )
    for _ in range(3):
        now[0] += 100
        progress_of_step.advance()
    assert [message for message, _ in steps] == [
        "Finding cells, tile 2 of 4",
        "Finding cells, tile 3 of 4, about 3 min left",
        "Finding cells, tile 4 of 4, about 2 min left",
        "Finding cells, tile 4 of 4",
    ]
    assert [round(fraction, 6) for _, fraction in steps] == [0.4, 0.6, 0.8, 1]


def test_one_part_needs_no_number_and_none_divides_nothing():
    steps = []
    for n in (0, 1):
        StepProgress(lambda *step: steps.append(step), "Finding cells", "tile", n_total=n, n_before=0, span=(0, 1))
    assert steps == [("Finding cells", 0.0)] * 2


def test_cancelling_passes_through():
    def stop(step, fraction):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        StepProgress(stop, "Finding cells", "tile", n_total=3, n_before=0, span=(0, 1))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "10 s"), (44, "40 s"), (89, "90 s"), (170, "3 min"), (5400, "1.5 h"), (36_000, "10 h")]
)
def test_an_estimate_is_rounded_as_far_as_it_can_be_trusted(seconds, text):
    assert rough_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 s"), (40, "40 s"), (150, "2 min"), (3600, "1 h 0 min"), (5000, "1 h 23 min")]
)
def test_durations_read_like_speech(seconds, text):
    assert duration(seconds) == text


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_longer_time_is_never_written_as_a_shorter_one(one, other):
    short, long = sorted((one, other))
    for write in (duration, rough_duration):
        assert seconds_of(write(short)) <= seconds_of(write(long))


def seconds_of(text):
    """Read a duration back."""
    numbers, units = text.split()[::2], text.split()[1::2]
    factors = {"s": 1, "min": 60, "h": 3600}
    return sum(float(number) * factors[unit] for number, unit in zip(numbers, units, strict=True))


def test_parts_are_handed_out_at_once_and_awaited_once():
    done, steps = [], []

    def run(parts):
        done.append(parts)
        return iter(parts)

    wait = progress.hand_out(
        [1, 2, 3], {2}.__contains__, run, lambda *step: steps.append(step), "Writing crops", "part"
    )
    assert (done, steps) == ([[1, 3]], [])
    for _ in range(2):
        wait()
    assert done == [[1, 3]]
    assert [fraction for _, fraction in steps] == [1 / 3, 2 / 3, 1]
