"""Names in the list of images: of a file with many images the end tells them apart."""

from dataclasses import replace
from datetime import UTC, datetime

from cellapp.store.records import ImageRecord
from cellapp.types.image import ImageInfo, Selection
from cellapp.ui.layout.frame import _short_name

ONE = ImageInfo("2026-11-20 A375 paclitaxel.lif", "lif", (1, 8, 9), "uint8", ("C1",), None, ((8, 9),), 72)
MANY = replace(ONE, selection=Selection(1, 2), scene="well B1", time="01d00h00m", n_scenes=2, n_times=3)


def named(info, name=None):
    return ImageRecord("1", "p", name or info.title, "0" * 64, info, ("C1",), (), None, datetime.now(UTC))


def test_only_the_shared_beginning_is_shortened():
    assert _short_name(named(MANY)) == "2026-11-20 A375… · well B1 · 01d00h00m"
    assert _short_name(named(replace(MANY, name="plate.lif"))) == "plate.lif · well B1 · 01d00h00m"


def test_names_of_single_images_and_those_that_were_typed_stay():
    assert _short_name(named(ONE)) == ONE.name
    assert _short_name(named(MANY, "control of the second day")) == "control of the second day"
