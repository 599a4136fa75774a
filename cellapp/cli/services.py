"""`worker`, `serve` and `doctor`: the processes of the program, and a check of the installation."""

from __future__ import annotations

import sys

import typer

from cellapp.cli.output import JSON_OPTION, emit


def worker(
    once: bool = typer.Option(False, "--once", help="Work off what is queued, then stop."),
    idle_s: float = typer.Option(
        None, min=0, max=1e9, help="Stop after so many seconds without work; never when left out."
    ),
    server: int = typer.Option(
        None, help="Without work, stop when the process of this number ends, the program changes or memory is short."
    ),
) -> None:
    """Run queued jobs until stopped. The app starts one by itself."""
    import os

    from cellapp.jobs.supervisor import supervise

    os.umask(0o077)  # images, results and database are for the owner of this process alone
    supervise(once=once, idle_s=idle_s, server=server)


def serve(
    port: int = typer.Option(8501, min=1, max=65535, help="Port to listen on."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on; 0.0.0.0, with --insecure, for other machines."),
    insecure: bool = typer.Option(False, "--insecure", help="Let other machines in: they see everything."),
    headless: bool = typer.Option(False, "--headless", help="Do not open a browser."),
) -> int:
    """Serve the pages and the API (under /api) in one process."""
    import socket
    import subprocess

    from cellapp.auth.hosts import is_loopback
    from cellapp.config import REPOSITORY, app_settings
    from cellapp.errors import InputError

    if not (insecure or is_loopback(host)):
        raise InputError(
            f"--host {host} lets other machines in, and there is no sign-in yet: whoever reaches the port sees and "
            "changes everything; add --insecure if that is meant, or leave --host out"
        )
    app_settings()  # what cannot be is said here, not by every page
    command = _streamlit_command(host, port, headless)
    name = socket.gethostname() if host == "0.0.0.0" else host  # noqa: S104, compared and not bound
    typer.echo(f"cellapp: http://{name}:{port} (Ctrl+C ends it)")
    try:
        return subprocess.run(command, cwd=REPOSITORY, check=False).returncode
    except KeyboardInterrupt:
        return 0


def _streamlit_command(host: str, port: int, headless: bool) -> list[str]:
    from cellapp.config import REPOSITORY

    command = [sys.executable, "-m", "streamlit", "run", str(REPOSITORY / "app.py")]
    command += ["--server.port", str(port), "--server.address", host, "--server.headless", str(headless).lower()]
    # Streamlit's own greeting goes with offers to developers, in the terminal and in the pages.
    return [*command, "--logger.hideWelcomeMessage", "true"]


def doctor(as_json: bool = JSON_OPTION) -> int:
    """Print versions, device, weights, where data live, and what is wrong in words."""
    from cellapp.cli.doctor import examine

    findings = examine()
    width = max(map(len, findings.facts)) + 2
    lines = [f"{name + ':':<{width}}{value}" for name, value in findings.facts.items()]
    lines += [f"problem: {sentence}" for sentence in findings.problems] or ["Nothing is wrong."]
    emit({"facts": findings.facts, "problems": findings.problems}, as_json, lines)
    return 1 if findings.problems else 0
