"""The device and number format are chosen by measuring once."""

import json

import pytest

from cellapp.compute import devices
from cellapp.config import app_settings
from cellapp.errors import ModelError


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "home"))
    app_settings.cache_clear()
    yield tmp_path / "home"
    app_settings.cache_clear()


def test_the_best_device_is_taken(monkeypatch):
    monkeypatch.setattr(devices, "_available", lambda: ["cpu", "mps", "cuda"])
    assert devices.probe_device() == "cuda"
    assert devices.probe_device("cpu") == "cpu"


def test_a_device_that_is_not_here_is_refused_with_what_is(monkeypatch):
    monkeypatch.setattr(devices, "_available", lambda: ["cpu"])
    with pytest.raises(ModelError, match="'cuda' is not on this machine; it has cpu"):
        devices.probe_device("cuda")
    with pytest.raises(ModelError, match="no device 'tpu'"):
        devices.probe_device("tpu")


def test_the_measurement_is_made_once_and_kept(home, monkeypatch):
    calls = []
    monkeypatch.setattr(devices, "_seconds", lambda device, dtype: calls.append(dtype) or float(len(calls) == 1) + 0.1)
    assert devices.probe_dtype("cpu") == "bfloat16"
    assert devices.probe_dtype("cpu") == "bfloat16"
    assert len(calls) == 2
    (key,) = json.loads((home / "device.json").read_text())
    assert key.startswith("cpu | ")
    assert "torch" in key


@pytest.mark.parametrize(("float32_s", "bfloat16_s", "chosen"), [(1.0, 0.9, "float32"), (1.0, 0.2, "bfloat16")])
def test_lower_precision_must_be_clearly_faster(monkeypatch, float32_s, bfloat16_s, chosen):
    monkeypatch.setattr(devices, "_seconds", lambda device, dtype: bfloat16_s if "bf" in str(dtype) else float32_s)
    assert devices._measure("cpu") == chosen


def test_a_broken_cache_is_measured_again(home, monkeypatch):
    home.mkdir()
    (home / "device.json").write_text("{ half")
    monkeypatch.setattr(devices, "_measure", lambda device: "float32")
    assert devices.probe_dtype("cpu") == "float32"


def test_a_real_measurement_gives_a_format(home):
    assert devices.probe_dtype("cpu") in devices.DTYPES


def test_mps_never_computes_in_bfloat16():
    assert devices.probe_dtype("mps", "bfloat16") == "float32"


def test_a_preference_skips_the_measurement(home):
    assert devices.probe_dtype("cpu", "float32") == "float32"
    assert not (home / "device.json").exists()


def test_an_unknown_format_is_refused():
    with pytest.raises(ModelError, match="float16"):
        devices.probe_dtype("cpu", "float16")
