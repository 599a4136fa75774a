"""The memory of a project of which images its heads were scored on: who looks often, and chooses, is flattered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import select

from cellapp.evaluation.group_words import group_word
from cellapp.store.database import reading, writing
from cellapp.store.evaluation_schema import HeadEvaluation
from cellapp.store.projects import project_row


@dataclass(frozen=True)
class HeldOutImage:
    """An image whose cells a head was scored on."""

    run: str  # id of the run whose cells these are
    image: str  # id
    group: str  # what it was held out with


@dataclass(frozen=True)
class Looks:
    """How often the images a head was scored on had been looked at before."""

    n: int  # earlier heads with other weights and the same classes that held out any of these images
    sentence: str  # empty for the first look


def add_evaluation(
    project_id: str, weights: str, classes: Sequence[str], grouped_by: str, images: Mapping[str, HeldOutImage]
) -> None:
    """Write down that a head was scored; the same weights on the same images are written down once.

    Parameters
    ----------
    project_id : str
    weights : str
        Version of the head.
    classes : sequence of str
        Class names, in any order.
    grouped_by : str
        "image" or a column of the image table.
    images : mapping of name to HeldOutImage
    """
    kept = {name: asdict(image) for name, image in images.items()}
    own = (HeadEvaluation.project_id == project_id, HeadEvaluation.weights == weights)
    with writing() as session:
        project_row(session, project_id)
        known = [(row.classes, row.images) for row in session.scalars(select(HeadEvaluation).where(*own))]
        if (sorted(classes), kept) not in known:
            facts = {"classes": sorted(classes), "grouped_by": grouped_by, "images": kept}
            session.add(HeadEvaluation(project_id=project_id, weights=weights, **facts))


def looks_before(project_id: str, weights: str) -> Looks:
    """Return how often the images of a head had been looked at when it was scored on them.

    Parameters
    ----------
    project_id : str
    weights : str
        Version of the head; of one that was scored twice the last time counts.
    """
    query = select(HeadEvaluation).where(HeadEvaluation.project_id == project_id).order_by(HeadEvaluation.id)
    with reading() as session:
        rows = session.scalars(query).all()
    own = next((row for row in reversed(rows) if row.weights == weights), None)
    if own is None:
        return Looks(0, "")
    mine = _image_ids(own)
    earlier = {
        row.weights
        for row in rows
        if row.id < own.id and row.weights != weights and row.classes == own.classes and mine & _image_ids(row)
    }
    return Looks(len(earlier), _sentence(len(earlier), own.grouped_by))


def held_out_images(project_id: str, weights: str) -> dict[str, HeldOutImage]:
    """Return the images that a head was scored on the last time, by the names its training gave them; {} if unknown.

    Parameters
    ----------
    project_id : str
    weights : str
        Version of the head.
    """
    own = (HeadEvaluation.project_id == project_id, HeadEvaluation.weights == weights)
    query = select(HeadEvaluation).where(*own).order_by(HeadEvaluation.id.desc()).limit(1)
    with reading() as session:
        row = session.scalar(query)
        return {name: HeldOutImage(**image) for name, image in row.images.items()} if row else {}


def _image_ids(row: HeadEvaluation) -> set[str]:
    return {image["image"] for image in row.images.values()}


def _sentence(n: int, grouped_by: str) -> str:
    if not n:
        return ""
    heads = "1 earlier head" if n == 1 else f"{n:,} earlier heads"
    return (
        f"These {group_word(grouped_by, 2)} have been scored by {heads}: the score is optimistic where those scores "
        "decided how this one was made; keep some that no head has seen for the last word."
    )
