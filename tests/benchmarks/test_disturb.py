"""The comparison that the figures rest on sees every loss, and what costs no process works at a small size."""

import sqlite3

import pytest

from benchmarks.disturb import lock, results, scene

pytestmark = pytest.mark.slow


@pytest.fixture
def seeded(tmp_path):
    scene.seed(tmp_path / "seeded", 2)
    return tmp_path / "seeded"


def test_a_copy_is_the_same_until_something_is_lost_doubled_or_damaged(seeded, tmp_path):
    whole = results.left(seeded)
    assert len(whole["originals"]) == 2
    home = scene.copy_home(seeded, tmp_path / "copy")
    assert not results.differences(results.left(home), whole)

    report = home / "runs" / "made"
    report.mkdir(parents=True)
    (report / "report.html").write_text("another one")
    assert len(results.differences(results.left(home), whole)) == 1
    next(path for path in (home / "files").rglob("*") if path.name in whole["originals"]).write_bytes(b"damaged")
    assert "originals" in results.differences(results.left(home), whole)
    with sqlite3.connect(home / "cellapp.db") as connection:
        connection.execute("UPDATE run_images SET status = 'failed' WHERE position = 0")
        connection.execute("DELETE FROM images WHERE id NOT IN (SELECT image_id FROM run_images WHERE position = 0)")
    assert {"states", "images"} <= set(results.differences(results.left(home), whole))


def test_cells_are_written_while_others_ask_for_the_database(tmp_path):
    figures = lock.big_table(tmp_path, 9_000)
    assert figures["cells"] == 9_000
    waits = [value for name, value in figures.items() if "longest_wait" in name]
    assert len(waits) == 6
    assert min(waits) >= 0
    assert results.rows(tmp_path / "table", "SELECT count(*) FROM cells") == [(0,)]
