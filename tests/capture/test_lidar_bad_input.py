"""Bad LiDAR recordings: one clear line and exit code 2, whatever is in the file; nothing crashes or hangs, nothing half-written stays."""

import struct
from pathlib import Path
from typing import Any

import lidar_files as files
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lidar_files import SCANS, WRITERS

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.lidar.readers import Wish, read
from gaitbridge.capture.lidar.scans import cleaned
from gaitbridge.cli import main
from gaitbridge.errors import UserError

_WRITTEN: dict[str, bytes] = {}


def written(name: str, folder: Path) -> bytes:
    """The bytes of a good file, made once."""
    if name not in _WRITTEN:
        _WRITTEN[name] = WRITERS[name](folder / name).read_bytes()
    return _WRITTEN[name]


def mutated(raw: bytes, kind: str, places: list[float], values: bytes) -> bytes:
    """A file damaged: cut short, bytes changed, a piece left out or put in twice, a number made huge."""
    data = bytearray(raw)
    at = sorted(int(place * (len(raw) - 1)) for place in places)
    if kind == "cut":
        return bytes(data[: at[0]])
    if kind == "drop":
        del data[at[0] : at[-1]]
    elif kind == "twice":
        data[at[0] : at[0]] = data[at[0] : at[-1]]
    elif kind == "huge":
        data[at[0] : at[0] + 4] = b"\xff\xff\xff\x7f"
    else:
        for place, value in zip(at, values, strict=False):
            data[place] = value
    return bytes(data)


def read_all(folder: Path) -> dict[str, Any]:
    """What becomes of each file of a folder: the scans' sizes, or the line of the error. Runs in a process of its own."""
    told: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        try:
            told[path.name] = [len(cleaned(scan, path.name).points) for scan in read(path, Wish(10.0))]
        except UserError as error:
            told[path.name] = str(error)
        except MemoryError:
            told[path.name] = "memory"
    return told


@pytest.mark.parametrize("name", WRITERS)
def test_good_files_are_good(name: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(written(name, tmp_path))
    (told,) = run_isolated(read_all, tmp_path / "in", seconds=60, megabytes=2000).values()
    assert isinstance(told, list)
    assert sum(told) >= 30


DAMAGE = st.tuples(st.sampled_from(["cut", "drop", "twice", "huge", "bytes", "bytes"]), st.lists(st.floats(0, 1), min_size=2, max_size=6),
                   st.binary(min_size=6, max_size=6))  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # without shrinking: each try takes seconds
@given(damages=st.lists(DAMAGE, min_size=25, max_size=25))
def test_damaged_files_end_in_one_line(name: str, damages: list[tuple[str, list[float], bytes]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Many damaged files in one process: every one is read, or refused in one line; if the library itself crashes, that is a line, too."""
    place = tmp_path_factory.mktemp("damaged")
    raw = written(name, place)
    folder = place / "in"
    folder.mkdir()
    for number, damage in enumerate(damages):
        (folder / f"{number}-{name}").write_bytes(mutated(raw, *damage))
    try:
        told = run_isolated(read_all, folder, seconds=60, megabytes=1500)
    except UserError as error:
        crash = str(error)
        assert name in ("a.las", "a.laz", "a.pcap"), crash  # whose libraries are not Python; the others have a hole
        assert "crashed" in crash, crash
        return
    assert len(told) == len(damages)
    for line in told.values():
        assert isinstance(line, list) or (line and "\n" not in line)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The line that the command ends with; it must fail by exit code 2."""
    assert main(["capture", "lidar", *arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gaitbridge: ")]
    assert len(lines) == 1
    return lines[0]


def test_mistakes_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk, store = str(files.npz(tmp_path / "walk.npz", SCANS)), str(tmp_path / "store")
    assert "give one or more LiDAR recordings" in said(capsys, walk)
    assert "walk.npz is a file: the last argument is the folder" in said(capsys, walk, walk)
    assert "is missing" in said(capsys, str(tmp_path / "none.pcd"), store)
    assert "unknown LiDAR 'velodyne-vlp-16': did you mean 'velodyne-vlp16'" in said(capsys, walk, store, "--sensor", "velodyne-vlp-16")
    assert "its scans have no times: say --hz" in said(capsys, walk, store, "--sensor", "velodyne-vlp16")
    assert "it does not say which LiDAR made it: say --sensor" in said(capsys, walk, store, "--hz", "10")
    assert "--hz 0: give 0.5 to 200" in said(capsys, walk, store, "--hz", "0")
    assert "--least-frames 1: give 2" in said(capsys, walk, store, "--least-frames", "1")
    assert "end its name in .png" in said(capsys, walk, store, "--sheet", "a.jpg")
    assert "--size" in said(capsys, walk, store, "--hz", "10", "--size", "big")
    assert "nobody walks in 2 scans" in said(capsys, walk, store, "--hz", "10", "--sensor", "velodyne-vlp16")
    assert not Path(store).exists()


@pytest.mark.parametrize(("scans", "words"), [
    ([np.empty((0, 3)), np.empty((0, 3))], "scans without a point"),
    ([np.full((50, 3), np.nan)] * 2, "scans without a point"),
    ([SCANS[0] * 1000.0] * 2, "they seem to be millimetres: scale the points to metres, or say --unit mm"),
    ([SCANS[0] + [5e5, 5e6, 0.0]] * 2, "they seem to be map coordinates"),
])  # fmt: skip
def test_scans_without_sense(scans: list[np.ndarray], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk = str(files.pkl(tmp_path / "walk.pkl", scans))
    assert words in said(capsys, walk, str(tmp_path / "store"), "--hz", "10", "--sensor", "velodyne-vlp16")


def test_a_clock_that_stands_still(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk = str(files.npz(tmp_path / "walk.npz", [SCANS[0]] * 5, time_s=np.array([5.0, 5.0, 5.0, 5.0, 6.0])))
    assert "most of its scans have the time of the one before: say --hz" in said(capsys, walk, str(tmp_path / "store"), "--sensor", "velodyne-vlp16")


def test_hostile_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"--hz": "10", "--sensor": "velodyne-vlp16"}
    rest = [str(tmp_path / "store"), *(word for pair in told.items() for word in pair)]
    assert "walk.npz" in said(capsys, str(files.bomb(tmp_path / "walk.npz")), *rest)
    (tmp_path / "evil.pkl").write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR.")
    assert "is refused: it asks for os.system" in said(capsys, str(tmp_path / "evil.pkl"), *rest)
    assert not (tmp_path / "run").exists()
    (tmp_path / "big.pcd").write_bytes(b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 10\nDATA binary_compressed\n" + struct.pack("<II", 4, 2**31))
    assert "big.pcd" in said(capsys, str(tmp_path / "big.pcd"), *rest)
    (tmp_path / "empty.pcap").write_bytes(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    assert "no packets of a Velodyne LiDAR" in said(capsys, str(tmp_path / "empty.pcap"), *rest)
    for kind in ("las", "laz", "bag", "db3", "mcap", "pcap", "npy", "npz", "pcd", "pkl", "bin"):
        (tmp_path / f"noise.{kind}").write_bytes(b"no recording at all")
        assert f"noise.{kind}" in said(capsys, str(tmp_path / f"noise.{kind}"), *rest)
    assert not (tmp_path / "store" / "store.json").exists()
