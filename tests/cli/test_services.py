"""`worker`, `serve` and `doctor` hand their options on and end with the right status."""

import json
import subprocess

import pytest

from cellapp.cli import doctor, main
from cellapp.jobs import supervisor


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"once": False, "idle_s": None, "server": None}),
        (["--once"], {"once": True, "idle_s": None, "server": None}),
        (["--idle-s", "2.5", "--server", "7"], {"once": False, "idle_s": 2.5, "server": 7}),
    ],
)
def test_worker_options_reach_the_worker(monkeypatch, options, expected):
    calls = []
    monkeypatch.setattr(supervisor, "supervise", lambda **given: calls.append(given))
    assert main(["worker", *options]) == 0
    assert calls == [expected]


def test_serving_ends_with_the_status_of_the_server_and_quietly_when_interrupted(monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 3))
    assert main(["serve"]) == 3

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupted)
    assert main(["serve"]) == 0
    assert capsys.readouterr().err == ""


def test_other_machines_are_told_the_name_of_this_one(monkeypatch, capsys):
    monkeypatch.setattr("socket.gethostname", lambda: "microscope")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0))
    assert main(["serve", "--host", "0.0.0.0", "--insecure", "--port", "80"]) == 0
    assert "http://microscope:80 " in capsys.readouterr().out


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.20", "microscope"])
def test_other_machines_are_let_in_only_where_that_is_said(monkeypatch, capsys, host):
    started = []
    monkeypatch.setattr(subprocess, "run", lambda command, **_: started.append(command))
    assert main(["serve", "--host", host]) == 2
    assert started == []
    said = capsys.readouterr().err
    assert "no sign-in" in said
    assert "--insecure" in said


def test_a_variable_that_cannot_be_is_said_before_anything_is_served(monkeypatch, capsys, home):
    monkeypatch.setenv("CELLAPP_DEVICE", "tpu")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("served"))
    assert main(["serve"]) == 2
    assert "CELLAPP_DEVICE" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_no_word(monkeypatch, host):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0))
    assert main(["serve", "--host", host]) == 0


@pytest.mark.parametrize("problems", [[], ["the disk is full"]])
def test_doctor_fails_where_something_is_wrong(monkeypatch, capsys, problems):
    monkeypatch.setattr(doctor, "examine", lambda: doctor.Findings({"python": "3.11"}, problems))
    assert main(["doctor", "--json"]) == len(problems)
    *lines, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {"facts": {"python": "3.11"}, "problems": problems}
    assert lines == ["python: 3.11", "problem: the disk is full" if problems else "Nothing is wrong."]
