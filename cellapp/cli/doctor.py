"""Versions, device, folders, database and weights of this installation, and what is wrong with them."""

from __future__ import annotations

import platform
import shutil
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from cellapp import __version__
from cellapp.compute.devices import probe_device, probe_dtype
from cellapp.compute.torchvision_shim import install
from cellapp.config import app_settings
from cellapp.errors import CellappError, why_unread
from cellapp.models.registry import registry
from cellapp.models.status import status
from cellapp.store.database import check_database

_LIBRARIES = (
    "streamlit",
    "torch",
    "torchvision",
    "transformers",
    "cellpose",
    "grad-cam",
    "scikit-image",
    "tifffile",
    "pylibCZIrw",
    "nd2",
    "liffile",
)
_MIN_FREE_GB = 5


@dataclass
class Findings:
    """Facts by name, and one sentence per problem."""

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def examine() -> Findings:
    """Check versions, processor, folders, database and weights."""
    findings = Findings({"cellapp": __version__, "python": platform.python_version(), "machine": platform.platform()})
    for check in (_libraries, _processor, _folders, _database, _models):
        check(findings)
    return findings


def _libraries(findings: Findings) -> None:
    for name in _LIBRARIES:
        try:
            findings.facts[name] = version(name)
        except PackageNotFoundError:
            findings.problems.append(f"{name} is not installed: pip install -r requirements.txt")


def _processor(findings: Findings) -> None:
    try:
        if install():
            findings.facts["torchvision operators"] = (
                "registered by cellapp (CPU-only torch beside torchvision from PyPI)"
            )
        device = probe_device(app_settings().device)
        findings.facts["device"] = device
        findings.facts["number format"] = probe_dtype(device, app_settings().dtype)
    except CellappError as error:
        findings.problems.append(str(error))
    except ImportError as error:
        findings.problems.append(f"torch does not load: {error}")


def _folders(findings: Findings) -> None:
    home = app_settings().home
    findings.facts["data"] = str(home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        free_gb = shutil.disk_usage(home).free / 2**30
    except OSError as error:
        findings.problems.append(
            f"the data folder {home} cannot be used: {why_unread(error)}; set CELLAPP_HOME to another"
        )
        return
    findings.facts["free disk"] = f"{free_gb:.0f} GB"
    if free_gb < _MIN_FREE_GB:
        findings.problems.append(f"only {free_gb:.1f} GB are free under {home}; slides need more than {_MIN_FREE_GB}")


def _database(findings: Findings) -> None:
    try:
        findings.facts["database"] = check_database()
    except CellappError as error:
        findings.problems.append(str(error))


def _models(findings: Findings) -> None:
    states = {name: status(name) for name in registry()}
    present = [name for name, state in states.items() if state.present]
    settings = app_settings()
    findings.facts["weights come from"] = "nowhere (CELLAPP_OFFLINE)" if settings.offline else settings.hub_url
    findings.facts["weights present"] = ", ".join(present) or "none"
    to_fetch = [name for name, state in states.items() if state.state in ("missing", "gated")]
    findings.facts["weights to fetch"] = ", ".join(to_fetch) or "none"
    cannot_run = [f"{name} ({state.words})" for name, state in states.items() if state.state == "incompatible"]
    findings.facts["cannot run here"] = ", ".join(cannot_run) or "none"
