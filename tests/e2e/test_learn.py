"""From photographs and what is known of them to a head of one's own: typed, trained, used, corrected, trained again."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import tifffile
from playwright.sync_api import Locator, Page, expect
from skimage.io import imread

from cellapp.cli import main
from cellapp.config import app_settings
from cellapp.store import database
from cellapp.store.cells import load_cells
from cellapp.store.heads import list_heads
from cellapp.store.images import list_images
from cellapp.store.labels import list_labels
from cellapp.store.projects import default_project
from cellapp.store.runs import list_runs, run_folder
from tests.e2e.conftest import serving
from tests.e2e.steps import AGAIN_MS, PATIENT_MS, act, at_rest, open_page, press, run_on, unfold, until, upload
from tests.paths import shared_data

pytestmark = pytest.mark.browser

LINES = {"cancer": "MCF7", "normal": "MCF10A"}
HEADER_PX, ROW_PX = 36, 44
FRAME_PX = 30
ROWS, COLUMNS = 2, 3  # of crops of one acquisition in a field


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Address of an app with an empty store, which this process reads, too."""
    monkeypatch.setenv("CELLAPP_HOME", str(tmp_path / "served"))
    app_settings.cache_clear()
    with serving(tmp_path, tmp_path / "served") as address:
        yield address
    database.dispose()
    app_settings.cache_clear()


def write_fields(folder):
    """Pack crops of one acquisition each into fields: two to train on and one to call, of each line."""
    crops = shared_data("cells/mcf10a_mcf7")
    index = pd.read_csv(crops / "index.csv", dtype=str)
    paths = []
    for name, of_class in index.groupby("class"):
        sizes = of_class.groupby("acquisition").size()
        for k, acquisition in enumerate(sizes[sizes >= ROWS * COLUMNS].index[:3]):
            files = of_class[of_class["acquisition"] == acquisition]["file"].head(ROWS * COLUMNS)
            path = folder / f"{'held out' if k == 2 else 'known'} {LINES[name]} {k}.ome.tif"
            metadata = {"axes": "CYX", "Channel": {"Name": ["membrane", "transmission", "nucleus"]}}
            field = field_of([np.moveaxis(imread(crops / file)[..., :3], -1, 0) for file in files])
            tifffile.imwrite(path, field, ome=True, photometric="minisblack", metadata=metadata)
            paths.append(path)
    return sorted(paths)


def field_of(tiles):
    """Put crops of one size side by side, with a frame of nothing: cells at a border are rejected."""
    rows = [np.concatenate(tiles[r * COLUMNS : (r + 1) * COLUMNS], axis=2) for r in range(ROWS)]
    field = np.concatenate(rows, axis=1)
    nothing = np.median(field, axis=(1, 2)).astype(field.dtype)
    framed = np.full((3, field.shape[1] + 2 * FRAME_PX, field.shape[2] + 2 * FRAME_PX), nothing[:, None, None])
    framed[:, FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = field
    return framed


def type_cell_lines(page: Page) -> None:
    """Type the cell line of each known image into the table, and see that the store has it."""
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("th").filter(has_text="Cell line")).to_have_count(1)
    at_rest(page)
    names = table.locator("th").all_inner_texts()
    column = names.index("Cell line")
    for row in range(6):
        name = table.locator(f"#glide-cell-{names.index('Name')}-{row}").inner_text()
        if name.startswith("known"):
            type_into(page, table, (column, row), name.split()[1])
    until(page, lambda: lines_in_store() == ["", "", "MCF10A", "MCF10A", "MCF7", "MCF7"], "the lines that were typed")


def type_into(page: Page, table: Locator, at: tuple[int, int], text: str) -> None:
    """Type text into a cell of a table, which is one picture for the browser, with its words beside it."""
    n_before = sum(map(bool, lines_in_store()))

    def write() -> None:
        select(page, table, at)
        page.keyboard.press("Enter")
        editor = page.locator(".gdg-input")
        editor.fill(text, timeout=AGAIN_MS)
        editor.press("Enter", timeout=AGAIN_MS)

    shown = table.locator("#glide-cell-{}-{}".format(*at))
    act(page, write, lambda: expect(shown).to_have_text(text, timeout=AGAIN_MS))
    until(page, lambda: sum(map(bool, lines_in_store())) > n_before, f"{text!r} in the store")


