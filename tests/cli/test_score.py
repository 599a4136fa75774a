"""`score`: figures of label images against truth, for people and as JSON."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from cellapp.classification.head_io import save_head
from cellapp.cli import main
from cellapp.cli.score import _interval, _line
from cellapp.exports.explanation_truth import stored_truth
from cellapp.models.load import load_model
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder
from tests.paths import ROOT, shared_case


@pytest.fixture
def labels(tmp_path):
    cells = np.zeros((64, 64), np.int32)
    for n, (y, x) in enumerate([(4, 4), (4, 34), (34, 4)], start=1):
        cells[y : y + 20, x : x + 20] = n
    for folder, content in (("truth", cells), ("same", cells[::-1][::-1]), ("less", np.where(cells == 3, 0, cells))):
        (tmp_path / folder).mkdir()
        tifffile.imwrite(tmp_path / folder / "a.tif", content.astype(np.uint16))
    return tmp_path


def scored(capsys, *arguments):
    assert main(["score", "segmentation", *map(str, arguments), "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    return lines, json.loads(last)


def test_the_truth_itself_is_perfect(labels, capsys):
    lines, result = scored(capsys, labels / "same", labels / "truth")
    assert {result["mean"][name] for name in ("ap50", "ap75", "dice", "iou")} == {1.0}
    assert lines[-1].startswith("mean of 1: AP@0.5 1.000, AP@0.75 1.000, Dice 1.000, IoU 1.000; AP@0.5:0.95 1.000")
    assert lines[-1].endswith("F1 1.000, Hausdorff 0.0 px; 0 missed, 0 split, 0 merged, 0 extra")


def test_errors_are_drawn_with_and_without_the_image(labels, capsys):
    (labels / "images").mkdir()
    Image.fromarray(np.full((64, 64), 9, np.uint8)).save(labels / "images" / "a.png")
    drawn = []
    for more in ([], ["--images", labels / "images"]):
        scored(capsys, labels / "less", labels / "truth", "--pictures", labels / "drawn", *more)
        drawn.append(np.asarray(Image.open(labels / "drawn" / "a.png").convert("RGB")))
        assert drawn[-1].shape[1] == 4 * 64
    assert all((picture[4 * 34, 4 * 4] == (213, 94, 0)).all() for picture in drawn), "the missed cell has its outline"
    assert (drawn[0] != drawn[1]).any()
    assert main(["score", "segmentation", *map(str, (labels / "less", labels / "truth")), "--images", "x"]) == 2


def test_a_missed_cell_costs_its_share(labels, capsys):
    lines, result = scored(capsys, labels / "less" / "a.tif", labels / "truth" / "a.tif")
    assert result["n"] == 1
    assert result["images"][0]["ap50"] == pytest.approx(2 / 3)
    assert "AP@0.5 0.667" in lines[0]


def test_what_does_not_match_is_refused(labels, capsys):
    (labels / "other").mkdir()
    assert main(["score", "segmentation", str(labels / "other"), str(labels / "truth")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def assert_refused_in_one_sentence(capsys, *arguments):
    assert main(["score", "segmentation", *map(str, arguments)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert "export it again" in printed.err or "cut off" in printed.err


COMPRESSED = ["deflate.tif", "imagej.tif", "gray.png", "deep.png", "palette.png"]


@pytest.mark.parametrize(
    ("kind", "damage"),
    [*((kind, "garbled") for kind in COMPRESSED), *((kind, "cut off") for kind in (*COMPRESSED, "plain.tif"))],
)
def test_damaged_label_images_are_refused_in_one_sentence(tmp_path, capsys, kind, damage):
    cells = np.random.default_rng(0).integers(0, 9, (64, 64)).astype(np.uint16)
    path = tmp_path / kind
    if path.suffix == ".tif":
        compression = None if kind == "plain.tif" else "zlib"
        tifffile.imwrite(path, cells, compression=compression, imagej=kind == "imagej.tif")
    else:
        picture = Image.fromarray(cells if kind == "deep.png" else cells.astype(np.uint8))
        if kind == "palette.png":
            picture.putpalette(list(range(27)))
        picture.save(path)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        content[:middle] if damage == "cut off" else content[:middle] + b"\xff" * 99 + content[middle + 99 :]
    )
    assert_refused_in_one_sentence(capsys, path, path)


def test_a_damaged_file_puts_one_line_on_stderr_outside_a_test_too(tmp_path):
    """pytest takes over logging, so that only a process of its own shows what tifffile would log."""
    tifffile.imwrite(tmp_path / "a.tif", np.ones((64, 64), np.uint16), imagej=True)
    content = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(content[: len(content) // 2])
    command = [sys.executable, "-m", "cellapp", "score", "segmentation", *[str(tmp_path / "a.tif")] * 2]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_the_damaged_label_image_of_the_report_is_refused_in_one_sentence(capsys):
    folder = shared_case("23-score-damaged") / "tif"
    assert_refused_in_one_sentence(capsys, folder / "pred", folder / "truth")


def test_a_figure_shows_its_interval_where_it_has_one():
    assert _interval({"mean": 0.5, "low": None, "high": None}) == "0.500"
    ours, theirs = ({"ap50": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}} for mean in (0.8, 0.4))
    ours |= dict.fromkeys(("dice", "iou"), {"mean": 0.9, "low": None, "high": None})
    line = _line("nuclei", {"n_images": 3, "segmenter": ours, "classical": theirs})
    assert line == (
        "nuclei, 3 images: segmenter AP@0.5 0.800 (0.700 to 0.900), classical AP@0.5 0.400 (0.300 to 0.500), "
        "Dice 0.900, IoU 0.900"
    )


@pytest.fixture(scope="module")
def head_and_crops(tmp_path_factory):
    """A random head on a random encoder, and a dozen pictures of noise, one of them damaged."""
    folder = tmp_path_factory.mktemp("truth")
    encoder = load_model(str(write_encoder(folder / "encoder")), "cpu", "float32")
    save_head(random_head(16, encoder=encoder.identity, name="mine"), folder / "mine")
    (folder / "crops").mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 255, (12, 40, 40), np.uint8)):
        Image.fromarray(pixels).save(folder / "crops" / f"{number}.png")
    (folder / "crops" / "0.png").write_bytes(b"no picture")
    return folder / "mine", folder / "crops"


def test_methods_of_explanation_are_measured_and_kept_with_the_head(head_and_crops, capsys):
    head, crops = head_and_crops
    chosen = ["exact", "rollout", "occlusion"]
    words = ["--methods", ",".join(chosen), "--cells", "12", "--json"]
    assert main(["score", "explanation", "--head", str(head), str(crops), *words]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out.splitlines()[-1])
    assert "left out: " in printed.err
    assert list(told["methods"]) == chosen
    assert told["n"] == 11
    for row in told["methods"].values():
        for name in ("deletion", "insertion", "road"):
            gain = row[name]["gain"]
            assert gain["low"] <= gain["value"] <= gain["high"]
            assert row[name]["value"] - row[name]["random"] == pytest.approx(gain["value"], abs=1e-6)
        assert row["true"] == (not row["warnings"])
        assert 0 <= row["held"] <= 1
    identity = told["head"]
    assert stored_truth(head, identity) == told["methods"]
    assert stored_truth(head, "mine@later") == {}
    load_model(str(head))  # the file changes nothing about the head


@pytest.mark.parametrize("part", ["nucleus", "cytoskeleton"])
def test_slides_with_a_known_cause_tell_how_much_of_the_map_lies_on_it(head_and_crops, tmp_path, capsys, part):
    head, _ = head_and_crops
    write_demo(tmp_path, SyntheticSettings(height=160, width=160, um_per_px=1.0, differ_by=part))
    words = ["--methods", "exact,occlusion", "--cells", "6", "--json", "--out", str(tmp_path / "told.json")]
    assert main(["score", "explanation", "--head", str(head), "--data", str(tmp_path), *words]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["n"] == 6
    for row in told["methods"].values():
        assert 0 < row["planted"]["random"] < 1
        assert row["planted"]["value"] - row["planted"]["random"] == pytest.approx(row["planted"]["gain"]["value"])
    assert main(["score", "explanation", "--head", str(head), "--data", str(head)]) == 2
    assert "--differ-by" in capsys.readouterr().err.splitlines()[-1]
    assert main(["score", "explanation", "--head", str(head)]) == 2
    assert "CROPS_DIR" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(("words", "told"), [(["--methods", "magic"], "no method 'magic'"), ([], "no folder")])
def test_what_cannot_be_measured_is_one_sentence(head_and_crops, capsys, tmp_path, words, told):
    head, crops = head_and_crops
    where = crops if words else tmp_path / "nowhere"
    assert main(["score", "explanation", "--head", str(head), str(where), *words]) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
