"""Progress goes to stderr, results to stdout, and with --json the last line of stdout is one object."""

import contextlib
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.cli.output import Progress, emit, note

STEPS = [("Loading models", 0.0), ("a: tile 1 of 2", 0.25), ("a done", 0.5), ("b done", 1.0)]


def run_steps(monkeypatch, *, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    progress = Progress()
    for step, fraction in STEPS:
        progress(step, fraction)
    progress.end()


def test_a_log_has_a_line_for_each_finished_step(monkeypatch, capsys):
    run_steps(monkeypatch, terminal=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["  0%  Loading models", " 50%  a done", "100%  b done"]


def test_a_terminal_has_one_line_that_is_written_over(monkeypatch, capsys):
    run_steps(monkeypatch, terminal=True)
    written = capsys.readouterr().err
    assert written.endswith("\n")
    lines = written.rstrip("\n").split("\r")[1:]
    assert [line.strip() for line in lines] == [
        "0%  Loading models",
        "25%  a: tile 1 of 2",
        "50%  a done",
        "100%  b done",
    ]
    shown = ""
    for line in lines:
        shown = line + shown[len(line) :]
        assert shown.rstrip() == line.rstrip(), "letters of an earlier step show behind it"


@pytest.mark.parametrize("terminal", [True, False])
def test_no_steps_leave_no_line(monkeypatch, capsys, terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    Progress().end()
    assert capsys.readouterr().err == ""


@given(
    result=st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())), lines=st.lists(st.just("x"))
)
def test_the_last_line_is_one_object_whatever_it_holds(result, lines):
    with contextlib.redirect_stdout(io.StringIO()) as stdout:
        emit(result, True, lines)
    assert json.loads(stdout.getvalue().splitlines()[-1]) == result
    assert len(stdout.getvalue().splitlines()) == len(lines) + 1


def test_people_get_lines_alone(capsys):
    emit({"n": 1}, False, ["1 cell"])
    assert capsys.readouterr().out == "1 cell\n"


def test_numbers_that_are_not_finite_are_a_defect():
    with pytest.raises(ValueError, match="JSON compliant"):
        emit({"n": float("nan")}, True, [])


def test_a_note_is_a_line_of_stderr(capsys):
    note("left out a.tif")
    assert capsys.readouterr() == ("", "left out a.tif\n")
