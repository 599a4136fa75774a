"""A head that a project keeps is used by its identity, leaves with an undo, and travels as one zip."""

import io
import json
import zipfile

import numpy as np
import pytest

from cellapp.classification.ensemble import EnsembleHead
from cellapp.classification.head_io import load_head, save_head
from cellapp.classification.own_encoder import OwnEncoder
from cellapp.config import app_settings
from cellapp.errors import BudgetError, InputError, ModelError, StoreError
from cellapp.models.checksums import weight_digests
from cellapp.models.load import load_model
from cellapp.models.status import own_heads
from cellapp.settings import AnalyseSettings, ClassifySettings
from cellapp.store.head_zip import export_head, import_head
from cellapp.store.heads import add_head, get_head, list_heads, remove_head, restore_head
from cellapp.store.projects import create_project
from cellapp.store.purge import purge_heads
from cellapp.store.runs import create_run, delete_run, finish_run, run_folder
from tests.classification.heads import random_head
from tests.encoders.tiny import write_encoder

DECLARED = "cell-vit@1"
UNDECLARED = ["/srv/nets/vit", "models/cell-vit", "../nets@1", "compact", "demo-head@1", "vti@2"]


@pytest.fixture
def folder(tmp_path):
    head = save_head(random_head(encoder=DECLARED), tmp_path / "made")
    (tmp_path / "made" / "metrics.json").write_text(json.dumps({"head": head.identity, "n": 40}))
    return tmp_path / "made"


def zipped(head, path):
    """Save a head and zip its folder, as one does by hand."""
    folder = path.with_suffix("")
    save_head(head, folder)
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return path


def packed(record, path):
    with path.open("wb") as stream:
        export_head(record, stream)
    return path


def test_a_kept_head_is_loaded_by_its_identity(project, folder):
    record = add_head(project.id, folder, "MCF lines")
    head = load_model(record.identity)
    assert head.identity == record.identity
    assert head.name == record.name == "MCF lines"
    assert np.array_equal(head.weight, load_head(folder).weight)
    assert record.metrics == {"head": record.identity, "n": 40}
    assert json.loads((record.folder / "metrics.json").read_text()) == record.metrics
    assert set(weight_digests(record.identity)) == {"head.json", "head.safetensors", "metrics.json"}


def test_kept_heads_are_no_heads_that_people_put_there_themselves(project, folder, home):
    add_head(project.id, folder)
    save_head(random_head(), home / "heads" / "mine")
    assert own_heads() == [str(home / "heads" / "mine")]


def test_the_same_head_is_kept_once_by_each_project(project, folder):
    first = add_head(project.id, folder)
    assert add_head(project.id, folder) == first
    other = add_head(create_project("other").id, folder)
    assert other.identity == first.identity
    assert [one.id for one in list_heads(project.id)] == [first.id]


def test_another_head_with_name_and_weights_of_one_is_refused(project, folder, tmp_path):
    add_head(project.id, folder)
    save_head(random_head(positive="normal"), tmp_path / "other")
    with pytest.raises(InputError, match="another name"):
        add_head(project.id, tmp_path / "other")
    assert add_head(project.id, tmp_path / "other", "toy 2").name == "toy 2"


def test_removing_is_undone_with_all_files(project, folder):
    record = add_head(project.id, folder)
    assert remove_head(record.id).removed
    assert list_heads(project.id) == ()
    assert [one.id for one in list_heads(project.id, removed=True)] == [record.id]
    assert purge_heads() == 0
    assert restore_head(record.id).removed is None
    assert load_model(list_heads(project.id)[0].identity)


def test_files_go_when_no_project_and_no_run_has_the_head(project, add, folder):
    record, other = add_head(project.id, folder), add_head(create_project("other").id, folder)
    create_run(project.id, [add().id], AnalyseSettings.model_validate({"classify": {"head": record.identity}}))
    unused = add_head(project.id, folder, "unused")
    for one in (record, other, unused):
        remove_head(one.id)
    assert purge_heads(older_than_s=-1) == 3
    assert load_model(record.identity)
    assert not unused.folder.exists()
    with pytest.raises(StoreError, match="no head"):
        get_head(record.id)


def classes_by(run, *heads):
    """Write a list of versions of the classes of a run, as rescoring does."""
    settings = ClassifySettings().model_dump(mode="json")
    versions = [{"head": one, "settings": settings, "made_by": {}, "created": "2026-01-01T00:00:00"} for one in heads]
    (run_folder(run.id) / ".classes").mkdir()
    (run_folder(run.id) / ".classes" / "versions.json").write_text(json.dumps({"active": "", "versions": versions}))


def test_heads_that_a_version_of_classes_names_keep_their_files_also_for_runs_in_the_bin(project, add, folder):
    image, plain = add().id, AnalyseSettings.model_validate({"classify": {"head": None}})
    shown, binned = (create_run(project.id, [image], plain) for _ in range(2))
    old, older, unused = (add_head(project.id, folder, name) for name in ("old", "older", "unused"))
    classes_by(shown, old.identity)
    classes_by(binned, older.identity, None)
    finish_run(binned.id)
    delete_run(binned.id)
    for one in (old, older, unused):
        remove_head(one.id)
    assert purge_heads(older_than_s=-1) == 3
    assert [one.folder.exists() for one in (old, older, unused)] == [True, True, False]


