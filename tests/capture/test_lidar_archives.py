"""Archives of scans: taken in order with their times; nothing of what a hostile one says is believed."""

import io
import stat
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaitbridge.capture.lidar.archives import FREE, find_archived, unpacked
from gaitbridge.errors import UserError

SCAN = np.ones((10, 4), "<f4").tobytes()
PLENTY = 2**30


def packed(place: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], way: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(place, "w", way) as archive:
        for name, data in entries:
            archive.writestr(name, data, way)
    return place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


def refused(path: Path, folder: Path, most: int = PLENTY) -> str:
    settings: dict[str, Any] = {"gates": {}}
    with pytest.raises(UserError) as error:
        find_archived(path, folder, most, settings)
    return str(error.value).replace(str(path), "IT")


def test_scans_come_in_the_order_of_their_names_with_their_times(tmp_path: Path, folder: Path) -> None:
    path = packed(tmp_path / "a.zip", ("d/10.bin", SCAN * 3), ("d/9.bin", SCAN), ("d/._9.bin", b"x"), ("__MACOSX/d/9.bin", b"x"),
                  ("timestamps.txt", b"1\n2\n"), ("d/9.png", b"x"))
    files = unpacked(path, folder, PLENTY)
    assert [file.name for file in files] == ["000000-9.bin", "000001-10.bin"]
    assert [file.stat().st_size for file in files] == [len(SCAN), 3 * len(SCAN)]
    assert (folder / "timestamps.txt").read_text() == "1\n2\n"


@pytest.mark.parametrize("name", ["../../escaped.bin", "/tmp/escaped.bin", "..\\..\\escaped.bin", "C:\\escaped.bin", "a\nb/\u202eescaped.bin",
                                  "x" * 300 + "escaped.bin"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    (file,) = unpacked(packed(tmp_path / "a.zip", (name, SCAN)), folder, PLENTY)
    assert file.parent == folder
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == {tmp_path / "a.zip", file}
    assert file.name.isascii()


def test_a_link_is_no_scan(tmp_path: Path, folder: Path) -> None:
    link = zipfile.ZipInfo("a.bin")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert refused(packed(tmp_path / "a.zip", (link, b"/etc/passwd")), folder) == "IT holds no scan: pack the files of one recording, which end in " \
                                                                                 ".bin or .pcd"
    assert not list(folder.iterdir())


def test_what_swells_is_stopped(tmp_path: Path, folder: Path) -> None:
    bomb = packed(tmp_path / "a.zip", *((f"{number}.bin", bytes(FREE // 4)) for number in range(6)))
    assert "swells to more than it may" in refused(bomb, folder)
    assert sum(file.stat().st_size for file in folder.iterdir()) <= FREE + 20 * bomb.stat().st_size
    other = tmp_path / "other"
    other.mkdir()
    assert "swells to more than it may" in refused(packed(tmp_path / "b.zip", ("a.bin", SCAN)), other, 100)


def test_what_is_no_plain_zip_of_one_recording_is_said(tmp_path: Path, folder: Path) -> None:
    assert "holds scans in 2 folders, such as a and b: send each" in refused(packed(tmp_path / "a.zip", ("a/1.bin", SCAN), ("b/1.bin", SCAN)), folder)
    assert "uncommon way" in refused(packed(tmp_path / "b.zip", ("1.bin", SCAN), way=zipfile.ZIP_LZMA), folder)
    locked = bytearray(packed(tmp_path / "c.zip", ("1.bin", SCAN)).read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + at] |= 1
    (tmp_path / "c.zip").write_bytes(locked)
    assert "is encrypted" in refused(tmp_path / "c.zip", folder)
    whole = packed(tmp_path / "d.zip", ("1.bin", SCAN * 50)).read_bytes()
    for number, damaged in enumerate((whole[:40], whole[:50] + b"xxxx" + whole[54:], io.BytesIO(b"PK\x03\x04").getvalue())):
        place = tmp_path / f"damaged{number}.zip"
        place.write_bytes(damaged)
        other = tmp_path / f"other{number}"
        other.mkdir()
        assert "is damaged" in refused(place, other)
