"""`models`: list, show and fetch the models of the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from cellapp.cli.checked import Commands
from cellapp.cli.output import JSON_OPTION, Progress, emit
from cellapp.errors import InputError

models = Commands(help="List, show and fetch models.")


@models.command("list")
def list_models(as_json: bool = JSON_OPTION) -> None:
    """Name, kind, size and state of every model."""
    from cellapp.models.registry import registry
    from cellapp.models.status import status

    rows = [(entry, status(name)) for name, entry in registry().items()]
    lines = [f"{entry.name:<45} {entry.kind:<10} {state.state:<12} {entry.purpose}" for entry, state in rows]
    result = {"models": [{"name": e.name, "kind": e.kind, "state": s.state, "licence": e.licence} for e, s in rows]}
    emit(result, as_json, lines)


@models.command()
def show(name: str, as_json: bool = JSON_OPTION) -> None:
    """Print all that is known of one model, with its card."""
    from dataclasses import asdict

    from cellapp.models.registry import entry
    from cellapp.models.status import card, status
    from cellapp.models.training_curves import read_curves

    model = entry(name)
    state, curves = status(name), read_curves(model.folder)
    facts = {key: value for key, value in asdict(model).items() if value not in (None, "", (), {})}
    lines = [f"{key}: {value}" for key, value in facts.items()] + [
        f"state: {state.state}, {state.words}",
        *([f"training: {curves.sentence}"] if curves else []),
        "",
        card(name),
    ]
    result = {"name": name, "state": state.state, "words": state.words}
    emit(result | ({"training": curves.sentence} if curves else {}), as_json, lines)


@models.command()
def fetch(
    names: list[str],
    sha256: Annotated[str, typer.Option(help="Digest that the file must have; of one model of one file.")] = "",
) -> None:
    """Download and verify models."""
    from cellapp.models.fetch import fetch_model

    if sha256 and len(names) > 1:
        raise InputError(f"--sha256 is of one file, and {len(names)} models were named: fetch them one by one")
    for name in names:
        progress = Progress()
        path = fetch_model(name, progress, sha256=sha256)
        progress.end()
        typer.echo(f"{name}: {path}")
