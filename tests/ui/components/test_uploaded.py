"""Files that were dropped on a page are read in one place, wherever they lie."""

import io
from types import SimpleNamespace

from cellapp.store import arriving
from cellapp.ui.components.uploaded import Uploaded
from tests.paths import ROOT


def dropped(content, file_id="some"):
    file = io.BytesIO(content)
    return SimpleNamespace(
        name="a.tif", file_id=file_id, size=len(content), read=file.read, seek=file.seek, close=file.close
    )


def test_a_file_is_read_from_the_disk_where_it_arrived_there(tmp_path):
    arriving_file = arriving.ArrivingFile("some")
    arriving_file.write(b"on disk")
    arriving_file.end()
    file = Uploaded(dropped(b""))
    assert (file.n_bytes, file.content()) == (7, b"on disk")
    file.write_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"on disk"
    file.let_go()
    assert arriving.arrived("some") is None


def test_a_file_that_is_in_memory_is_read_there_and_again():
    file = Uploaded(dropped(b"in memory"))
    assert [file.n_bytes, file.content(), file.content()] == [9, b"in memory", b"in memory"]
    file.let_go()


def test_no_page_reads_uploads_by_itself():
    """Streamlit's own objects are empty: the content is on disk."""
    users = [path.name for path in (ROOT / "cellapp").rglob("*.py") if "st.file_uploader" in path.read_text()]
    assert users == ["uploaded.py"]
