"""What differs between runs, setting by setting and image by image."""

from pydantic import BaseModel

from cellapp.settings import AnalyseSettings
from cellapp.ui.runs.compare_runs import flat_settings, image_table, paired_chart
from tests.ui.tables import cell_table


def test_a_run_beside_itself_has_no_change():
    cells = cell_table(100)
    table = image_table(cells, cells, {"a": "A", "b": "B"}, done=({"a", "b"}, {"a", "b"}))
    assert (table["cells_change"] == 0).all()
    assert (table["share_change"].abs() < 1e-9).all()
    assert len(paired_chart(table, "cancer", ("cancer", "normal"), names=("one", "two")).data) == 4


def test_no_cells_is_zero_and_not_reached_is_a_gap():
    cells = cell_table(10, images=("a",))
    table = image_table(cells, cells.iloc[:0], {"a": "A"}, done=({"a"}, {"a"}))
    assert table["cells_change"].tolist() == [-10]
    gap = image_table(cells, cells.iloc[:0], {"a": "A"}, done=({"a"}, set()))
    assert gap["cells_second"].isna().all()


def test_every_setting_has_a_name_and_a_word():
    flat = flat_settings(AnalyseSettings())
    assert flat["Segmentation: Diameter"] == "automatic"
    assert flat["Preprocessing: Local contrast (CLAHE)"] == "off"
    assert flat["Classes: Unsure"] == "Margin", "as its widget shows it"
    assert all(isinstance(value, str) for value in flat.values())
    assert not any("_" in name for name in flat), "a field's name is for programs"


def test_no_two_settings_share_a_name():
    leaves = [AnalyseSettings.model_fields[name].default for name in AnalyseSettings.model_fields]
    n = sum(len(type(one).model_fields) if isinstance(one, BaseModel) else 1 for one in leaves)
    assert len(flat_settings(AnalyseSettings())) == n


def test_what_is_left_open_is_told_apart_from_what_is_found():
    flat = flat_settings(AnalyseSettings.model_validate({"classify": {"head": None}, "channels": {"nucleus": 2}}))
    assert flat["Classes: Head"] == "count only, no classes"
    assert flat["Segmentation: Segmenter"] == "compact"
    assert flat["Channels"] == "nucleus 2"


def test_no_share_that_is_no_answer_is_compared():
    fit = cell_table(60)
    unlike = fit.assign(unlike_training=fit["image_id"] == "a")
    done = ({"a", "b"}, {"a", "b"})
    table = image_table(fit, unlike, {"a": "A", "b": "B"}, done=done).set_index("image")
    assert table["share_second"].isna().to_dict() == {"A": True, "B": False}
    assert table["share_first"].notna().all()
    shown = image_table(fit, fit, {"a": "A", "b": "B"}, done=done, demonstrations=("drawn", "drawn"))
    assert list(shown) == ["image", "cells_first", "cells_second", "cells_change"]
    folded = image_table(fit, fit, {"a": "A"}, done=done, demonstrations=("drawn", "drawn"), unfit=True)
    assert folded["share_first"].notna().all()
