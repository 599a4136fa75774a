"""Labels of the folder that `analyse` wrote: `manual_label` of its cell tables, without any database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cellapp.exports.apply_labels import apply_labels
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.files import clean_text
from cellapp.labelling.analysed_cells import AnalysedCells, analysed_cells
from cellapp.labelling.label_table import ImportReport, TableLabel, contradictions, not_found, place
from cellapp.labelling.sources import LabelSource, rule_of
from cellapp.types.image import Slide

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def image_folders(out: Path) -> list[Path]:
    """Return the folders of the analysed images below `out`, or `out` itself where it is one.

    Raises
    ------
    InputError
        There is none.
    """
    return [out] if (out / "run.json").is_file() else require_analysed(out)


def folder_labels(out: Path) -> list[TableLabel]:
    """Return the classes given by hand in a folder, one line per cell, images by the name of their folder."""
    return [line for folder in image_folders(out) for line in _lines(folder.name, analysed_cells(folder))]


def unlabelled_line(image: str, cells: AnalysedCells, cell_id: int) -> TableLabel:
    """Return a line for a cell whose class is still to be filled in."""
    y, x = cells.outline(cell_id).point
    return TableLabel(image, "", cell_id, y, x, source=LabelSource.HAND)


def placed_labels(
    labels: Sequence[TableLabel], folders: Sequence[Path]
) -> tuple[dict[tuple[Path, int], list[TableLabel]], list[str]]:
    """Find the cells that lines of a table are about.

    Parameters
    ----------
    labels : sequence of TableLabel
    folders : sequence of Path
        Of analysed images; a line names one by its folder or, where no two share it, by its image.

    Returns
    -------
    words : dict
        The lines about each cell, by folder and cell id, the latest last.
    left_out : list of str
        A sentence for each line without a cell.
    """
    named, words, left_out = _by_name(folders), {}, []
    in_time = sorted(labels, key=lambda label: label.when or _LONG_AGO)
    for label in in_time:
        folder = named.get(label.image) if label.image or len(folders) > 1 else folders[0]
        if rule_of(label.source) and not label.image:
            left_out.append(f"{label.where}a rule about a column needs the images of a project; this is a folder")
        elif folder is None:
            left_out.append(
                f"{label.where}no image {label.image!r}; there are {', '.join(f.name for f in folders[:5])}"
            )
        elif (cell_id := place(label, analysed_cells(folder))) is None:
            left_out.append(not_found(label, folder.name))
        else:
            words.setdefault((folder, cell_id), []).append(label)
    return words, left_out


def import_to_folder(labels: Sequence[TableLabel], out: Path, slides: Iterable[Slide] = ()) -> ImportReport:
    """Write the labels of a table into a folder; a cell that several lines name gets the class of the latest.

    Parameters
    ----------
    labels : sequence of TableLabel
    out : Path
        See `image_folders`.
    slides : iterable of Slide
        Images of the folder, in any order; of those that are not given the pictures keep the classes as they were.

    Returns
    -------
    ImportReport
        `left_out` names the lines without an image or a cell in the folder.

    Raises
    ------
    InputError
        `out` is no folder of an analysis.
    """
    folders = image_folders(out)
    words, left_out = placed_labels(labels, folders)
    by_digest = {slide.digest: slide for slide in slides}
    n_added = n_known = 0
    notes = [*contradictions((cell, line) for cell, lines in words.items() for line in lines), *_disputed(words)]
    for folder in folders:
        given = {cell_id: lines[-1].class_name for (where, cell_id), lines in words.items() if where == folder}
        before = analysed_cells(folder).table["manual_label"]
        new = {cell_id: name for cell_id, name in given.items() if before[cell_id] != name}
        n_added, n_known = n_added + len(new), n_known + len(given) - len(new)
        if new:
            slide = by_digest.get(read_run(folder / "run.json")["image"]["sha256"])
            apply_labels(folder, slide, new)
            if slide is None:
                notes.append(f"{folder.name}: overlay.png and crops.zip show the classes as before; give the image too")
    return ImportReport(n_added, n_known, tuple(left_out), tuple(notes))


def _by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """Return folders by their own name, and by that of their image where no two share it."""
    named: dict[str, Path] = {}
    images = [clean_text(read_run(folder / "run.json")["image"]["name"]) for folder in folders]
    for folder, image in zip(folders, images, strict=True):
        if images.count(image) == 1:
            named[image] = folder
    return named | {folder.name: folder for folder in folders}


def _disputed(words: Mapping[tuple[Path, int], Sequence[TableLabel]]) -> list[str]:
    last = [{line.who: line.class_name for line in lines} for lines in words.values()]
    n = sum(len(set(by_person.values())) > 1 for by_person in last)
    kept = "a folder keeps the latest word only: import into a project to keep them all"
    return [f"people disagree about {n:,} cell{'s' * (n != 1)}; {kept}"] if n else []


def _lines(image: str, cells: AnalysedCells) -> list[TableLabel]:
    by_hand = cells.table["manual_label"]
    return [
        TableLabel(image, str(name), int(cell_id), *cells.outline(int(cell_id)).point, source=LabelSource.HAND)
        for cell_id, name in by_hand[by_hand != ""].items()
    ]
