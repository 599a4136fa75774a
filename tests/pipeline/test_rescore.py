"""Another head calls the cells of a stored run as if it had analysed them, and nothing that was there is lost."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.cell_columns import add_predictions, class_columns
from cellapp.classification.head_io import save_head
from cellapp.classification.predict import predict
from cellapp.errors import InputError, ModelError
from cellapp.exports.apply_labels import apply_labels, summary_rows
from cellapp.exports.class_versions import activate, read_versions, version_table, with_classes
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.run_json import PICTURES_BY, read_run
from cellapp.exports.tables import read_cells
from cellapp.pipeline.active_classes import draw_active_classes, write_active_tables
from cellapp.pipeline.rescore import rescore
from cellapp.settings import AnalyseSettings, ClassifySettings, CropSettings, FeatureSettings, PreprocessSettings
from cellapp.types.cells import Embeddings
from tests.classification.heads import ENCODER, random_head
from tests.exports.toy import toy_analysis
from tests.paths import ROOT

DIM = 4


def vectors_of(cells, seed):
    """Draw a vector for each accepted cell."""
    ids = cells.index[cells["qc_pass"]].to_numpy(np.int32)
    cls, mean = np.random.default_rng(seed).normal(size=(2, len(ids), DIM)).astype(np.float32)
    return Embeddings(cls, mean, ids, ENCODER)


def write_image(out, name, n, head, *, seed=0, settings=None):
    """Write the folder of an image as an analysis with this head would; None counts without classes."""
    analysis, slide = toy_analysis(n, name=name, classes=(), explained=1 if head and n else None)
    settings = settings or ClassifySettings(head=head.name if head else None)
    embeddings = vectors_of(analysis.cells, seed) if head else None
    if head:
        analysis = replace(
            analysis,
            cells=add_predictions(analysis.cells, predict(head, embeddings, settings)),
            embeddings=embeddings,
            provenance={
                "head": head.identity,
                "encoder": head.encoder,
                "calibrated": False,
                "vectors": head.vectors.model_dump(mode="json"),
                "encoder_crop": head.crop.model_dump(mode="json"),
            },
        )
    write_analysis(analysis, slide, out, settings=AnalyseSettings(classify=settings), seconds=3)
    return slide


@pytest.fixture
def heads(tmp_path):
    """Three heads on the same vectors, by the folder they are stored in: two of the same classes, one of others."""
    made = {}
    for name, seed, classes in (
        ("one", 0, ("cancer", "normal")),
        ("two", 1, ("cancer", "normal")),
        ("many", 2, ("a, b", "癌", "c")),
    ):
        folder = tmp_path / "heads" / name
        made[str(folder)] = save_head(random_head(seed=seed, name=str(folder), classes=classes), folder)
    return made


@pytest.fixture
def run(tmp_path, heads):
    """A run of an image with cells, one with a single cell and one with none, by the first head."""
    out, head = tmp_path / "run", next(iter(heads.values()))
    return out, {name: write_image(out, name, n, head, seed=n) for name, n in (("some", 9), ("single", 1), ("none", 0))}


def follow(out, versions, slides=None):
    for folder in [path.parent for path in sorted(out.glob("*/run.json"))]:
        write_active_tables(folder, versions)
        if slides:
            draw_active_classes(folder, slides[folder.name])


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_files_are_those_of_an_analysis_with_the_new_head(run, heads, tmp_path):
    out, slides = run
    for head in list(heads.values())[1:]:
        settings = ClassifySettings(head=head.name, threshold=0.4, unsure_margin=0.3)
        follow(out, rescore(out, settings), slides)
        for name, n in (("some", 9), ("single", 1), ("none", 0)):
            write_image(tmp_path / "anew", name, n, head, seed=n, settings=settings)
            expected, found = content(tmp_path / "anew" / name), content(out / name)
            for file in expected.keys() - {"run.json"}:
                assert found[file] == expected[file], (name, file)
            anew, again = json.loads(expected["run.json"]), json.loads(found["run.json"])
            for key in ("head", "summary", "answer", "answer_reason", "settings", "encoder_crop", "calibrated"):
                assert again[key] == anew[key], key
            assert PICTURES_BY not in again


def test_the_same_head_again_gives_the_same_classes_and_no_further_version(run, heads):
    out, _ = run
    before = {folder: read_cells(out / folder / "cells.parquet") for folder in ("some", "single", "none")}
    for _ in range(2):
        versions = rescore(out, ClassifySettings(head=next(iter(heads))))
        follow(out, versions)
        assert len(versions.versions) == 1
        for folder, table in before.items():
            pd.testing.assert_frame_equal(read_cells(out / folder / "cells.parquet"), table)


def test_versions_stay_and_any_of_them_comes_back_whole(run, heads):
    out, slides = run
    before = {name: content(out / name) for name in slides}
    first, *others = heads
    for name in others:
        follow(out, rescore(out, ClassifySettings(head=name)), slides)
    known = read_versions(out)
    assert [version.head for version in known.versions] == [head.identity for head in heads.values()]
    assert known.active.settings.head == others[-1]
    follow(out, activate(out, known.versions[0].id), slides)
    for name, files in before.items():
        for file in files.keys() - {"run.json"}:
            assert (out / name / file).read_bytes() == files[file], (name, file)
        assert read_run(out / name / "run.json")["head"] == heads[first].identity


def test_maps_belong_to_the_head_they_explain(run, heads):
    out, _ = run
    first, second, _ = heads
    maps = out / "some" / "explanations" / "maps.npz"
    content_before = maps.read_bytes()
    (out / "some" / "maps_cancer.npz").write_bytes(b"later")
    (out / "regions_cancer.parquet").write_bytes(b"summary")
    rescore(out, ClassifySettings(head=second))
    assert not maps.parent.exists()
    assert not [*out.glob("*/maps_*"), *out.glob("regions_*")]
    activate(out, read_versions(out).versions[0].id)
    assert maps.read_bytes() == content_before
    assert (out / "some" / "maps_cancer.npz").exists()
    assert (out / "regions_cancer.parquet").exists()


def test_classes_given_by_hand_stay(run, heads):
    out, slides = run
    apply_labels(out / "some", slides["some"], {1: "mitotic", 2: "normal"})
    follow(out, rescore(out, ClassifySettings(head=list(heads)[2])))
    table = read_cells(out / "some" / "cells.parquet")
    assert table.loc[[1, 2], "manual_label"].tolist() == ["mitotic", "normal"]
    assert read_run(out / "some" / "run.json")["summary"]["n_mitotic"] == 1


def test_pictures_that_are_not_drawn_yet_say_whose_classes_they_show(run, heads):
    out, slides = run
    first, second, third = heads
    for name in (second, third):
        follow(out, rescore(out, ClassifySettings(head=name)))
        assert read_run(out / "some" / "run.json")[PICTURES_BY]["head"] == heads[first].identity
    assert draw_active_classes(out / "some", slides["some"])
    assert not draw_active_classes(out / "some", slides["some"])
    follow(out, activate(out, read_versions(out).versions[0].id))
    assert read_run(out / "some" / "run.json")[PICTURES_BY]["head"] == heads[third].identity
    assert PICTURES_BY not in read_run(out / "none" / "run.json"), "back at the classes they always showed"
    with pytest.raises(InputError, match="another image"):
        draw_active_classes(out / "some", replace(slides["some"], digest="1" * 64))


def test_whether_there_is_an_answer_is_decided_anew(run, heads):
    out, _ = run
    head = list(heads.values())[1]
    show = replace(head, demonstration="trained on synthetic cells", name="show")
    folder = str(out.parent / "heads" / "show")
    save_head(show, out.parent / "heads" / "show")
    follow(out, rescore(out, ClassifySettings(head=folder)))
    assert {row["answer"] for row in summary_rows(out) if row["n_classified"]} == {"unfit"}
    strict = replace(head, novelty=replace(head.novelty, limit=0.0), name="strict")
    save_head(strict, out.parent / "heads" / "strict")
    follow(out, rescore(out, ClassifySettings(head=str(out.parent / "heads" / "strict"))))
    row = next(row for row in summary_rows(out) if row["image"] == "some")
    assert (row["answer"], row["n_unlike_training"]) == ("unfit", row["n_classified"])
    liberal = replace(head, novelty=replace(head.novelty, limit=np.inf), name="liberal")
    save_head(liberal, out.parent / "heads" / "liberal")
    follow(out, rescore(out, ClassifySettings(head=str(out.parent / "heads" / "liberal"))))
    assert {row["answer"] for row in summary_rows(out) if row["n_classified"]} == {"fit"}
    assert "demonstration" not in {k for k, v in read_run(out / "some" / "run.json").items() if v}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder": "other@1"}, r"encoder other; those of 'none' have encoder tiny: analyse the images again"),
        ({"encoder": "tiny@2"}, r"trained on the encoder tiny@2, not on tiny@1"),
        ({"crop": CropSettings(size_px=32)}, r"crop.size_px 32; those of 'none' have crop.size_px 96"),
        ({"preprocess": PreprocessSettings(clahe=True)}, r"preprocess.clahe True"),
        ({"reads": FeatureSettings(views=8)}, r"reads.views 8"),
    ],
    ids=["encoder", "revision", "cut", "preprocessing", "views"],
)
def test_a_head_that_reads_something_else_is_refused_and_nothing_is_written(run, changes, words):
    out, _ = run
    save_head(random_head(name="strange", **changes), out.parent / "heads" / "strange")
    with pytest.raises(ModelError, match=words):
        rescore(out, ClassifySettings(head=str(out.parent / "heads" / "strange")))
    assert not (out / ".classes").exists()


def test_images_without_vectors_and_folders_without_images_are_refused(tmp_path, heads):
    write_image(tmp_path / "counted", "some", 9, None)
    with pytest.raises(ModelError, match="no vectors that head .* is known to read: analyse the images again"):
        rescore(tmp_path / "counted", ClassifySettings(head=next(iter(heads))))
    with pytest.raises(InputError, match="no analysed image"):
        rescore(tmp_path / "empty", ClassifySettings(head=next(iter(heads))))
    with pytest.raises(ModelError, match="no head"):
        rescore(tmp_path / "counted", ClassifySettings(head="cell-vit"))


def test_a_run_without_a_head_gets_classes_from_vectors_made_later_and_loses_them_again(tmp_path, heads):
    out, head = tmp_path / "counted", next(iter(heads.values()))
    slides = {"some": write_image(out, "some", 9, None)}
    before = content(out / "some")
    kept = lambda folder, head: vectors_of(read_cells(folder / "cells.parquet"), 9)  # noqa: E731
    follow(out, rescore(out, ClassifySettings(head=head.name), kept), slides)
    assert class_columns(read_cells(out / "some" / "cells.parquet"))
    follow(out, activate(out, read_versions(out).versions[0].id), slides)
    after = content(out / "some")
    assert {name for name in before if before[name] != after[name]} <= {"run.json"}


def test_vectors_of_other_cells_are_refused(run, heads):
    out, _ = run
    other = lambda folder, head: vectors_of(read_cells(folder / "cells.parquet").iloc[1:], 9)  # noqa: E731
    with pytest.raises(InputError, match="vectors of other cells"):
        rescore(out, ClassifySettings(head=list(heads)[1]), other)


def test_the_order_of_images_does_not_matter(run, heads, tmp_path):
    out, _ = run
    shutil.copytree(out, tmp_path / "other")
    (tmp_path / "other" / "some").rename(tmp_path / "other" / "z")
    settings = ClassifySettings(head=list(heads)[1])
    one, other = rescore(out, settings), rescore(tmp_path / "other", settings)
    assert one.active_id == other.active_id
    pd.testing.assert_frame_equal(
        version_table(out, one.active_id, "some"), version_table(tmp_path / "other", one.active_id, "z")
    )


def test_an_image_that_a_version_does_not_know_stays_as_it_is(run, heads):
    out, _ = run
    versions = rescore(out, ClassifySettings(head=list(heads)[1]))
    write_image(out, "later", 3, next(iter(heads.values())))
    before = content(out / "later")
    follow(out, versions)
    assert content(out / "later") == before


def test_an_unknown_version_is_refused(run):
    out, _ = run
    with pytest.raises(InputError, match="no classes 'none'"):
        activate(out, "none")


def test_columns_of_another_head_take_the_place_of_those_before():
    analysis, _ = toy_analysis(9)
    bare = with_classes(analysis.cells, pd.DataFrame(index=analysis.cells.index))
    assert not class_columns(bare)
    again = with_classes(bare, analysis.cells[class_columns(analysis.cells)])
    pd.testing.assert_frame_equal(again, analysis.cells)


def test_neither_torch_nor_an_encoder_is_loaded(run, heads):
    out, _ = run
    code = (
        "import sys; from pathlib import Path; from cellapp.pipeline.rescore import rescore; "
        "from cellapp.settings import ClassifySettings; "
        f"rescore(Path({str(out)!r}), ClassifySettings(head={list(heads)[1]!r})); "
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
