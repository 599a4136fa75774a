"""The command line: parse, call the core, print. Nothing is computed here.

Exit status 0 done, 1 failed, 2 unusable arguments or input. Progress and sentences go to stderr, results to stdout;
with ``--json`` the last line of stdout is one object.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from cellapp import __version__
from cellapp.cli import (
    analyse,
    average_segmenters,
    crops,
    crops_zip,
    demo,
    discover,
    edit,
    evaluation,
    explain,
    labels,
    lines,
    models,
    report,
    rescore,
    rle,
    score,
    screen,
    segment,
    services,
    train,
    train_segmenter,
)
from cellapp.cli.checked import Commands
from cellapp.errors import CellappError, InputError, disk_sentence

app = Commands(
    name="cellapp",
    help="From microscope images to counted, explained, downloadable cells. Research use only, not for diagnosis.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    demo.demo,
    analyse.analyse,
    segment.segment,
    crops.embed,
    train.train,
    evaluation.compare,
    evaluation.ensemble,
    evaluation.quantify,
    discover.discover,
    lines.growth,
    crops.predict,
    rescore.rescore,
    crops_zip.crops,
    screen.screen,
    edit.edit,
    report.report,
    train_segmenter.train_segmenter,
    average_segmenters.average_segmenters,
    train.pretrain,
    services.worker,
    services.serve,
    services.doctor,
):
    app.command()(command)
app.add_typer(score.score, name="score")
app.add_typer(rle.rle, name="rle")
app.add_typer(explain.explain, name="explain")
app.add_typer(labels.label, name="label")
app.add_typer(lines.lines, name="lines")
app.add_typer(models.models, name="models")


@app.callback(invoke_without_command=True)
def _root(context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version.")) -> None:
    if version:
        typer.echo(__version__)
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process when left out.

    Returns
    -------
    int
        Exit status.
    """
    try:
        status = app(args=None if argv is None else list(argv), prog_name="cellapp", standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except typer.Abort:
        return _fail("stopped", 1)
    except typer.TyperException as error:
        return _fail(" ".join(error.format_message().split()), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except CellappError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(disk_sentence(error), 1)
    return status if isinstance(status, int) else 0


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"cellapp: {sentence}\n")
    return status
