import io
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from cellapp.config import app_settings
from cellapp.jobs import handlers, queue
from cellapp.jobs.worker import run_worker
from cellapp.store import images, job_rows, projects
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from cellapp.types.image import Role
from cellapp.ui.upload.table_edits import apply_edits
from tests.pages.seeding import HOSTILE_NAME, seed_image
from tests.paths import shared_case

pytestmark = pytest.mark.slow


def png(value=100, size=(24, 20)):
    buffer = io.BytesIO()
    Image.fromarray(np.full(size, value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def upload(app, *files):
    for name, data in files:
        app.file_uploader[0].upload(name, data)
    app.run()
    assert not app.exception
    return app


def here():
    return images.list_images(projects.default_project().id)


def test_an_empty_project_shows_the_drop_zone_and_the_demo_and_nothing_else(open_page):
    app = open_page()
    assert app.title[0].value == "Upload"
    assert app.button(key="try_demo").proto.type == "primary"
    assert not app.data_editor


def test_dropped_images_are_added_and_the_newest_is_shown(open_page):
    app = upload(open_page(), ("one.png", png(1)), ("two.png", png(2)))
    assert sorted(image.name for image in here()) == ["one.png", "two.png"]
    assert app.query_params["image"] in {image.id for image in here()}
    assert len(app.data_editor[0].value) == 2


def test_no_dropped_file_stays_in_memory(open_page, monkeypatch):
    managers = []
    add_file = MemoryUploadedFileManager.add_file
    monkeypatch.setattr(
        MemoryUploadedFileManager,
        "add_file",
        lambda self, *given, **named: managers.append(self) or add_file(self, *given, **named),
    )
    upload(open_page(), ("one.png", png(1)), ("bad.tif", b"no image"), ("two.png", png(2)))
    assert len(managers) >= 3
    assert not any(file for manager in managers for files in manager.file_storage.values() for file in files)


def test_a_bad_file_is_a_row_with_a_sentence_beside_the_good_one(open_page):
    app = upload(open_page(), ("good.png", png()), ("bad.tif", b"this is text, not an image"))
    assert [image.name for image in here()] == ["good.png"]
    assert len(app.data_editor[0].value) == 1
    assert [element for element in app.markdown if "bad\\.tif" in element.value]
    app.button(key="dismiss_0").click().run()
    assert not [element for element in app.markdown if "bad\\.tif" in element.value]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"II*\x00\xff\xff\xff\x7f", zipped({"a.txt": b"no"})])
def test_bad_files_alone_change_nothing(data, open_page):
    app = upload(open_page(), ("bad.tif", data))
    assert not here()
    assert app.title[0].value == "Upload"
    assert app.button(key="dismiss_0")


def test_a_zip_gives_its_images(open_page):
    upload(open_page(), ("plate.zip", zipped({"a.png": png(1), "deep/b.png": png(2)})))
    assert len(here()) == 2


def test_the_same_bytes_twice_are_one_image(open_page):
    app = upload(open_page(), ("one.png", png()))
    upload(app, ("again.png", png()))
    assert len(here()) == 1


def test_hostile_names_are_shown_as_text(open_page):
    app = upload(open_page(), (HOSTILE_NAME, png()), ("<b>bad</b>.tif", b"text"))
    assert HOSTILE_NAME in app.data_editor[0].value["name"].tolist()
    assert not [element for element in app.markdown if "<b>" in element.value.replace("\\<b", "")]


def test_the_demo_slide_is_drawn_by_the_worker_and_shown(open_page, no_worker, monkeypatch):
    small = SyntheticSettings(height=64, width=64)
    monkeypatch.setattr(handlers, "write_demo", lambda out, on_step: write_demo(out, small, on_step))
    app = open_page()
    app.button(key="try_demo").click().run()
    assert no_worker
    assert [job.kind for job in queue.list_jobs()] == ["demo"]
    assert not [button for button in app.button if button.key == "try_demo"]
    run_worker(once=True)
    app.run()
    assert not app.exception
    assert here()[0].channels == ("actin", "cytoplasm", "nucleus")
    assert app.query_params["image"] in ([here()[0].id], here()[0].id)
    assert app.button(key="try_demo")


def test_a_demo_slide_that_could_not_be_drawn_is_a_problem_with_a_sentence(open_page):
    app = open_page()
    app.button(key="try_demo").click().run()
    (job,) = queue.list_jobs()
    job_rows.change_job(job.id, only_if="queued", status="failed", error="the disk is full")
    app.run()
    assert any("the disk is full" in element.value for element in app.markdown)
    assert app.button(key="try_demo").proto.type == "primary"


def test_the_servers_folder_is_offered_when_it_is_set(open_page, tmp_path, monkeypatch):
    (tmp_path / "plate").mkdir()
    (tmp_path / "plate" / "well.png").write_bytes(png())
    monkeypatch.setenv("CELLAPP_IMPORT_FOLDER", str(tmp_path / "plate"))
    app_settings.cache_clear()
    app = open_page()
    app.multiselect(key="import_files").select("well.png").run()
    app.button(key="import_button").click().run()
    assert [image.name for image in here()] == ["well.png"]


