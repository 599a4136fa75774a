import pytest

from cellapp.errors import Cancelled
from cellapp.pipeline import progress
from cellapp.pipeline.progress import StepProgress, rough_duration


def test_a_countdown_says_the_tile_and_the_time_left(monkeypatch):
    now, told = [0.0], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    countdown = StepProgress(
        lambda *words: told.append(words), "Finding cells", "tile", n_total=4, n_before=1, span=(0.2, 1)
    )
    for _ in range(3):
        now[0] += 100
        countdown.advance()
    assert [words for words, _ in told] == [
        "Finding cells, tile 2 of 4",
        "Finding cells, tile 3 of 4, about 3 min left",
        "Finding cells, tile 4 of 4, about 2 min left",
        "Finding cells, tile 4 of 4",
    ]
    assert [round(fraction, 6) for _, fraction in told] == [0.4, 0.6, 0.8, 1]


def test_one_part_needs_no_number_and_none_divides_nothing():
    told = []
    for n in (0, 1):
        StepProgress(lambda *words: told.append(words), "Finding cells", "tile", n_total=n, n_before=0, span=(0, 1))
    assert told == [("Finding cells", 0.0)] * 2


def test_cancelling_passes_through():
    def stop(step, fraction):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        StepProgress(stop, "Finding cells", "tile", n_total=3, n_before=0, span=(0, 1))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "10 s"), (44, "40 s"), (89, "90 s"), (170, "3 min"), (5400, "1.5 h"), (36_000, "10 h")]
)
def test_time_in_words(seconds, words):
    assert rough_duration(seconds) == words
