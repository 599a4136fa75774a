import pytest

from cellapp.files import atomic_folder, atomic_write


def test_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_write(path) as part:
        part.write_text("half") + None
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}


def test_finished_write_replaces_the_old_file(tmp_path):
    with atomic_write(tmp_path / "new" / "a.txt") as part:
        part.write_text("new")
        assert part.suffix == ".txt"
    assert [(p.name, p.read_text()) for p in (tmp_path / "new").iterdir()] == [("a.txt", "new")]


def test_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "a"
    for name in ("one", "two"):
        with atomic_folder(folder) as part:
            (part / name).touch()
    with pytest.raises(FileExistsError), atomic_folder(folder) as part:
        part.mkdir()
    assert [p.relative_to(tmp_path).as_posix() for p in sorted(tmp_path.rglob("*"))] == ["a", "a/two"]
