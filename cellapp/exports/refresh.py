"""Files about a whole run, written again where they no longer say what is in its folder."""

from __future__ import annotations

import re
from contextlib import suppress
from html import unescape
from pathlib import Path

from cellapp.errors import InputError
from cellapp.exports.apply_labels import summary_rows
from cellapp.exports.report.page import write_report
from cellapp.exports.tables import write_summary

_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def refresh_run_files(folder: Path) -> None:
    """Write summary.csv and report.html again where they do not say whether the classes are an answer.

    Parameters
    ----------
    folder : Path
        Of the run. Nothing is done without a summary.csv, or with one of this version; files of single images stay.
    """
    summary = folder / "summary.csv"
    if not summary.is_file() or _says_answer(summary):
        return
    with suppress(InputError):  # an image's folder is damaged: what is there stays as it is
        write_summary(summary_rows(folder), folder)
        rewrite_report(folder)


def rewrite_report(folder: Path) -> None:
    """Write report.html of a run again under its title, from the files that are there now; nothing where there is none.

    Raises
    ------
    InputError
        When the folder of an image is damaged.
    """
    report = folder / "report.html"
    if report.is_file():
        title = _TITLE.search(report.read_text(encoding="utf-8"))
        write_report(folder, title=unescape(title[1]) if title else folder.name)


def _says_answer(summary: Path) -> bool:
    with summary.open(encoding="utf-8") as file:
        return "answer" in file.readline().strip().split(",")
