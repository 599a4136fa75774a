"""A screen in one call: hits, cells that were lost, dose responses, and what takes no part."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.population.doses import Dose
from cellapp.population.layout import NEGATIVE, Placed
from cellapp.population.measures import ImageCounts, chosen_measure, well_table
from cellapp.population.plate_quality import edge_difference, plate_qualities
from cellapp.population.screen import ScreenSettings, screen
from cellapp.population.wells import parse_well
from tests.population.plates import draw_wells

FEW = ScreenSettings(draws=99)


def test_treatments_with_an_effect_are_hits_and_few_others_are():
    """Of all hits of 20 plates at most one in ten has no effect, where one in twenty is expected."""
    treatments = {(f"none {k}", np.nan): (0.0, 3) for k in range(20)}
    treatments |= {("turns back", 1.0): (-0.3, 3), ("worse", 1.0): (0.2, 3)}
    false = true = 0
    for seed in range(20):
        hits = screen(draw_wells(treatments, n_controls=16, seed=seed), "share of cancer", FEW).hits
        ways = dict(zip(hits["treatment"], hits["hit"], strict=True))
        assert (ways.pop("turns back"), ways.pop("worse")) == ("lower", "higher")
        false, true = false + len(ways), true + 2
    assert false <= 0.1 * (false + true)


def test_a_hit_is_as_large_as_is_asked_for():
    wells = draw_wells({("turns back", 1.0): (-0.3, 3), ("worse", 1.0): (0.2, 3)})
    hits = screen(wells, "share of cancer", ScreenSettings(least_effect=0.25)).hits
    assert hits["treatment"].tolist() == ["turns back"]


def test_a_treatment_that_kills_cells_is_told():
    wells = draw_wells({("poison", 1.0): (-0.3, 3), ("turns back", 1.0): (-0.3, 3)})
    wells.loc[wells["treatment"] == "poison", "n_cells"] = 20
    notes = screen(wells, "share of cancer", FEW).effects.set_index("treatment")["note"]
    assert notes["poison"] == "20% of the cells of the controls: may have killed cells"
    assert notes["turns back"] == ""


def test_a_treatment_that_kills_all_cells_stays_in_the_table():
    wells = draw_wells({("poison", 1.0): (-0.3, 2), ("turns back", 1.0): (-0.3, 2)})
    wells.loc[wells["treatment"] == "poison", ["n_cells", "value"]] = [3, np.nan]
    found = screen(wells, "share of cancer", FEW)
    poison, turned = found.effects.to_dict("records")
    assert (poison["n_wells"], poison["hit"], turned["n_wells"]) == (0, "", 2)
    assert poison["note"].startswith("no well with enough cells to measure; 3% of the cells of the controls")
    assert found.lost_cells["treatment"].tolist() == ["poison"]


def test_half_an_effect_is_claimed_with_its_interval_only_where_there_is_a_response():
    doses = np.array([0.01, 0.1, 1, 10, 100])
    treatments = {("drug", dose): (-0.4 / (1 + 1 / dose), 3) for dose in doses}
    found = screen(draw_wells({**treatments, **{("none", dose): (0.0, 3) for dose in doses}}), "share of cancer", FEW)
    said = found.doses.set_index("treatment")["sentence"]
    assert said["drug"].startswith("half the effect at ")
    assert "µM (" in said["drug"]
    assert said["none"].startswith("no response to the dose is shown")
    assert set(found.curves) == {("drug", "µM"), ("none", "µM")}


def test_wells_that_take_no_part_are_named_with_the_reason():
    wells = draw_wells({("drug", 1.0): (-0.3, 2)}, plates=("p1", "p2"))
    wells = wells[(wells["plate"] == "p1") | (wells["control"] == "")].reset_index(drop=True)
    wells.loc[0, "value"] = np.nan
    few, apart = screen(wells, "share of cancer", FEW).left_out
    assert few == "p1 A01: fewer than 20 cells to measure"
    assert apart.endswith(": no negative control with a value on plate p2")


def test_nothing_treated_is_a_result():
    found = screen(draw_wells({}), "share of cancer", FEW)
    assert found.effects.empty
    assert found.hits.empty
    assert found.doses.empty


def test_z_prime_is_that_of_its_definition():
    wells = draw_wells({("positive", 1.0): (-0.4, 8)})
    wells.loc[wells["treatment"] == "positive", "control"] = "positive"
    (plate,) = plate_qualities(wells)
    low, high = (wells.loc[wells["control"] == role, "value"] for role in ("positive", NEGATIVE))
    assert plate.z_prime == pytest.approx(1 - 3 * (low.std() + high.std()) / abs(low.mean() - high.mean()))
    assert np.isnan(plate_qualities(draw_wells({}))[0].z_prime)


def test_controls_at_the_edge_are_compared_with_those_inside():
    wells = draw_wells({}, n_controls=96, noise=0.01)
    wells["well"] = [f"{'ABCDEFGH'[k // 12]}{k % 12 + 1:02d}" for k in range(96)]
    outer = [name[0] in "AH" or name[1:] in ("01", "12") for name in wells["well"]]
    wells["value"] += np.where(outer, 0.1, 0)
    found = screen(wells, "share of cancer", FEW)
    assert found.edge[0] == pytest.approx(0.1, abs=0.01)
    assert found.edge[1] < 1e-6
    assert edge_difference(found.centred.iloc[:2]) is None


def counts(cancer, normal, values=None):
    return ImageCounts(cancer + normal, {"cancer": cancer, "normal": normal}, values)


def test_images_of_a_well_are_counted_together_and_others_apart():
    drug = Placed("drug", well=parse_well("A1"), dose=Dose(1, "µM"))
    images = {"a": counts(30, 10), "b": counts(10, 30), "c": counts(0, 0), "d": counts(5, 5)}
    placed = {"a": drug, "b": drug, "c": Placed("drug", image="c"), "d": Placed("drug", image="d")}
    table = well_table(images, placed, "cancer", 20).set_index(["well", "images"])
    assert table.loc[("A01", "a; b"), ["n_images", "n_cells", "value"]].tolist() == [2, 80, 0.5]
    assert np.isnan(table.loc[("", "c"), "value"])
    assert np.isnan(table.loc[("", "d"), "value"])  # 10 cells are too few
    assert well_table(images, placed, "cells", 20)["value"].tolist() == [0, 10, 80]


def test_a_column_is_measured_by_the_median_of_all_cells_of_a_well():
    well = Placed("drug", well=parse_well("A1"))
    images = {"a": counts(1, 1, np.array([1.0, np.nan])), "b": counts(1, 1, np.array([3.0, 10.0]))}
    assert well_table(images, {"a": well, "b": well}, "area_um2", 3)["value"].tolist() == [3]
    assert np.isnan(well_table(images, {"a": well, "b": well}, "area_um2", 4)["value"][0])


@pytest.mark.parametrize(
    ("wanted", "classes", "chosen"),
    [(None, ["cancer", "normal"], "cancer"), (None, [], "cells"), ("normal", ["cancer", "normal"], "normal")],
)
def test_the_measure_is_the_positive_class_where_nothing_is_said(wanted, classes, chosen):
    assert chosen_measure(wanted, classes, []) == chosen


def test_an_unknown_measure_names_what_there_is():
    with pytest.raises(InputError, match="no measure 'size': give cancer, cells, or a column of numbers: area_px"):
        chosen_measure("size", ["cancer"], ["area_px"])
