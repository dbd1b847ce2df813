"""PCD files whose headers say things twice, wrongly, or not at all: the data decide."""

import struct
from pathlib import Path

import numpy as np
import pytest

from gaitbridge.geometry.pcd import pcd_fields, read_pcd

POINTS = np.random.default_rng(3).uniform(-9, 9, (40, 3)).astype("<f4")
HEADER = {"FIELDS": "x y z _ ring", "SIZE": "4 4 4 1 2", "TYPE": "F F F U U", "COUNT": "1 1 1 4 1", "WIDTH": "40", "HEIGHT": "1", "POINTS": "40"}


def body(kind: str) -> bytes:
    """x, y, z, four bytes of padding, and the beam."""
    ring = np.arange(40, dtype="<u2")
    if kind == "ascii":
        return "".join(f"{x:.9g} {y:.9g} {z:.9g} 0 0 0 0 {n}\n" for n, (x, y, z) in enumerate(POINTS)).encode()
    columns = [*POINTS.T, np.zeros((40, 4), np.uint8), ring]
    if kind == "binary":
        table = np.zeros(40, [("p", "<f4", 3), ("_", "u1", 4), ("ring", "<u2")])
        table["p"], table["ring"] = POINTS, ring
        return table.tobytes()
    raw = b"".join(np.ascontiguousarray(column).tobytes() for column in columns)
    packed = b"".join(bytes([len(raw[k : k + 32]) - 1]) + raw[k : k + 32] for k in range(0, len(raw), 32))  # literals alone
    return struct.pack("<II", len(raw), len(raw)) + raw if kind == "stored" else struct.pack("<II", len(packed), len(raw)) + packed


def written(path: Path, kind: str, header: dict[str, str | None] | None = None, data: bytes | None = None) -> Path:
    """A file with a header changed, or without a line of it (None)."""
    lines = [f"{name} {value}" for name, value in {**HEADER, **(header or {})}.items() if value is not None]
    head = "\n".join(["# .PCD v0.7", "VERSION 0.7", *lines, f"DATA {'binary_compressed' if kind == 'stored' else kind}\n"])
    path.write_bytes(head.encode() + (body(kind) if data is None else data))
    return path


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed", "stored"])
@pytest.mark.parametrize("header", [
    {}, {"POINTS": None}, {"WIDTH": None, "HEIGHT": None}, {"POINTS": None, "WIDTH": None, "HEIGHT": None}, {"POINTS": "41"}, {"WIDTH": "41"},
    {"POINTS": "0"}, {"POINTS": "0", "WIDTH": "0"}, {"WIDTH": "20", "HEIGHT": "2"},
], ids=str)  # fmt: skip
def test_the_data_say_how_many_points_there_are(tmp_path: Path, kind: str, header: dict[str, str | None]) -> None:
    fields = pcd_fields(written(tmp_path / "a.pcd", kind, header))
    np.testing.assert_array_equal(np.stack([fields[axis][:, 0] for axis in "xyz"], 1).astype("<f4"), POINTS)
    assert fields["ring"][:, 0].tolist() == list(range(40))


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed"])
def test_fields_of_count_0_take_no_room(tmp_path: Path, kind: str) -> None:
    file = written(tmp_path / "a.pcd", kind, {"FIELDS": "x y z _ nothing ring", "SIZE": "4 4 4 1 1 2", "TYPE": "F F F U U U",
                                               "COUNT": "1 1 1 4 0 1"})  # fmt: skip
    fields = pcd_fields(file)
    assert "nothing" not in fields
    np.testing.assert_array_equal(read_pcd(file).astype("<f4"), POINTS)
    assert fields["ring"][:, 0].tolist() == list(range(40))


@pytest.mark.parametrize("kind", ["ascii", "binary", "binary_compressed", "stored"])
def test_files_cut_off_and_headers_without_sense_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ValueError, match=r"announces 40 points, it holds \d+: it is cut off|compressed part is damaged|buffer"):
        pcd_fields(written(tmp_path / "a.pcd", kind, data=body(kind)[:-90]))
    with pytest.raises(ValueError, match="same number of fields"):
        pcd_fields(written(tmp_path / "a.pcd", kind, {"COUNT": "1 1 1 -4 1"}))
    with pytest.raises(ValueError, match="counts no x, y, z"):
        pcd_fields(written(tmp_path / "a.pcd", kind, {"COUNT": "0 1 1 4 1"}))
