"""Regions are kept with their image, and with a run as they were when it was made."""

import pytest

from cellapp.errors import InputError, StoreError
from cellapp.settings import AnalyseSettings
from cellapp.store import database, regions, runs
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegion, DrawnRegions

RING = ((2.0, 3.0), (20.0, 3.0), (20.0, 25.0), (2.0, 3.0))
TUMOUR = DrawnRegion("tumour", ((RING,),))
FOLD = DrawnRegion("fold", ((((5, 5), (9, 5), (9, 9), (5, 9), (5, 5)),),), keep=False)


def test_regions_are_drawn_named_redrawn_removed_and_brought_back(add):
    image = add()
    record = regions.add_region(image.id, TUMOUR, "Ada")
    assert (record.region, record.who) == (TUMOUR, "Ada")
    regions.change_region(record.id, name=" edge ", keep=False, who="Ben")
    regions.redraw_region(record.id, FOLD, "Cy")
    (changed,) = regions.list_regions(image.id)
    assert (changed.region.name, changed.region.keep, changed.who) == ("edge", False, "Cy")
    assert regions.regions_of(image.id).digest == DrawnRegions((FOLD,)).digest
    assert changed.changed > record.changed
    regions.remove_region(record.id)
    assert regions.regions_of(image.id) == NO_REGIONS
    regions.restore_region(record.id)
    database.dispose()  # another process opens the same database
    assert [one.id for one in regions.list_regions(image.id)] == [record.id]


def test_a_run_keeps_the_regions_of_its_start(add, project):
    image, other = add(1), add(2)
    regions.replace_regions(image.id, DrawnRegions((TUMOUR, FOLD)))
    run = runs.create_run(project.id, [image.id, other.id], AnalyseSettings())
    regions.replace_regions(image.id, DrawnRegions((FOLD,)), "Ada")
    assert regions.regions_of_run(run.id, image.id).digest == DrawnRegions((TUMOUR, FOLD)).digest
    assert [one.name for one in regions.regions_of_run(run.id, image.id).regions] == ["tumour", "fold"]
    assert regions.regions_of_run(run.id, other.id) == NO_REGIONS
    assert regions.regions_of(image.id).digest == DrawnRegions((FOLD,)).digest


def test_what_cannot_be_used_changes_nothing(add):
    image = add()
    record = regions.add_region(image.id, TUMOUR)
    outside = DrawnRegion("far", ((((900, 900), (990, 900), (990, 990), (900, 900)),),))
    for change in (
        lambda: regions.add_region(image.id, outside),
        lambda: regions.redraw_region(record.id, outside),
        lambda: regions.replace_regions(image.id, DrawnRegions((outside,))),
        lambda: regions.change_region(record.id, name=" "),
    ):
        with pytest.raises(InputError):
            change()
    assert regions.regions_of(image.id) == DrawnRegions((TUMOUR,))
    with pytest.raises(StoreError):
        regions.remove_region("nobody")
    with pytest.raises(StoreError):
        regions.add_region("nothing", TUMOUR)
