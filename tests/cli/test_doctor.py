import importlib.util
from importlib.metadata import PackageNotFoundError

import pytest

from cellapp.cli import doctor, main
from cellapp.cli.doctor import Findings
from cellapp.config import app_settings
from cellapp.models.registry import registry


def problems(monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(f"CELLAPP_{name}", str(value))
    app_settings.cache_clear()
    return " | ".join(doctor.examine().problems)


def test_a_sound_machine_has_facts_and_no_problems(home):
    findings = doctor.examine()
    assert findings.problems == []
    assert findings.facts["data"] == str(home)
    assert findings.facts["device"] in ("cpu", "cuda", "mps")
    assert findings.facts["number format"] in ("float32", "bfloat16")
    for name in ("cell-vit", "demo-head", "classical"):
        assert name in findings.facts["weights present"]
    assert "cpsam_v2" in findings.facts["weights to fetch"]


def test_a_missing_library_is_named_with_its_cure(monkeypatch):
    def version(name):
        if name == "cellpose":
            raise PackageNotFoundError(name)
        return "1"

    monkeypatch.setattr(doctor, "version", version)
    assert "cellpose is not installed: pip install -r requirements.txt" in problems(monkeypatch)


def test_a_device_that_is_not_here_is_named(monkeypatch):
    import torch

    absent = "mps" if not torch.backends.mps.is_available() else "cuda"
    assert f"device '{absent}' is not on this machine" in problems(monkeypatch, DEVICE=absent)


def test_a_data_folder_that_cannot_be_made_is_named(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = problems(monkeypatch, HOME=tmp_path / "file" / "home", DATABASE_URL="sqlite://")
    assert "set CELLAPP_HOME to another" in said


def test_little_space_is_said(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 2**30})())
    assert "only 1.0 GB are free" in problems(monkeypatch)


def test_a_database_that_does_not_answer_is_said(monkeypatch):
    said = problems(monkeypatch, DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert "127.0.0.1" in said or "database" in said.lower()


@pytest.mark.parametrize(("offline", "words"), [("1", "nowhere"), ("0", "https://")])
def test_where_weights_come_from_is_said(monkeypatch, offline, words):
    monkeypatch.setenv("CELLAPP_OFFLINE", offline)
    app_settings.cache_clear()
    assert words in doctor.examine().facts["weights come from"]


def test_facts_stand_in_columns_and_models_that_cannot_run_are_not_fetched(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda: Findings({"a": "x", "torchvision operators": "registered"}, []))
    main(["doctor"])
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first.index("x") == second.index("registered")
    assert second == "torchvision operators: registered"


def test_every_model_is_here_to_fetch_or_told_why_not():
    findings = Findings()
    doctor._models(findings)
    facts = findings.facts
    for name in registry():
        told = [key for key in ("weights present", "weights to fetch", "cannot run here") if f"{name}" in facts[key]]
        assert told, name
    assert ("cpdino" in facts["cannot run here"]) == (importlib.util.find_spec("dinov3") is None)
    assert ("cpdino" in facts["weights to fetch"]) == (importlib.util.find_spec("dinov3") is not None)