def test_where_the_versions_of_a_run_cannot_be_read_no_files_go(project, add, folder):
    run = create_run(project.id, [add().id], AnalyseSettings.model_validate({"classify": {"head": None}}))
    classes_by(run)
    (run_folder(run.id) / ".classes" / "versions.json").write_text("{")
    record = remove_head(add_head(project.id, folder).id)
    assert purge_heads(older_than_s=-1) == 1
    assert record.folder.exists()


@pytest.mark.parametrize("name", ["a/b", "a@b", "a:b", 'say "x"'])
def test_names_that_no_file_can_have_are_refused(project, folder, name):
    with pytest.raises(InputError, match="a head needs a name"):
        add_head(project.id, folder, name)


def test_a_head_travels_as_one_zip(project, folder, tmp_path):
    record = add_head(project.id, folder, "traveller")
    first, again = packed(record, tmp_path / "a.zip"), packed(record, tmp_path / "b.zip")
    assert first.read_bytes() == again.read_bytes()
    arrived = import_head(create_project("elsewhere").id, first)
    assert (arrived.identity, arrived.metrics) == (record.identity, record.metrics)


def test_a_folder_packed_by_hand_is_a_head_too(project, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "hand.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, f"made/{path.name}")
        archive.writestr("made/run.exe", b"no")
        archive.writestr("__MACOSX/made/head.json", b"litter")
    record = import_head(project.id, tmp_path / "hand.zip")
    assert {path.name for path in record.folder.iterdir()} == {"head.json", "head.safetensors", "metrics.json"}


@pytest.mark.parametrize(
    ("place", "file", "words"),
    [
        ("..", "secret.txt", "in '..', outside"),
        (".", "a", "in '.', outside"),
        ("a/b", "a", "outside its folder"),
        ("encoder", "../secret.txt", "outside its folder"),
        ("encoder", "..", "outside its folder"),
        ("encoder", "..\\secret.txt", "outside its folder"),
        ("encoder", "/etc/hosts", "outside its folder"),
        ("encoder", "gone.json", "lacks"),
    ],
)
def test_a_head_brings_no_file_from_outside_its_folder(project, folder, tmp_path, place, file, words):
    """What it names beside itself is copied, and served from then on."""
    description = json.loads((folder / "head.json").read_text())
    description["own_encoder"] = {"folder": place, "files": {file: "0" * 64}, "input_px": 8, "dtype": "auto"}
    with zipfile.ZipFile(tmp_path / "head.zip", "w") as archive:
        archive.writestr("head.json", json.dumps(description))
        archive.write(folder / "head.safetensors", "head.safetensors")
    with pytest.raises(ModelError, match=words) as error:
        import_head(project.id, tmp_path / "head.zip")
    assert "'head.zip'" in str(error.value)
    assert list_heads(project.id) == ()


@pytest.mark.parametrize("encoder", UNDECLARED)
@pytest.mark.parametrize("ensemble", [False, True])
def test_a_head_names_no_encoder_but_a_declared_one(project, tmp_path, encoder, ensemble):
    """A path would be one of the server; the folder need not even be there for a later analysis to read it."""
    head = random_head(encoder=encoder)
    if ensemble:
        head = EnsembleHead("both", (random_head(encoder=DECLARED), head), (0.5, 0.5), "mean", "cancer", "Toys.")
    with pytest.raises(InputError, match="is not in its zip and not one of `models list`") as error:
        import_head(project.id, zipped(head, tmp_path / "head.zip"))
    assert repr(encoder.partition("@")[0]) in str(error.value)
    assert "\n" not in str(error.value)
    assert list_heads(project.id) == ()


def test_the_name_of_an_encoder_that_comes_with_its_head_does_not_matter(project, tmp_path):
    write_encoder(tmp_path / "net")
    own = OwnEncoder.describe(tmp_path / "net", input_px=28)
    record = import_head(project.id, zipped(random_head(encoder="/srv/vit@1", own_encoder=own), tmp_path / "head.zip"))
    assert (record.folder / "encoder" / "config.json").is_file()


def test_zips_that_hold_no_head_or_harm_are_refused_in_a_sentence(project, folder, tmp_path, monkeypatch):
    def made(*members):
        path = tmp_path / f"odd {len(list(tmp_path.iterdir()))}.zip"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in members:
                archive.writestr(name, content)
        path.write_bytes(buffer.getvalue())
        return path

    head = (folder / "head.json").read_bytes()
    for path, words in (
        (made(("notes.txt", b"x")), "no head"),
        (made(("a/head.json", head), ("b/head.json", head)), "2 heads"),
        (made(("../head.json", head)), "points outside"),
    ):
        with pytest.raises(InputError, match=words):
            import_head(project.id, path)
    damaged = made(("head.json", head), ("head.safetensors", b"x"))
    with pytest.raises(ModelError, match="sha256"):
        import_head(project.id, damaged)
    (tmp_path / "odd.zip").write_bytes(b"PK no zip")
    with pytest.raises(InputError, match="no whole zip"):
        import_head(project.id, tmp_path / "odd.zip")
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_ZIP_MEMBERS", "1")
    app_settings.cache_clear()
    with pytest.raises(BudgetError):
        import_head(project.id, made(("head.json", head), ("head.safetensors", b"x")))
    assert list_heads(project.id) == ()
