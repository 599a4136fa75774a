"""`analyse --no-crops` and `crops` together write what `analyse` writes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from cellapp.cli import main
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.paths import ROOT

SETTINGS = {"segment": {"segmenter": "classical", "diameter": 40, "second_look": False}, "classify": {"head": None}}


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    path.write_text(json.dumps(SETTINGS))
    return str(path)


@pytest.fixture(scope="module")
def in_run(chosen, demo, tmp_path_factory):
    out = tmp_path_factory.mktemp("in_run")
    assert main(["analyse", str(demo.slide), "--out", str(out), "--settings", chosen]) == 0
    return (out / "demo" / "crops.zip").read_bytes()


@pytest.fixture
def without(chosen, demo, tmp_path):
    assert main(["analyse", str(demo.slide), "--out", str(tmp_path), "--settings", chosen, "--no-crops"]) == 0
    return tmp_path


def test_crops_come_later_and_are_the_same(tmp_path, chosen, in_run, demo, capsys):
    without, run = tmp_path, ["analyse", str(demo.slide), "--out", str(tmp_path), "--settings", chosen]
    assert main([*run, "--no-crops", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out.strip().splitlines()[-1])["without_crops"] == ["demo"]
    assert "no crops.zip of demo" in said.err
    assert not (without / "demo" / "crops.zip").exists()
    assert main(["report", str(without)]) == 0
    capsys.readouterr()
    assert "were not made of" in (without / "report.html").read_text()
    assert main(["crops", str(without), str(demo.slide), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (told["made"], told["without_crops"]) == (["demo"], [])
    assert (without / "demo" / "crops.zip").read_bytes() == in_run
    assert "were not made of" not in (without / "report.html").read_text()
    assert main(["crops", str(without), str(demo.slide), "--json"]) == 0, "nothing is left to do"


def test_an_image_of_no_folder_is_refused_in_one_line(without, capsys):
    other = without / "other.png"
    other.write_bytes((ROOT / "docs" / "explain.png").read_bytes())
    capsys.readouterr()
    assert main(["crops", str(without), str(other)]) == 2
    assert capsys.readouterr().err.strip().endswith("(demo); give those analysed")


def test_a_resumed_run_makes_the_crops_it_is_asked_for(without, in_run, chosen, demo):
    run = ["analyse", str(demo.slide), "--out", str(without), "--settings", chosen, "--resume"]
    assert main([*run, "--no-crops"]) == 0
    assert not (without / "demo" / "crops.zip").exists()
    before = (without / "demo" / "cells.parquet").stat().st_mtime_ns
    assert main(run) == 0
    assert (without / "demo" / "cells.parquet").stat().st_mtime_ns == before, "the image was not analysed again"
    assert (without / "demo" / "crops.zip").read_bytes() == in_run


KILLED = """
import os, signal
from pathlib import Path
from cellapp.files import atomic_write
with atomic_write(Path({path!r})) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_command_half_wrote_is_deleted_by_the_next(without, in_run, demo):
    path = without / "demo" / "crops.zip"
    killed = subprocess.run([sys.executable, "-c", KILLED.format(path=str(path))], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert list(path.parent.glob(".*.part"))
    assert main(["crops", str(without), str(demo.slide)]) == 0
    assert not list(path.parent.glob(".*.part"))
    assert path.read_bytes() == in_run


@pytest.mark.slow
def test_after_kill_9_the_command_goes_on_from_finished_parts(tmp_path, chosen, monkeypatch):
    slide = str(write_demo(tmp_path, SyntheticSettings(height=1024, width=1024, seed=7)).slide)
    without = tmp_path / "out"
    assert main(["analyse", slide, "--out", str(tmp_path / "in_run"), "--settings", chosen]) == 0
    assert main(["analyse", slide, "--out", str(without), "--settings", chosen, "--no-crops"]) == 0
    command = [sys.executable, "-m", "cellapp", "crops", str(without), slide]
    running = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=dict(os.environ))
    end = time.monotonic() + 120
    try:
        while not list(without.glob(".demo.crops/crops-*.zip")):
            assert time.monotonic() < end, "no part was finished in time"
            time.sleep(0.002)
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert not (without / "demo" / "crops.zip").exists(), "the command ended before it could be disturbed"
    kept = {path: path.stat().st_mtime_ns for path in without.glob(".demo.crops/crops-*.zip")}
    untouched = []

    def look(*_):
        untouched.append(all(path.exists() and path.stat().st_mtime_ns == when for path, when in kept.items()))

    monkeypatch.setattr("cellapp.cli.crops_zip._of_image", look)
    assert main(["crops", str(without), slide]) == 0
    assert untouched
    assert all(untouched)
    expected = (tmp_path / "in_run" / "demo" / "crops.zip").read_bytes()
    assert (without / "demo" / "crops.zip").read_bytes() == expected
