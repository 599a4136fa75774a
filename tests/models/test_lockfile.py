"""The lock file: what was downloaded, safe for several writers."""

import threading

import pytest

from cellapp.errors import ModelError
from cellapp.models.lockfile import LockedModel, lock_path, read_lock, record


def test_nothing_downloaded_is_an_empty_lock(home):
    assert read_lock() == {}


def test_what_was_recorded_is_read_back(home):
    one = LockedModel("a" * 40, {"model.safetensors": "1" * 64, 'odd "name".json': "2" * 64})
    record("facebook/dinov2-small", one)
    record("cpsam", LockedModel("b" * 40, {"cpsam": "3" * 64}))
    assert read_lock() == {"cpsam": LockedModel("b" * 40, {"cpsam": "3" * 64}), "facebook/dinov2-small": one}
    record("cpsam", LockedModel("c" * 40))
    assert read_lock()["cpsam"].revision == "c" * 40


def test_writers_at_once_lose_nothing(home):
    threads = [threading.Thread(target=record, args=(f"model {i}", LockedModel(str(i)))) for i in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert {name: model.revision for name, model in read_lock().items()} == {f"model {i}": str(i) for i in range(8)}


@pytest.mark.parametrize("content", ["[", "[x]\nfiles = 3", 'x = "y"'])
def test_a_damaged_file_is_said_to_be_damaged(home, content):
    lock_path().parent.mkdir(parents=True)
    lock_path().write_text(content)
    with pytest.raises(ModelError, match="damaged"):
        read_lock()
