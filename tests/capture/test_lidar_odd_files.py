"""Recordings as drivers and interrupted programs leave them: read by what the data say, or one line that names what mends them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lidar_files as files
import numpy as np
import pytest

from gaitbridge.capture.lidar.readers import Wish, read
from gaitbridge.capture.lidar.readers.ros import scan_of_cloud
from gaitbridge.errors import UserError

RANDOM = np.random.default_rng(2)
POINTS = RANDOM.uniform(-9, 9, (12, 3)).astype("<f4")
CASES = Path(__file__).parents[2].parent / "shared" / "cases" / "damaged"


def message(height: int, row_step: int, padding: int = 0) -> SimpleNamespace:
    """A PointCloud2 of 12 points in rows, each row followed by some bytes of nothing."""
    rows = POINTS.reshape(height, -1)
    data = b"".join(row.tobytes() + b"\xaa" * padding for row in rows)
    fields = [SimpleNamespace(name=axis, offset=4 * k, datatype=7, count=1) for k, axis in enumerate("xyz")]
    return SimpleNamespace(is_bigendian=False, fields=fields, point_step=12, row_step=row_step, height=height, width=12 // height,
                           data=np.frombuffer(data, np.uint8))  # fmt: skip


@pytest.mark.parametrize(("height", "padding", "row_step"), [
    (1, 0, 144), (1, 0, 0), (1, 0, 12), (1, 0, 10**9), (3, 0, 48), (3, 0, 0), (3, 0, 144), (3, 8, 56), (3, 8, 0), (3, 8, 12), (1, 8, 144),
])  # fmt: skip
def test_the_bytes_of_a_row_are_those_that_the_data_have(height: int, padding: int, row_step: int) -> None:
    np.testing.assert_array_equal(scan_of_cloud(message(height, row_step, padding), 0.0, "a").points.astype("<f4"), POINTS)


def test_a_cloud_without_all_its_points_is_refused() -> None:
    cut = message(3, 48)
    cut.data = cut.data[:-13]
    with pytest.raises(ValueError, match="3 rows of 48 bytes do not fit into 131"):
        scan_of_cloud(cut, 0.0, "a")


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        list(read(path, Wish(10.0)))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_bag_that_was_not_closed_names_what_mends_it(tmp_path: Path) -> None:
    scans, rings = [POINTS] * 3, [np.arange(12)] * 3
    bag = files.ros(tmp_path / "walk.bag", scans, rings)
    whole = bag.read_bytes()
    assert len(list(read(bag, Wish()))) == 3
    bag.write_bytes(whole[:-200])
    assert "mend it with `rosbag reindex walk.bag`, and give it again" in refusal(bag)
    place = whole.index(b"index_pos=") + 10
    bag.write_bytes(whole[:place] + bytes(8) + whole[place + 8 :])  # as a recorder begins
    assert "the recording was interrupted or the file is cut off: mend it with `rosbag reindex walk.bag`" in refusal(bag)
    active = tmp_path / "walk.bag.active"
    active.write_bytes(bag.read_bytes())
    assert "`rosbag reindex walk.bag.active`, rename it to walk.bag, and give that" in refusal(active)
    (mcap,) = files.ros(tmp_path / "folder", scans, rings, mcap=True).glob("*.mcap")
    assert len(list(read(mcap, Wish()))) == 3
    mcap.write_bytes(mcap.read_bytes()[:-60])
    assert "mend it with `mcap recover folder.mcap -o mended.mcap`" in refusal(mcap)


def test_las_headers_that_announce_too_much_are_refused_at_once(tmp_path: Path) -> None:
    """The library reads records that are not there for minutes, or takes memory for them until it is killed."""
    for name in ("a.las", "a.laz"):
        whole = files.las(tmp_path / name, [POINTS]).read_bytes()
        assert len(list(read(tmp_path / name, Wish(10.0)))) == 1
        (tmp_path / name).write_bytes(whole[:100] + (7_000_000).to_bytes(4, "little") + whole[104:])
        assert f"{name} cannot be read as LAS or LAZ (its header announces 7,000,000 records" in refusal(tmp_path / name)
    whole = files.las(tmp_path / "b.las", [POINTS]).read_bytes()
    (tmp_path / "b.las").write_bytes(whole[:107] + (2**31).to_bytes(4, "little") + whole[111:])
    assert "announces 2,147,483,648 points" in refusal(tmp_path / "b.las")


def test_a_fifth_column_of_beams_gives_the_lidar(tmp_path: Path) -> None:
    beams = np.arange(300) % 16
    table = np.column_stack([RANDOM.uniform(-9, 9, (300, 3)) * [1, 1, 0.1], RANDOM.integers(0, 255, 300), beams]).astype("<f4")
    (tmp_path / "a.pcd.bin").write_bytes(table.tobytes())
    (scan,) = read(tmp_path / "a.pcd.bin", Wish())
    assert scan.ring is not None
    np.testing.assert_array_equal(scan.ring, beams)
    np.testing.assert_array_equal(scan.points, table[:, :3])
    table[:, 4] = np.linspace(0, 0.1, 300)  # times: no beams
    (tmp_path / "b.bin").write_bytes(table.tobytes())
    assert next(iter(read(tmp_path / "b.bin", Wish(columns=5)))).ring is None


@pytest.mark.parametrize("value", [np.float32(3), np.zeros(5), np.zeros((2, 2, 2, 3)), np.array("text"), np.zeros(3, "c8"),
                                   np.zeros(4, [("x", "<f4"), ("y", "<f4"), ("z", "<f4")])], ids=lambda value: str(value.dtype))  # fmt: skip
def test_arrays_of_other_shapes_are_one_line(tmp_path: Path, value: Any) -> None:
    np.save(tmp_path / "a.npy", value)
    assert "not points [P, 3 or more]" in refusal(tmp_path / "a.npy")


def test_arrays_shorter_than_they_say_take_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    with file.open("wb") as opened:
        np.lib.format.write_array_header_1_0(opened, {"descr": "<f8", "fortran_order": False, "shape": (7 * 10**10, 3)})
        opened.write(bytes(168))
    assert "its header announces 1,680,000,000,000 bytes, it holds 168: it is cut off" in refusal(file)


@pytest.mark.parametrize("name", ["02-cloud_npy-other.npy", "04-cloud_pkl-multiline.pkl", "50-scan_las-hang_or_abort.las",
                                  "52-scan_laz-hang_or_abort.laz"])  # fmt: skip
def test_files_that_broke_it(name: str) -> None:
    if not (CASES / name).is_file():
        pytest.skip("the damaged files are not beside this repository")
    assert name in refusal(CASES / name)


@pytest.mark.parametrize("panic", [BaseException("index out of range:\n  the len is 3\n\x1b[0m"), RuntimeError("no\n" * 500), KeyError("x")],
                         ids=["panic", "long", "key"])
def test_whatever_a_library_raises_is_one_short_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, panic: BaseException) -> None:
    """Libraries in Rust raise what is no Exception."""

    def raises(_: Path) -> dict[str, np.ndarray]:
        raise panic

    monkeypatch.setattr("gaitbridge.capture.lidar.readers.pcd.pcd_fields", raises)
    line = refusal(files.pcd(tmp_path / "a.pcd", POINTS))
    assert "a.pcd cannot be read as PCD (" in line
    assert line.isprintable()
    assert len(line) < len(str(tmp_path)) + 280
