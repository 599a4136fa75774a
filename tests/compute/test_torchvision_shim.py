"""torchvision must import whichever torch wheel lies beside it."""

import subprocess
import sys

import pytest

from cellapp.compute import torchvision_shim

pytestmark = pytest.mark.slow

PROBE = """
from cellapp.compute import torchvision_shim
first = torchvision_shim.install()
assert torchvision_shim.install() is first, "not idempotent"
import gc; gc.collect()
import torch, torchvision
torch.ops.torchvision.nms  # declared, by torchvision's own library or by us
assert first is not torchvision.extension._has_ops()
"""


def test_torchvision_imports_after_the_guard():
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_process_that_has_torchvision_is_left_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", object())
    monkeypatch.setattr(torchvision_shim, "_INSTALLED", [])
    assert torchvision_shim.install() is False


def test_an_absent_torchvision_needs_no_guard(monkeypatch):
    monkeypatch.setattr(torchvision_shim.importlib.util, "find_spec", lambda name: None)
    assert torchvision_shim._operators_load()
