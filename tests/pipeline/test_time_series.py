"""Sequences are read by the names of files, by a pattern or by a table, in order of time."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.pipeline.series_names import NameParts, hours_of, split_name
from cellapp.pipeline.time_series import Frame, Naming, in_sequences, read_sequences
from tests.training.lines.series import write_series


def test_sequences_by_names_are_in_order_of_time(tmp_path):
    write_series(tmp_path, lines=("fine", "coarse"), batches=2, places=2, times=3, side=32)
    found = read_sequences(tmp_path)
    assert [(one.line, one.batch, one.place) for one in found[:2]] == [
        ("coarse", "batch_0", "VID1_A0_1"),
        ("coarse", "batch_0", "VID1_A1_1"),
    ]
    assert len(found) == 8
    assert found[0].times_h == (0.5, 4.5, 8.5)
    assert all(file.startswith("coarse/batch_0/") for file in found[0].files)


def test_a_table_says_it_too(tmp_path):
    write_series(tmp_path, lines=("fine",), batches=1, places=1, times=2, side=32)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    table = pd.DataFrame({"file": files, "line": "A", "batch": "1", "sequence": "s", "time_h": ["7,5", "0"]})
    table.to_csv(tmp_path / "index.csv", index=False)
    [one] = read_sequences(tmp_path)
    assert (one.name, one.times_h, one.files) == ("A/1/s", (0.0, 7.5), (files[1], files[0]))
    table.assign(time_h="noon").to_csv(tmp_path / "index.csv", index=False)
    with pytest.raises(InputError, match="write hours as a number"):
        read_sequences(tmp_path)


def test_names_without_time_or_place_are_refused(tmp_path):
    write_series(tmp_path / "line", lines=("fine",), batches=1, places=1, times=1, side=32)
    for path in (tmp_path / "line").rglob("*.png"):
        path.rename(tmp_path / path.name)
    with pytest.raises(InputError, match="lies in no batch of a line"):
        read_sequences(tmp_path)
    assert read_sequences(tmp_path, labelled=False)[0].line == ""


@given(
    days=st.integers(0, 40),
    hours=st.integers(0, 23),
    minutes=st.integers(0, 59),
    place=st.from_regex("[A-Z][0-9]", fullmatch=True),
)
def test_a_time_at_the_end_of_a_name_is_read_however_it_is_written(days, hours, minutes, place):
    wanted = 24 * days + hours + minutes / 60
    for text in (f"{days:02d}d{hours:02d}h{minutes:02d}m", f"{24 * days + hours}h{minutes}min"):
        said = split_name(f"{place}_{text}")
        assert said == NameParts(place=place, time=text)
        assert hours_of(said.time) == pytest.approx(wanted)
    assert hours_of(f"{wanted:.4f}".replace(".", ",")) == pytest.approx(wanted, abs=1e-4)
    counted = split_name(f"{place}t{days:03d}")
    assert (counted.place, hours_of(counted.time, 0.5)) == (place, 0.5 * days)


@pytest.mark.parametrize("name", ["VID1709_G7_1", "place", "02d12h00m", "a_d_h_m"])
def test_a_name_without_place_or_time_is_refused(name):
    with pytest.raises(InputError, match="does not end with a time"):
        split_name(name)


def test_a_pattern_takes_a_name_apart_and_wrong_ones_say_what_is_wrong():
    assert split_name("A549-b1_p3_t004", "{line}-{batch}_{place}_{time}") == NameParts("A549", "b1", "p3", "t004")
    said = split_name("A549-b1_VID1_A0_1_00d08h30m", "{line}-{batch}_{place}_{time}")
    assert said == NameParts("A549", "b1", "VID1_A0_1", "00d08h30m")
    assert split_name("A_1_36", "{place}_{time}") == NameParts(place="A_1", time="36")
    for pattern, why in (("abc", "one at least"), ("{lin}", "no field 'lin'"), ("{line}{line}", "each field")):
        with pytest.raises(InputError, match=why):
            split_name("x", pattern)
    with pytest.raises(InputError, match="does not fit"):
        split_name("x", "{line}-{batch}")
    for text in ("noon", "", "h"):
        with pytest.raises(InputError, match="no time"):
            hours_of(text)


def test_a_pattern_wins_over_folders_and_an_index_without_times_is_not_asked(tmp_path):
    write_series(tmp_path, lines=("fine",), batches=1, places=1, times=2, side=32)
    for number, path in enumerate(sorted(tmp_path.rglob("*.png"))):
        path.rename(tmp_path / f"A549-b1_p3_t{number:03d}.png")
    (tmp_path / "index.csv").write_text("file,label\nx,y\n")
    [one] = read_sequences(tmp_path, naming=Naming("{line}-{batch}_{place}_{time}", 0.25))
    assert (one.name, one.times_h) == ("A549/b1/p3", (0.0, 0.25))


def test_treated_places_are_sequences_of_their_own():
    frames = [Frame("A", "1", "p", 2.0 - k, str(k), f"id{k}", treated) for treated in ("", "drug") for k in range(2)]
    plain, treated = in_sequences(frames)
    assert (plain.name, plain.condition, plain.times_h) == ("A/1/p", "A", (1.0, 2.0))
    assert (treated.name, treated.condition, treated.opened_by) == ("A/drug/1/p", "A, drug", ("id1", "id0"))
