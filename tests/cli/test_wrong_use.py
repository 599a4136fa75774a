"""What cannot be used as it is given is refused in one sentence with exit status 2, before any work and any file."""

import numpy as np
import pytest
import typer

from cellapp.cli import app, main
from cellapp.models.registry import MODELS

NETWORK = str(MODELS / "compact")
SLIDE = ["analyse", "SLIDE", "--out", "OUT"]
PICTURES = ["PICTURES", "--out", "OUT"]
WRONG = [
    *([*SLIDE, *more] for more in (
        ("--engine", "tcp://"),
        ("--engine", "nothing://here"),
        ("--explain", "1", "--explain-target", "no class"),
        ("--head", ""),
        ("--segmenter", ""),
        ("--settings", "NESTED"),
        ("--settings", "BYTES"),
        ("--settings", "FOLDER"),
        ("--settings", "nosuch.json"),
    )),
    ["analyse", "", "--out", "OUT"],
    *(["demo", "--out", "OUT", *more] for more in (
        ("--size", "1000000x1000000"),
        ("--um-per-px", "inf"),
        ("--um-per-px", "1e-9"),
        ("--um-per-px", "1e9"),
        ("--seed", "-1"),
    )),
    *(["train", *PICTURES, "--seed", seed] for seed in ("-1", "4294967296")),
    ["train", *PICTURES, "--recipe", "BYTES"],
    ["pretrain", *PICTURES, "--epochs", "inf"],
    ["embed", "PICTURES", "--out", "FOLDER"],
    ["predict", "PICTURES", "--head", "demo-head", "--out", "FOLDER"],
    ["discover", "BYTES", "--out", "OUT"],
    ["average-segmenters", "nosuch", "FOLDER", "--out", "OUT"],
    *(["average-segmenters", NETWORK, "FOLDER", "--out", "OUT", "--share", "1", "--share", n] for n in ("nan", "inf")),
    *(["serve", "--headless", "--port", port] for port in ("-1", "99999")),
    *(["worker", "--once", "--idle-s", number] for number in ("nan", "-1", "inf")),
    ["growth", "PICTURES", "--out", "OUT", "--every", "inf"],
    *(["discover", name, "--out", "OUT"] for name in ("LARGE.NPZ", "NARROW.NPZ", "ONE.NPY")),
    ["lines", "train", *PICTURES, "--seed", "4294967296"],
    ["label", "suggest", "FOLDER", "TABLE", "--order", "random", "--seed", "-1"],
]  # fmt: skip
WORDS = ("out", "folder", "nested", "bytes", "pictures", "table", "large.npz", "narrow.npz", "one.npy")


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_a_wrong_use_is_one_line_status_2_and_leaves_nothing(arguments, demo, tmp_path, capsys):
    pictures = tmp_path / "pictures"
    for name in ("a", "b"):
        (pictures / name).mkdir(parents=True)
        for k in range(4):
            (pictures / name / f"{k}.tif").symlink_to(demo.slide)
    (tmp_path / "folder").mkdir()
    (tmp_path / "nested").write_text("[" * 100_000)
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    np.savez(tmp_path / "large.npz", features=np.full((30, 4), 1e300) * np.arange(30)[:, None])
    np.savez(tmp_path / "narrow.npz", features=np.zeros((30, 0)))
    np.save(tmp_path / "one.npy", np.zeros((30, 4)))
    before = set(tmp_path.rglob("*"))
    places = {name.upper(): str(tmp_path / name) for name in WORDS}
    places["SLIDE"] = str(demo.slide)
    assert main([places.get(word, word) for word in arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("cellapp: ")
    assert "Errno" not in said[-1]
    assert "Error" not in said[-1]
    written = {path.relative_to(tmp_path) for path in set(tmp_path.rglob("*")) - before if path.is_file()}
    assert {path for path in written if path.parts[0] != "home"} == set()


def options(group, path=""):
    """Every option and argument of every command, with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from options(command, f"{path}{name} ")
        else:
            yield from (pytest.param(one, id=f"{path}{name} {one.name}") for one in command.params)


@pytest.mark.parametrize("option", list(options(typer.main.get_command(app))))
def test_what_is_written_to_is_known_as_file_or_folder_before_any_work(option):
    """Else the work is done when the system says that a folder is no file."""
    said = getattr(option, "help", None) or ""
    if said.startswith(("File to write", "Table to write")):
        assert not option.type_descriptor.parameter_info.dir_okay
    if said.startswith(("Folder for", "Folder to write")):
        assert not option.type_descriptor.parameter_info.file_okay
