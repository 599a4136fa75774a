"""Findings say what the measurements say, in numbers that can be checked, and no more than their images allow."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from cellapp.explanation.compartments import AREA, COMPARTMENTS, CYTOPLASM, NUCLEUS, SHARE
from cellapp.explanation.findings import findings


def measured(n_images=8, per_image=20, *, truth=True, nuclei=True, seed=0):
    """Cells whose calls need the nucleus: without it all are called normal, and without actin nothing changes."""
    rng = np.random.default_rng(seed)
    n = n_images * per_image
    cancer = rng.random(n) < 0.5
    call = np.where(cancer, "cancer", "normal").astype(object)
    p = np.where(cancer, 0.9, 0.1) + rng.uniform(-0.05, 0.05, n)
    shares = dict.fromkeys((SHARE + name for name in COMPARTMENTS), np.full(n, 0.1))
    shares[SHARE + NUCLEUS] = np.where(cancer, 0.6, 0.3) + rng.uniform(-0.05, 0.05, n) if nuclei else np.full(n, np.nan)
    areas = {AREA + name: np.full(n, 1 / 6) for name in COMPARTMENTS}
    areas[AREA + NUCLEUS] = np.full(n, 0.2 if nuclei else np.nan)
    table = pd.DataFrame(
        {
            "stem": np.repeat([f"image{k}" for k in range(n_images)], per_image),
            "call": call,
            "p": p,
            **shares,
            **areas,
            "logit": np.where(cancer, 2.0, -2.0) + rng.normal(0, 0.5, n),
            "fibre_order_actin": np.where(cancer, 0.2, 0.8) + rng.uniform(-0.1, 0.1, n),
            "texture_entropy_actin": rng.normal(size=n),
            "nucleus_to_cell": np.full(n, np.nan),
            "effect_actin": rng.normal(0, 0.01, n),
            "p_without_channel_actin": p + 0.001,
            "call_without_channel_actin": call,
            "p_without_nucleus": np.full(n, 0.2),
            "call_without_nucleus": np.full(n, "normal", object),
            "truth": call if truth else "",
        },
        index=pd.RangeIndex(n, name="cell_id"),
    )
    return table


def said(found):
    return " ".join(sentence for group in found.sentences.values() for sentence in group)


def test_what_calls_need_and_what_they_do_not_is_told_with_its_numbers():
    table = measured()
    found = findings(table, "cancer")
    rows = found.tables["removals"].set_index("name")
    n_cancer = (table["call"] == "cancer").sum()
    nucleus, actin = rows.loc["nucleus"], rows.loc["channel_actin"]
    assert (nucleus["flips"], nucleus["lost"], nucleus["gained"]) == (n_cancer, n_cancer, 0)
    assert nucleus["p"] < 1e-6
    assert nucleus["p_images"] == pytest.approx(2 / 2**8)
    assert nucleus["accuracy_before"] == 1
    assert nucleus["accuracy_after"] == 0.5
    assert nucleus["change_low"] <= nucleus["change"] <= nucleus["change_high"] < 0
    assert (actin["flips"], actin["p"], actin["accuracy_after"]) == (0, 1, 1)
    text = said(found)
    assert f"{n_cancer} of 160 calls change, {n_cancer} from and 0 to cancer" in text
    assert "balanced accuracy on 160 cells of known class goes from 1.00 to 0.50" in text
    assert "AUC from 1.00 to 0.50" in text
    assert (nucleus["auc_before"], nucleus["auc_after"]) == (1, 0.5)
    assert actin["rho"] == pytest.approx(1)
    assert "Calls depend most on what is gone with the nucleus removed" in text
    assert "With the channel actin removed, fewer than one call in twenty changes." in text


def test_the_channel_and_place_in_which_classes_differ_are_named_together():
    table = measured()
    cancer = table["call"] == "cancer"
    columns = {f"share_{place}_actin": 0.1 for place in COMPARTMENTS}
    table = table.assign(**columns | {"share_cytoplasm_actin": np.where(cancer, 0.8, 0.5)})
    found = findings(table, "cancer")
    rows = found.tables["channel_places"].set_index("name")
    assert rows.loc["cytoplasm_actin", ["channel", "place", "delta"]].tolist() == ["actin", CYTOPLASM, 1]
    assert rows.loc["nucleus_actin", "delta"] == 0
    first, *others = found.sentences["channel_places"]
    mean = table["share_cytoplasm_actin"].mean()
    assert f"actin in the cytoplasm {mean * 100:.0f} %" in first
    assert any("the share of actin in the cytoplasm is larger: median 80 % against 50 %" in text for text in others)
    assert not len(findings(measured(), "cancer").tables["channel_places"]), "an earlier version did not measure it"


def test_a_place_that_few_cells_have_is_no_place_where_most_of_the_maps_lies():
    """Cells without a nucleus have one place inside, which holds most of their maps: of a few cells, not of all."""
    table = measured(nuclei=True)
    few = np.arange(len(table)) < 3
    table = table.assign(
        **{f"{start}cell": np.where(few, value, np.nan) for start, value in ((SHARE, 0.9), (AREA, 0.6))}
    )
    row = findings(table, "cancer").tables["places"].set_index("name").loc["cell"]
    assert row["mean"] == pytest.approx(0.9 * 3 / len(table))
    assert row["area"] == pytest.approx(0.6 * 3 / len(table))
    assert "lies in the nucleus" in findings(table, "cancer").sentences["places"][0]


def test_calls_are_scored_only_where_enough_cells_of_both_classes_are_known():
    table = measured()
    wrong = table.assign(truth=np.where(np.arange(len(table)) < 7, "stroma", ""))
    for few in (wrong, table.assign(truth=np.where(table["call"] == "cancer", "cancer", ""))):
        found = findings(few, "cancer")
        assert found.tables["removals"]["accuracy_before"].isna().all()
        assert "of known class" not in said(found)


def test_a_doubt_about_the_maps_is_the_first_note():
    assert findings(measured(), "cancer", "Maps fail.").notes[0] == "Maps fail."


def test_the_place_in_which_classes_differ_is_named_and_the_others_are_not():
    found = findings(measured(), "cancer")
    places = found.tables["places"].set_index("name")
    assert places.loc[NUCLEUS, "delta"] == 1
    assert places.loc[NUCLEUS, "p_holm"] < 0.05
    assert places.loc[CYTOPLASM, "delta"] == 0
    told = " ".join(found.sentences["places"])
    assert re.search(
        r"In cells called cancer, the share of the map in the nucleus is larger: median 60 % against 3[01] %", told
    )
    assert "in the cytoplasm is" not in told


def test_the_order_of_cells_changes_nothing():
    table = measured()
    assert findings(table.sample(frac=1, random_state=3), "cancer").as_json() == findings(table, "cancer").as_json()


def test_few_images_are_said_to_be_few_and_nobody_knows_accuracy_without_truth():
    found = findings(measured(2, truth=False, nuclei=False), "cancer")
    assert any("cells of 2 images" in note for note in found.notes)
    assert any("nucleus and cytoplasm are not told apart" in note for note in found.notes)
    assert set(found.tables["places"]["over"]) == {"cells"}
    assert "of known class" not in said(found)
    assert found.tables["removals"]["p_images"].isna().all()
    assert not findings(measured(), "cancer").notes


def test_calls_of_one_class_alone_have_no_difference_and_still_removals():
    table = measured().query("call == 'cancer'")
    found = findings(table, "cancer")
    assert found.tables["places"]["delta"].isna().all()
    assert len(found.sentences["places"]) == 1, "where the maps lie, and nothing of a difference"
    assert len(found.tables["removals"]) == 2
    assert any("All cells are called cancer" in note for note in found.notes)


@pytest.mark.parametrize("table", [measured().iloc[:0], measured().drop(columns="p"), pd.DataFrame()])
def test_nothing_measured_is_said_and_no_error(table):
    found = findings(table.rename_axis("cell_id"), "cancer")
    assert not found.tables
    assert len(found.notes) == 1


def test_as_json_has_no_missing_number():
    text = json.dumps(findings(measured(3, truth=False), "cancer").as_json(), allow_nan=False)
    assert json.loads(text)["n_cells"] == 60


def test_descriptors_that_differ_that_go_with_the_logit_and_that_tell_classes_apart_are_told():
    found = findings(measured(), "cancer")
    table = found.tables["descriptors"].set_index("name")
    order, entropy = table.loc["fibre_order_actin"], table.loc["texture_entropy_actin"]
    assert order["delta"] == -1
    assert order["rho_high"] < -0.5
    assert entropy["p_holm"] > 0.05
    assert "nucleus_to_cell" not in table.index, "what no cell has is left out"
    text = said(found)
    assert re.search(r"order of fibre directions \(actin\) is smaller: median 0\.[12]\d against 0\.[78]\d", text)
    assert "The logit of cancer goes with order of fibre directions (actin)" in text
    apart = found.tables["separation"].set_index("of")
    assert apart.loc["calls", "balanced_accuracy"] == 1
    assert apart.loc["calls", "over"] == "images"
    assert apart.loc["given classes", "head_balanced_accuracy"] == 1
    assert "the head has 1.00" in text
    assert findings(measured(truth=False), "cancer").tables["separation"]["of"].tolist() == ["calls"]


@pytest.mark.parametrize(("n", "told"), [(3, False), (9, False), (10, True)])
def test_descriptors_go_with_the_logit_only_where_cells_are_enough(n, told):
    table = measured().query("call == 'cancer'").head(n)
    found = findings(table.assign(logit=table["fibre_order_actin"]), "cancer")
    assert ("The logit of cancer goes with" in said(found)) == told
    assert "over nan" not in said(found)
    assert "beyond chance" not in said(found)


def test_descriptors_that_tell_nothing_are_said_to_tell_nothing():
    rng = np.random.default_rng(4)
    table = measured().assign(fibre_order_actin=rng.normal(size=160))
    found = findings(table, "cancer")
    text = said(found)
    assert "No descriptor of cytoskeleton or nucleus differs between calls beyond chance in 2 tests at once" in text
    assert 0.3 < found.tables["separation"]["balanced_accuracy"].iloc[0] < 0.7


def test_a_head_that_is_out_of_its_depth_alike_for_all_cells_is_told_from_one_that_lost_what_it_needs():
    table = measured()
    shifted = table.assign(p_without_nucleus=table["p"] * 0.05)
    found = findings(shifted, "cancer")
    assert found.tables["removals"].set_index("name").loc["nucleus", "auc_after"] == 1
    assert "With the nucleus removed, calls change because all cells shift alike" in said(found)
    mixed = table.assign(p_without_nucleus=np.random.default_rng(0).uniform(0, 0.4, len(table)))
    assert "With the nucleus removed, the order of cells is lost" in said(findings(mixed, "cancer"))


def test_a_difference_that_few_images_cannot_prove_is_told_by_its_interval():
    """Of six images no p is below 0.03, so that Holm leaves nothing of several tests at once."""
    found = findings(measured(6), "cancer")
    told = " ".join(found.sentences["places"])
    assert "differs between calls beyond chance in 6 tests at once, after Holm" in told
    assert "By its interval alone: In cells called cancer, the share of the map in the nucleus is larger" in told
    assert "p = 0.031 before Holm" in told