def test_edits_reach_the_store(seeded):
    apply_edits([seeded.image.id], {0: {"name": "renamed", "um_per_px": 0.25, "cell_line": "MCF7", "dose": None}})
    image = images.get_image(seeded.image.id)
    assert (image.name, image.um_per_px, dict(image.conditions)) == ("renamed", 0.25, {"cell_line": "MCF7"})


def test_a_removed_image_comes_back_with_undo(open_page, seeded):
    app = open_page()
    app.session_state["removed_images"] = [seeded.image.id]
    images.remove_image(seeded.image.id)
    app.run()
    assert not app.exception
    app.button(key="undo_remove").click().run()
    assert [image.id for image in here()] == [seeded.image.id]


def test_channels_are_shown_hidden_and_stretched(open_page, seeded):
    app = open_page()
    before = app.get("bidi_component")[0].proto.json
    app.toggle(key=f"show_{seeded.image.id}_0_shown").set_value(False).run()
    assert not app.exception
    assert app.get("bidi_component")[0].proto.json != before


def test_channel_names_and_roles_are_saved_for_images_alike(open_page, seeded, tmp_path):
    other = seed_image(tmp_path, name="other.tif", seed=2)
    app = open_page(image=seeded.image.id)
    app.session_state[f"channels_{seeded.image.id}"] = {
        "edited_rows": {0: {"name": "fibres", "role": "other"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    app.button(key="save_channels").click().run()
    assert not app.exception
    for image_id in (seeded.image.id, other.image.id):
        image = images.get_image(image_id)
        assert (image.channels[0], image.roles[0]) == ("fibres", Role.OTHER)


def test_a_repeated_channel_name_is_refused_in_one_sentence(open_page, seeded):
    app = open_page()
    app.session_state[f"channels_{seeded.image.id}"] = {
        "edited_rows": {0: {"name": "nucleus"}},
        "added_rows": [],
        "deleted_rows": [],
    }
    app.run()
    app.button(key="save_channels").click().run()
    assert not app.exception
    assert len(app.error) == 1
    assert images.get_image(seeded.image.id).channels == seeded.image.channels


def test_files_of_one_channel_each_are_combined(open_page, tmp_path):
    app = upload(open_page(), ("A01f00d0.png", png(1)), ("A01f00d1.png", png(2)))
    joins = [button for button in app.button if button.key and button.key.startswith("join_")]
    assert len(joins) == 1
    joins[0].click().run()
    assert not app.exception
    assert [image.info.shape for image in here()] == [(2, 24, 20)]


def test_tiles_are_offered_as_one_image_once_all_are_there(open_page):
    names = [f"tile_{y}_{x}.png" for y in (0, 1) for x in (0, 1)]
    app = upload(open_page(), *((name, png(n)) for n, name in enumerate(names[:3])))
    assert any(caption.value.startswith("Add tile") for caption in app.caption)
    app = upload(open_page(), (names[3], png(3)))
    (join,) = [button for button in app.button if button.key and button.key.startswith("tiles_")]
    join.click().run()
    assert not app.exception
    assert [(image.name, image.info.shape) for image in here()] == [("tile", (1, 48, 40))]


def test_dropped_files_of_a_set_are_one_image(open_page):
    paths = sorted((shared_case("09-ome-multifile") / "set").iterdir())
    upload(open_page(), *((path.name, path.read_bytes()) for path in paths))
    assert [image.channels for image in here()] == [("DAPI", "GFP")]


def test_an_image_can_be_paired_with_one_of_its_size(open_page, seeded, tmp_path):
    other = seed_image(tmp_path, name="brightfield.tif", seed=2)
    app = open_page(image=seeded.image.id)
    app.selectbox(key=f"reference_{seeded.image.id}").select(other.image.id).run()
    assert not app.exception
    assert images.get_image(seeded.image.id).reference_id == other.image.id


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1), np.uint8),
        np.full((40, 30), 7, np.uint16),
        np.random.default_rng(0).random((5, 32, 32)).astype(np.float32),
        np.random.default_rng(0).integers(0, 255, (16, 20, 20)).astype(np.uint8),
    ],
    ids=["one pixel", "one value", "five float channels", "sixteen channels"],
)
def test_odd_images_can_be_looked_at(pixels, open_page, tmp_path):
    path = tmp_path / "odd.tif"
    axes = "CYX" if pixels.ndim == 3 else "YX"
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata={"axes": axes})
    app = upload(open_page(), ("odd.tif", path.read_bytes()))
    assert len(here()) == 1
    assert not app.error


def test_a_file_gone_from_the_disk_is_told_in_one_sentence(open_page, seeded):
    from cellapp.store.blobs import digest_path

    digest_path(seeded.image.digest).unlink()
    app = open_page()
    assert len(app.error) == 1
    assert "upload it again" in app.error[0].value
