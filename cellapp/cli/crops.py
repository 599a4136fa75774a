"""`embed` and `predict`: folders of single-cell pictures."""

from __future__ import annotations

from pathlib import Path

import typer

from cellapp.cli.options import ErrorRate, Unsure
from cellapp.cli.output import JSON_OPTION, emit, note
from cellapp.settings import DEFAULT_ENCODER

_CROPS = typer.Argument(..., metavar="CROPS_DIR", help="Folder of single-cell pictures.")


def embed(
    crops: Path = _CROPS,
    out: Path = typer.Option(..., "--out", help="File to write, .npz.", dir_okay=False),
    encoder: str = typer.Option(
        DEFAULT_ENCODER, help="Name in `models list`, or a folder in Hugging Face or timm format."
    ),
    channels_as: str = typer.Option(
        "roles", help="roles: three planes; each: every channel by itself, vectors joined."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write one vector per picture: arrays cls, mean_patch, features (both), file, encoder.

    A picture that cannot be read is left out and named.
    """
    from cellapp.encoders.crop_folder import embed_folder, left_out, list_crops
    from cellapp.exports.embeddings import write_embeddings
    from cellapp.models.load import load_model
    from cellapp.settings import FeatureSettings, PreprocessSettings
    from cellapp.settings_io import validated

    paths, unreadable = list_crops(crops), {}
    reading = load_model(encoder, kind="encoder").reading(validated(FeatureSettings, {"channels_as": channels_as}))
    embeddings = embed_folder(paths, reading, PreprocessSettings(), unreadable)
    files = [paths[row].relative_to(crops).as_posix() for row in embeddings.cell_ids]
    write_embeddings(embeddings, out, files=files)
    n, dim = embeddings.cls.shape
    result = {"out": str(out), "n": n, "dim": dim, "encoder": embeddings.encoder}
    result |= _note_left_out(left_out(unreadable, crops))
    emit(result, as_json, [f"{n:,} pictures, {dim} numbers each, by {embeddings.encoder}"])


def predict(
    crops: Path = _CROPS,
    head: str = typer.Option(..., "--head", help="Name in `models list`, or the folder of a trained head."),
    out: Path = typer.Option(..., "--out", help="File to write, .csv.", dir_okay=False),
    unsure: Unsure = None,
    error_rate: ErrorRate = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write one row per picture: file, label, p_<class>, unsure, unlike_training.

    Heads that were validated by this version add set: the classes possible at the error rate, joined by |.
    A picture that cannot be read is left out and named.
    """
    from cellapp.cells.answer import judge
    from cellapp.exports.tables import write_csv
    from cellapp.models.demonstration import demonstration_of_head
    from cellapp.models.load import load_model
    from cellapp.pipeline.predict_crops import predict_crops
    from cellapp.settings import ClassifySettings
    from cellapp.settings_io import validated

    model = load_model(head, kind="head")
    chosen = {name: value for name, value in (("unsure", unsure), ("error_rate", error_rate)) if value is not None}
    table = predict_crops(crops, model, validated(ClassifySettings, chosen))
    write_csv(table, out)
    counts = table["label"].value_counts().to_dict()
    answer = judge(table.assign(qc_pass=True), demonstration_of_head(model))
    result = {"out": str(out), "n": len(table), "counts": counts, "head": model.identity}
    result |= {"answer": answer.fitness.value, "answer_reason": answer.reason}
    lines = [] if answer.mostly_unlike else [f"{n:,} {c}" for c, n in counts.items()]
    if answer.unfit:
        n_pictures = f"{len(table):,} picture{'s' * (len(table) != 1)}"
        lines = [f"{n_pictures}. {answer.verdict}: {answer.reason}", *lines]
    emit(result | _note_left_out(table.attrs["left_out"]), as_json, lines)


def _note_left_out(left_out: list[str]) -> dict[str, list[str]]:
    """Name pictures that could not be read on stderr, and return them for the JSON object."""
    for why in left_out:
        note(f"cellapp: left out: {why}")
    return {"left_out": left_out}