def select(page: Page, table: Locator, at: tuple[int, int]) -> None:
    """Select a cell: click its row somewhere, then go along it, one key at a time."""
    box = table.bounding_box()
    page.mouse.click(box["x"] + 320, box["y"] + HEADER_PX + ROW_PX * (at[1] + 0.5))
    page.wait_for_function(f"/^glide-cell-\\d+-{at[1]}$/.test(document.activeElement.id)", timeout=AGAIN_MS)
    now = int(page.evaluate("document.activeElement.id").split("-")[2])
    step = 1 if at[0] > now else -1
    for column in range(now + step, at[0] + step, step) if at[0] != now else ():
        page.keyboard.press("ArrowRight" if step > 0 else "ArrowLeft")
        page.wait_for_function(f"document.activeElement.id == 'glide-cell-{column}-{at[1]}'", timeout=AGAIN_MS)


def lines_in_store() -> list[str]:
    return sorted(image.conditions.get("cell_line", "") for image in list_images(default_project().id))


def trained(page: Page, n_heads: int) -> None:
    """Start a training, wait until the project has so many heads, and read what the page says of the newest."""
    unfold(page, "2. How")
    page.get_by_role("button", name=re.compile("Train (on|again)")).last.click()
    until(page, lambda: len(list_heads(default_project().id)) == n_heads, f"{n_heads} heads")
    expect(page.get_by_role("heading", name=re.compile("On 4 images it had not seen"))).to_be_visible(
        timeout=PATIENT_MS
    )


def test_a_head_of_ones_own(store, page, tmp_path, capsys):
    upload(page, store, *write_fields(tmp_path))
    expect(page.get_by_role("button", name="Segment 6 images")).to_be_visible(timeout=PATIENT_MS)
    type_cell_lines(page)
    run_on(page, 6)
    (run,) = list_runs(default_project().id)

    open_page(page, "Train")
    trained(page, 1)
    (first,) = list_heads(run.project_id)
    page.get_by_role("button", name="Use on this project").click()
    held_out = [image for image in list_runs(run.project_id)[0].images if "held out" in image.name]
    assert len(held_out) == 2
    for image in held_out:
        until(page, lambda image=image: called(run, image), f"classes of {image.name} by the new head")
    open_page(page, "Classify")
    expect(page.get_by_role("heading", name=re.compile("cells in 6 images"))).to_be_visible(timeout=PATIENT_MS)

    label_one(page)
    assert len(list_labels(run.project_id)) == 1
    open_page(page, "Train")
    unfold(page, "1. What")
    expect(page.get_by_text("Labels of single cells: 1 by hand")).to_be_visible(timeout=PATIENT_MS)
    trained(page, 2)
    second = list_heads(run.project_id)[0]
    assert second.id != first.id
    assert by_command_line(run, second.name, tmp_path, capsys) == second.identity


def called(run, image) -> bool:
    """Say whether the cells of an image have classes of the new head."""
    return bool(set(load_cells(run.id, image.image_id)["label"]) & set(LINES.values()))


def label_one(page: Page) -> None:
    """Give one cell the first class by its key, after the classes have been named."""
    open_page(page, "Label")
    classes = page.locator(".desk .class")
    press(page, page.get_by_role("button", name="Start labelling"), classes.first)
    expect(classes).to_have_count(2, timeout=PATIENT_MS)
    expect(page.locator(".desk .cell").first).to_be_visible(timeout=PATIENT_MS)
    at_rest(page)
    page.keyboard.press("1")
    expect(page.locator(".desk .class .count").first).to_have_text("1", timeout=PATIENT_MS)
    expect(page.locator(".desk[data-waiting='0']")).to_be_attached(timeout=PATIENT_MS)


def by_command_line(run, name, folder, capsys) -> str:
    """Train on the same labels and column without a browser; answer what the head is."""
    assert main(["label", "export", run.id, str(folder / "labels.csv")]) == 0
    known = [path.name for path in folder.glob("known*")]
    (folder / "images.csv").write_text("file,line\n" + "".join(f"{file},{file.split()[1]}\n" for file in known))
    options = ["--run", str(run_folder(run.id)), "--column", "line", "--labels", str(folder / "labels.csv")]
    capsys.readouterr()
    assert main(["train", str(folder / "images.csv"), *options, "--out", str(folder / name), "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])["head"]
