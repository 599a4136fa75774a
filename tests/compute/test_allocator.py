"""Memory that was freed is used again without asking the system for it, also where Dask set the allocator otherwise."""

import os
import subprocess
import sys

import pytest

from cellapp.compute.allocator import keep_freed_memory

FAULTS = """
import resource, sys
import torch
from cellapp.compute.allocator import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(4_000_000)  # 16 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    assert keep_freed_memory()
faults()
print(faults())
"""


def page_faults(what: str) -> int:
    """Return how many pages a process, set as Dask's workers are, asks for to make the same tensor ten times."""
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "65536", "OMP_NUM_THREADS": "1"}
    child = [sys.executable, "-c", FAULTS, what]
    return int(subprocess.run(child, env=environment, capture_output=True, text=True, check=True).stdout)


def test_freed_memory_is_used_again() -> None:
    if not keep_freed_memory():
        pytest.skip("the C library of this system is not the GNU one")
    assert page_faults("keep") < 0.1 * page_faults("leave")


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not keep_freed_memory()
