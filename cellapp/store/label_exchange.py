"""Labels of a run or a project as lines of a table, and lines of a table as labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cellapp.errors import StoreError
from cellapp.files import clean_text
from cellapp.labelling.analysed_cells import AnalysedCells
from cellapp.labelling.label_table import ImportReport, TableLabel, contradictions, not_found, place
from cellapp.labelling.sources import ColumnRule, LabelSource, rule_of
from cellapp.store.images import list_images
from cellapp.store.label_rows import LabelRecord, NewLabel, cells_on_disk
from cellapp.store.label_rules import add_rule, list_rules
from cellapp.store.labels import add_labels, list_labels
from cellapp.store.projects import get_project
from cellapp.store.records import RunRecord, Status
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import get_run, list_runs


@dataclass(frozen=True)
class Exchange:
    """Where labels are exported from or imported to."""

    project_id: str
    run: RunRecord | None  # None: the project, with each label on the cells it was given on


def exchange_of(target: str) -> Exchange | None:
    """Return the run or the project of an id, None where it is neither."""
    try:
        run = get_run(target)
        return Exchange(run.project_id, run)
    except StoreError:
        pass
    try:
        return Exchange(get_project(target).id, None)
    except StoreError:
        return None


def export_labels(target: Exchange) -> list[TableLabel]:
    """Return the last word of each person on each cell, and the rules of the project.

    Of a run, cells are those of the run; labels that found none keep their position and name no cell.
    """
    names = _names(target)
    if target.run is None:
        lines = [_line(record, names) for record in list_labels(target.project_id) if record.image_id in names]
    else:
        lines = _lines_of_run(target.run, names)
    return lines + [_rule_line(rule) for rule in list_rules(target.project_id)]


def import_labels(target: Exchange, lines: Sequence[TableLabel]) -> tuple[ImportReport, tuple[LabelRecord, ...]]:
    """Add the labels of a table; what is there already, by the same person, is not added again.

    Parameters
    ----------
    target : Exchange
        Cells are those of the run; of a project, those of the newest run of each image.
    lines : sequence of TableLabel

    Returns
    -------
    report : ImportReport
    added : tuple of LabelRecord
        Whose runs have files that do not show them yet.

    Raises
    ------
    InputError
        A class differs from one of the project in spelling alone; then nothing is added.
    """
    rules = [line for line in lines if rule_of(line.source) and not line.image]
    found = _Finder(target)
    new, left_out, notes, told, n_known = [], [], [], [], 0
    for line in (line for line in lines if line not in rules):
        label, sentence = found.label(line)
        if label is None:
            left_out.append(sentence)
            continue
        told.append(((label.image_id, label.cell_id, label.y_px, label.x_px), line))
        if found.is_known(label):
            n_known += 1
        else:
            new.append(label)
            notes += [sentence] if sentence else []
    notes = [*contradictions(told), *notes]
    added = add_labels(target.project_id, new) if new else ()
    n_rules = sum(_add_rule(target.project_id, line) for line in rules)
    n_known += len(rules) - n_rules
    return ImportReport(len(added) + n_rules, n_known, tuple(left_out), tuple(notes)), added


class _Finder:
    """Finds the image and the cell of each line; files of a run are read once."""

    def __init__(self, target: Exchange) -> None:
        runs = [target.run] if target.run else list_runs(target.project_id)
        self._run_of: dict[str, str] = {}
        for run in runs:  # newest first
            for image in run.images:
                if image.status is Status.DONE:
                    self._run_of.setdefault(image.image_id, run.id)
        self._ids: dict[str, list[str]] = {}
        for image_id, name in _spellings(target):
            if image_id not in self._ids.setdefault(name, []):
                self._ids[name].append(image_id)
        self._only = list(_names(target))
        self._known: set[tuple] | None = None
        self._said: dict[tuple, str] = {}  # above in the table: the class by person and cell or position
        self._on_disk: dict[str, AnalysedCells | None] = {}
        self._positions = {
            (record.who, record.image_id, record.y_px, record.x_px, record.class_name)
            for record in list_labels(target.project_id)
            if record.cell_id is None
        }

    def label(self, line: TableLabel) -> tuple[NewLabel | None, str]:
        """Return the label of a line, or None; and a sentence where it has no cell."""
        image_ids = self._ids.get(line.image, []) if line.image else self._only
        if len(image_ids) != 1:
            return None, f"{line.where}{_which(line.image, len(image_ids))}"
        image_id = image_ids[0]
        label = NewLabel(image_id, line.class_name, who=line.who, source=LabelSource(line.source), created=line.when)
        run_id, cells = self._run_of.get(image_id), self._cells(image_id)
        cell_id = place(line, cells) if cells else None
        if cell_id is not None:
            return replace(label, run_id=run_id, cell_id=cell_id), ""
        sentence = not_found(line, line.image or image_id)
        if line.y is None or line.x is None:
            return None, sentence
        return replace(label, y_px=line.y, x_px=line.x), f"{sentence}: kept for another segmentation"

    def _cells(self, image_id: str) -> AnalysedCells | None:
        if image_id not in self._on_disk:
            run_id = self._run_of.get(image_id)
            self._on_disk[image_id] = cells_on_disk(run_id, image_id) if run_id else None
        return self._on_disk[image_id]

    def is_known(self, label: NewLabel) -> bool:
        """Whether the same person gave the same class to the same cell, or the same position, before or just now."""
        place_of = (label.who, label.image_id, label.cell_id, label.y_px, label.x_px)
        if self._said.get(place_of) == label.class_name:
            return True
        self._said[place_of] = label.class_name
        if label.cell_id is None:
            return (label.who, label.image_id, label.y_px, label.x_px, label.class_name) in self._positions
        if self._known is None:
            tables = [labels_of_run(run_id).words for run_id in dict.fromkeys(self._run_of.values())]
            names = ["image_id", "cell_id", "who", "class_name"]
            self._known = {row for table in tables for row in table[names].itertuples(index=False, name=None)}
        return (label.image_id, label.cell_id, label.who, label.class_name) in self._known


def _which(image: str, n: int) -> str:
    if not image:
        return "no image is named, and there is more than one; fill in the column image"
    return f"{n} images are called {image!r}; rename one" if n else f"no image {image!r} here"


def _names(target: Exchange) -> dict[str, str]:
    """Return the images by id with the name a table has for each: its own or, where two share it, the id."""
    if target.run:
        names = {image.image_id: clean_text(image.name) for image in target.run.images}
    else:
        names = {image.id: clean_text(image.name) for image in list_images(target.project_id)}
    n_alike = Counter(names.values())
    return {image_id: name if n_alike[name] == 1 else image_id for image_id, name in names.items()}


def _spellings(target: Exchange) -> Iterable[tuple[str, str]]:
    """Yield what a table may call each image: its name, its id, and the name of its folder in the run."""
    images = target.run.images if target.run else ()
    for image in images:
        yield from ((image.image_id, name) for name in (clean_text(image.name), image.stem, image.image_id))
    for image in () if target.run else list_images(target.project_id):
        yield from ((image.id, name) for name in (clean_text(image.name), image.id))


def _line(record: LabelRecord, names: dict[str, str]) -> TableLabel:
    return TableLabel(
        image=names[record.image_id],
        class_name=record.class_name,
        cell_id=record.cell_id,
        y=record.y_px,
        x=record.x_px,
        who=record.who,
        when=record.created,
        source=record.source,
    )


def _lines_of_run(run: RunRecord, names: dict[str, str]) -> list[TableLabel]:
    found = labels_of_run(run.id)
    by_id = {record.id: record for record in list_labels(run.project_id, list(names))}
    lines, on_disk = [], {image_id: cells_on_disk(run.id, image_id) for image_id in set(found.words["image_id"])}
    for image_id, cell_id, label_id in found.words[["image_id", "cell_id", "label_id"]].itertuples(index=False):
        if label_id:  # rules are lines of their own
            cells, line = on_disk[image_id], _line(by_id[label_id], names)
            y, x = cells.outline(cell_id).point if cells else (line.y, line.x)
            lines.append(replace(line, cell_id=int(cell_id), y=y, x=x))
    return lines + [replace(_line(record, names), cell_id=None) for record in found.lost]


def _rule_line(rule: ColumnRule) -> TableLabel:
    return TableLabel("", rule.class_name, who=rule.who, when=rule.created, source=rule.text)


def _add_rule(project_id: str, line: TableLabel) -> bool:
    column, value = rule_of(line.source) or ("", "")
    known = {(rule.column, rule.value, rule.class_name) for rule in list_rules(project_id)}
    if (column, value, line.class_name) in known:
        return False
    add_rule(project_id, column, value, line.class_name, who=line.who)
    return True
