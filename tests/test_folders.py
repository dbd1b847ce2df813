"""What lies in others' folders beside their data, and what others' libraries say."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge.capture.lidar.recordings import recordings
from gaitbridge.errors import UserError, words_of
from gaitbridge.folders import data_in
from gaitbridge.geometry.cloud_files import cloud_files, natural

LITTER = ("._1.npy", ".DS_Store", "Thumbs.db", "desktop.ini", ".2.npy.swp", "._a.pcd")


def test_hidden_files_are_no_scans(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("1.npy", "10.npy", "2.npy"):
        np.save(folder / name, np.zeros((4, 3)))
    for name in LITTER:
        (folder / name).write_bytes(b"no scan")
    wanted = ["1.npy", "2.npy", "10.npy"]
    assert [path.name for path in sorted(data_in(folder), key=lambda path: natural(path.name))] == wanted
    assert [path.name for path in cloud_files(folder)] == wanted
    assert [path.name for path in recordings([folder])[0].files] == wanted


def test_hidden_files_that_a_pattern_names_are_no_scans(tmp_path: Path) -> None:
    for name in ("1.bin", "._1.bin", "2.bin"):
        (tmp_path / name).write_bytes(b"")
    (one,) = recordings(sorted(tmp_path.iterdir()))
    assert [path.name for path in one.files] == ["1.bin", "2.bin"]


@pytest.mark.parametrize("digit", ["²", "٣", "⑦"])
def test_odd_digits_in_names_are_sorted(digit: str) -> None:
    assert sorted(["b10", f"b{digit}", "b9"], key=natural)


def test_an_error_is_one_line() -> None:
    assert str(UserError("a.npy: it\n  cannot\r\nbe read\n")) == "a.npy: it cannot be read"
    assert words_of(ValueError("one\ttwo\nthree\x1b[31m")) == "one two three [31m"
    assert words_of(KeyError("x")) == "KeyError 'x'"
    assert words_of(TimeoutError()) == "TimeoutError"
    assert len(words_of(ValueError("word " * 1000))) < 170
