"""torchvision must import whichever torch wheel lies beside it."""

import subprocess
import sys

from cellapp import torch_guard

PROBE = """
from cellapp import torch_guard
first = torch_guard.install()
assert torch_guard.install() is first, "not idempotent"
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
    monkeypatch.setattr(torch_guard, "_ANSWER", [])
    assert torch_guard.install() is False


def test_an_absent_torchvision_needs_no_guard(monkeypatch):
    monkeypatch.setattr(torch_guard.importlib.util, "find_spec", lambda name: None)
    assert torch_guard._operators_load()
