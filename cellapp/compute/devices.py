"""Choose the device and the number format networks run in; the faster format is measured once per machine."""

from __future__ import annotations

import json
import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cellapp.config import app_settings
from cellapp.errors import ModelError
from cellapp.files import atomic_write

if TYPE_CHECKING:
    import torch

_SIDE = 1024  # matrix product large enough to be bound by arithmetic, small enough for milliseconds
_REPEATS = 3
_GAIN = 1.3  # a lower precision must be clearly faster to be worth it
DTYPES = ("float32", "bfloat16")
DEVICES = ("cpu", "cuda", "mps")


def probe_device(preference: str = "auto") -> str:
    """Choose the device networks run on.

    Parameters
    ----------
    preference : str
        "auto" takes CUDA, then MPS, then the CPU; "cpu", "cuda" and "mps" insist.

    Returns
    -------
    str
        "cpu", "cuda" or "mps".

    Raises
    ------
    ModelError
        When the device asked for is not one of these or not here.
    """
    available = _available()
    if preference == "auto":
        return available[-1]
    if preference not in DEVICES:
        raise ModelError(f"no device {preference!r}; choose auto, {', '.join(DEVICES)}")
    if preference not in available:
        raise ModelError(
            f"device {preference!r} is not on this machine; it has {', '.join(available)}: set CELLAPP_DEVICE=auto"
        )
    return preference


def probe_dtype(device: str, preference: str = "auto") -> str:
    """Choose the number format networks compute in.

    Parameters
    ----------
    device : str
        What `probe_device` returned.
    preference : str
        "auto" measures a matrix product in both formats once per machine and stores the faster one in ``device.json``
        under ``CELLAPP_HOME``; "float32" and "bfloat16" insist.

    Returns
    -------
    str
        "float32" or "bfloat16". Never bfloat16 on MPS, whose operators do not all have it.

    Raises
    ------
    ModelError
        When the format is unknown.
    """
    if preference not in ("auto", *DTYPES):
        raise ModelError(f"no number format {preference!r}; choose auto, {' or '.join(DTYPES)}")
    if device == "mps":
        return "float32"
    return _fastest(device) if preference == "auto" else preference


def _available() -> list[str]:
    """Devices of this machine, the best last."""
    import torch

    return ["cpu"] + ["mps"] * torch.backends.mps.is_available() + ["cuda"] * torch.cuda.is_available()


def _fastest(device: str) -> str:
    import torch

    path = app_settings().home / "device.json"
    key = f"{device} | {_processor(device)} | torch {torch.__version__}"
    measured = _read(path)
    if measured.get(key) not in DTYPES:
        measured[key] = _measure(device)
        # Only a cache: where it cannot be written, the next start measures again.
        with suppress(OSError), atomic_write(path) as part:
            part.write_text(json.dumps(measured, indent=1, sort_keys=True), encoding="utf-8")
    return measured[key]


def _read(path: Path) -> dict[str, str]:
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # absent, unreadable or half written: only a cache, measured again
        return {}
    return measured if isinstance(measured, dict) else {}


def _measure(device: str) -> str:
    import torch

    slow, fast = _seconds(device, torch.float32), _seconds(device, torch.bfloat16)
    return "bfloat16" if fast * _GAIN < slow else "float32"


def _seconds(device: str, dtype: torch.dtype) -> float:
    """Best of a few matrix products, after one to warm up."""
    import torch

    matrix = torch.ones(_SIDE, _SIDE, device=device, dtype=dtype)
    best = float("inf")
    for repeat in range(_REPEATS + 1):
        start = time.perf_counter()
        (matrix @ matrix)[0, 0].item()  # reading one number waits for the device
        if repeat:
            best = min(best, time.perf_counter() - start)
    return best


def _processor(device: str) -> str:
    """Name the processor; a home folder on a network drive is shared by machines that differ."""
    import torch

    if device == "cuda":
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{name} ({torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores)"
