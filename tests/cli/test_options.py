"""Options become settings, and INPUT becomes image files; what does not fit is refused in one line."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.cli.options import build_settings, depth_of, expand_inputs, parse_size, weights_of_base
from cellapp.errors import InputError
from cellapp.settings import PREPROCESS_STEPS, AnalyseSettings


@pytest.fixture
def folder(tmp_path, demo):
    for name in ("b.tif", "a.png", "c.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    shutil.copy(demo.labels, tmp_path / "truth_labels.tif")
    return tmp_path


def names(paths):
    return [path.name for path in paths]


def test_a_folder_gives_its_images_in_order_without_truth(folder, capsys):
    assert names(expand_inputs([str(folder)])) == ["a.png", "b.tif", "c.JPG"]
    assert "left out truth_labels.tif" in capsys.readouterr().err


def test_globs_and_files_give_each_image_once(folder):
    assert names(expand_inputs([str(folder / "*.tif"), str(folder / "b.tif")])) == ["b.tif"]


def test_a_file_is_taken_whatever_its_name(folder):
    assert names(expand_inputs([str(folder / "notes.txt")])) == ["notes.txt"]


@pytest.mark.parametrize("nothing", ["nowhere.tif", "*.czi", "folder/**/*.png"])
def test_what_names_nothing_is_refused(folder, nothing):
    with pytest.raises(InputError, match="no file, folder or match"):
        expand_inputs([str(folder / nothing)])


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no images in"):
        expand_inputs([str(tmp_path / "empty")])


def test_how_cells_are_explained_is_what_is_named_and_a_named_method_is_no_default(tmp_path):
    earlier = {"n": 4, "method": "occlusion", "by_default": True}
    base = tmp_path / "settings.json"
    base.write_text(json.dumps({"explain": earlier}))
    assert build_settings(base=base).explain.by_default
    named = build_settings(base=base, explain_method="layercam", explain_layer=1, explain_target="normal").explain
    assert named.model_dump() == {"n": 4, "method": "layercam", "layer": 1, "target": "normal", "by_default": False}


@given(rows=st.integers(1, 10**6), columns=st.integers(1, 10**6), sign=st.sampled_from("xX"))
def test_a_size_is_rows_by_columns(rows, columns, sign):
    assert parse_size(f"{rows}{sign}{columns}") == (rows, columns)


@pytest.mark.parametrize("text", ["", "x", "512", "0x512", "512x", "-1x4", "1.5x4", "4x4x4", "4 by 4"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InputError, match="rows x columns"):
        parse_size(text)


def test_options_left_out_change_nothing(tmp_path):
    assert build_settings() == AnalyseSettings()
    base = tmp_path / "settings.json"
    chosen = AnalyseSettings.model_validate({"segment": {"tile_px": 512}, "classify": {"head": None}, "seed": 3})
    base.write_text(chosen.model_dump_json())
    assert build_settings(base=base) == chosen


def test_an_option_changes_its_own_setting_alone(tmp_path):
    base = tmp_path / "run.json"
    base.write_text(json.dumps({"settings": {"segment": {"tile_px": 512, "diameter": 9}}, "image": {}}))
    chosen = build_settings(base=base, segmenter="classical", head="none", um_per_px=0.5, explain=2)
    expected = {"segment": {"tile_px": 512, "diameter": 9, "segmenter": "classical"}, "classify": {"head": None}}
    assert chosen == AnalyseSettings.model_validate(expected | {"um_per_px": 0.5, "explain": {"n": 2}})


@given(st.sets(st.sampled_from(list(PREPROCESS_STEPS))))
def test_the_steps_named_are_the_steps_done(steps):
    chain = build_settings(preprocess=",".join(sorted(steps)) or "none").preprocess
    assert {step for step in PREPROCESS_STEPS if getattr(chain, step)} == steps


@pytest.mark.parametrize("option", [{"preprocess": "blur"}, {"channels": "nucleus"}, {"diameter": -1.0}])
def test_options_that_do_not_fit_are_refused_in_one_line(option):
    with pytest.raises(InputError) as refused:
        build_settings(**option)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [None, "{", "\xff"])
def test_settings_that_cannot_be_read_are_named(tmp_path, content):
    base = tmp_path / "run.json"
    if content is not None:
        base.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"cannot read settings from .*run\.json"):
        build_settings(base=base)


def test_settings_that_windows_saved_are_read(tmp_path):
    (tmp_path / "run.json").write_text('{"segment": {"diameter": 12}}', encoding="utf-8-sig")
    assert build_settings(base=tmp_path / "run.json").segment.diameter == 12


def built(path):
    return build_settings(base=path, segmenter="compact", encoder="cell-vit", head="none", explain=3)


@pytest.mark.parametrize("wrong", [[1], "x", 5, True, []])
@pytest.mark.parametrize(
    ("part", "read"),
    [
        *((part, built) for part in ("settings", "segment", "classify", "explain", "preprocess")),
        ("input", depth_of),
        ("weights_sha256", weights_of_base),
    ],
)
def test_parts_of_settings_files_that_are_no_objects_are_refused(tmp_path, part, read, wrong):
    path = tmp_path / "run.json"
    of_run = part in ("settings", "input", "weights_sha256")
    path.write_text(json.dumps({part: wrong} if of_run else {"settings": {part: wrong}}))
    with pytest.raises(InputError, match=part) as error:
        read(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", ["settings", "segment", "classify", "explain"])
def test_a_part_that_is_null_in_a_settings_file_is_left_out(tmp_path, part):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"settings": {part: None}} if part != "settings" else {part: None}))
    assert built(path) == built(None)
