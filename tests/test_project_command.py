"""gaitbridge project: every kind of file in, arrays and contact sheets out, and one clear line for what is wrong."""

import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image

from gaitbridge.cli import main
from gaitbridge.geometry import projection
from gaitbridge.geometry.cloud_files import cloud_files, read_clouds
from gaitbridge.geometry.depth_picture import depth_pictures
from gaitbridge.geometry.pcd import unlzf
from gaitbridge.geometry.projection import SUSTECH1K


def clouds(count: int = 3) -> list[np.ndarray]:
    """A slab of points ten metres before the sensor, in SUSTech1K's axes."""
    random = np.random.default_rng(0)
    return [np.stack([np.full(60 + n, -10.0), random.uniform(-0.3, 0.3, 60 + n), random.uniform(-0.9, 0.8, 60 + n)], -1) for n in range(count)]


def pcd(points: np.ndarray, kind: str) -> bytes:
    """A .pcd file with a field before and one after the coordinates."""
    head = (f"# .PCD v0.7\nVERSION 0.7\nFIELDS ring x y z time\nSIZE 2 4 4 4 8\nTYPE U F F F F\nCOUNT 1 1 1 1 1\nWIDTH {len(points)}\nHEIGHT 1\n"
            f"VIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA {kind}\n").encode()  # fmt: skip
    if kind == "ascii":
        return head + "\n".join(f"7 {x:.9g} {y:.9g} {z:.9g} 0.5" for x, y, z in points).encode()
    table = np.zeros(len(points), [("ring", "<u2"), ("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("time", "<f8")])
    table["x"], table["y"], table["z"] = points.T
    if kind == "binary":
        return head + table.tobytes()
    columns = b"".join(table[name].tobytes() for name in ("ring", "x", "y", "z", "time"))
    packed = b"".join(bytes([len(part) - 1]) + part for part in (columns[k : k + 32] for k in range(0, len(columns), 32)))  # literals alone
    return head + struct.pack("<II", len(packed), len(columns)) + packed


def written(folder: Path, kind: str) -> Path:
    frames = clouds()
    if kind == "npy":
        np.save(folder / "one.npy", frames[0])
        return folder / "one.npy"
    if kind == "npz":
        np.savez(folder / "all.npz", frame10=frames[2], frame2=frames[1], frame1=frames[0], times=np.arange(3.0))
        return folder / "all.npz"
    if kind == "pkl":
        (folder / "all.pkl").write_bytes(pickle.dumps(frames))
        return folder / "all.pkl"
    if kind == "bin":
        (folder / "one.bin").write_bytes(np.column_stack([frames[0], np.ones(60)]).astype("<f4").tobytes())
        return folder / "one.bin"
    (folder / "one.pcd").write_bytes(pcd(frames[0], kind))
    return folder / "one.pcd"


@pytest.mark.parametrize("kind", ["npy", "npz", "pkl", "bin", "ascii", "binary", "binary_compressed"])
def test_every_kind_of_file_gives_the_same_views(tmp_path: Path, kind: str) -> None:
    source, out = written(tmp_path, kind), tmp_path / "out.npz"
    assert main(["project", str(source), str(out)]) == 0
    with np.load(out, allow_pickle=False) as arrays:
        views = arrays["range_views"]
        assert arrays["points"].tolist() == [60, 61, 62][: len(views)]
        assert len(arrays["names"]) == len(views) == (3 if kind in ("npz", "pkl") else 1)
    np.testing.assert_allclose(views, projection.range_views(clouds(len(views)), SUSTECH1K), rtol=1e-6)


def test_a_folder_in_the_order_of_its_numbers_with_pictures_and_a_sheet(tmp_path: Path) -> None:
    folder, out = tmp_path / "frames", tmp_path / "out.npz"
    folder.mkdir()
    for number, points in zip((10, 9, 100), clouds(), strict=True):
        np.save(folder / f"{number}.npy", points)
    (folder / "notes.txt").write_text("no cloud")
    assert main(["project", str(folder), str(out), "--pictures", "--preview", "--size", "48x32"]) == 0
    with np.load(out, allow_pickle=False) as arrays:
        assert arrays["names"].tolist() == ["9.npy", "10.npy", "100.npy"]
        assert arrays["range_views"].shape == (3, 48, 32)
        one, two, three = clouds()
        np.testing.assert_array_equal(arrays["depth_pictures"], depth_pictures([two, one, three], SUSTECH1K, (48, 32)))
    assert image.imread(out.with_suffix(".png")).shape[:2] == (2 * 48 + 2, 3 * (32 + 2))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "out.npz", "out.png"]


def test_whole_turns_and_a_sheet_alone(tmp_path: Path) -> None:
    source = written(tmp_path, "npy")
    assert main(["project", str(source), str(tmp_path / "turn.npz"), "--crop", "none"]) == 0
    with np.load(tmp_path / "turn.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["full_views"][0], projection.full_view(clouds()[0], SUSTECH1K))
    assert main(["project", str(source), str(tmp_path / "sheet.png")]) == 0
    assert not (tmp_path / "sheet.npz").exists()
    assert image.imread(tmp_path / "sheet.png").shape[:2] == (66, 66)


def test_missing_points_are_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = clouds()[0]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps([np.concatenate([one, np.full((4, 3), np.nan)]), np.empty((0, 3))]))
    assert main(["project", str(tmp_path / "a.pkl"), str(tmp_path / "out.npz")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 views of 64 x 64 by sustech1k; 1 frames without a return; 4 points left out" in said
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["range_views"][0], projection.range_view(one, SUSTECH1K))
        assert np.isnan(arrays["range_views"][1]).all()


def bad(folder: Path, name: str, content: object) -> Path:
    file = folder / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif name.endswith(".npy"):
        np.save(file, np.asarray(content))
    else:
        file.write_bytes(pickle.dumps(content))
    return file


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("true",)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npy", np.zeros((0, 3)), "there are no points in it"),
        ("a.npy", np.full((5, 3), np.nan), "no point of 1 frames lies in the field"),
        ("a.npy", np.zeros((5, 2)), "not points [P, 3 or more]"),
        ("a.npy", np.array([["x", "y", "z"]]), "not points [P, 3 or more]"),
        ("a.npy", b"no array", "cannot be read as point clouds"),
        ("a.bin", b"123", "no whole number of floats"),
        ("a.pcd", b"no cloud", "no .pcd header"),
        ("a.pcd", pcd(np.zeros((9, 3)), "binary")[:-40], "cannot be read as point clouds"),
        ("a.pcd", pcd(np.zeros((9, 3)), "binary_compressed")[:-40], "cannot be read as point clouds"),
        ("a.pcd", pcd(np.zeros((9, 3)), "ascii").replace(b" z ", b" w "), "lacks the fields x, y, z"),
        ("a.pkl", {"x": 1}, "values by name"),
        ("a.pkl", [Evil()], "refused"),
        ("a.pkl", [np.zeros((3, 3)), np.zeros(4)], "a.pkl[1] is float64 [4], not points"),
        ("a.txt", b"", "no known kind"),
    ],
)
def test_bad_input_gets_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: object, message: str) -> None:
    file = bad(tmp_path, name, content)
    assert main(["project", str(file), str(tmp_path / "out.npz")]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gaitbridge:")]
    assert len(said) == 1
    assert message in said[0]
    assert "a." in said[0]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sensor", "sustech"], "did you mean 'sustech1k'"),
        (["--sensor", "none.json"], "none.json is missing"),
        (["--size", "64"], "write height x width"),
        (["--size", "0x64"], "write height x width"),
        (["--crop", "none", "--pictures"], "--pictures shows a person"),
    ],
)
def test_wrong_options_get_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    assert main(["project", str(written(tmp_path, "npy")), str(tmp_path / "out.npz"), *options]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.npz").exists()


def test_wrong_places_get_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for source, out, message in ((tmp_path / "none.npy", "out.npz", "is missing"), (tmp_path, "out.npz", "holds no point clouds"),
                                 (tmp_path, "out.txt", "end the output's name in .npz")):  # fmt: skip
        assert main(["project", str(source), str(tmp_path / out)]) == 2
        assert message in capsys.readouterr().err


def test_compressed_copies_overlap() -> None:
    assert unlzf(bytes([0, 97, 0x20 | 0, 0, 1, 98, 99, 0xE0, 3, 4]), 18) == b"a" + b"aaa" + b"bc" + (b"aaabc" * 3)[:12]
    with pytest.raises(ValueError, match="damaged"):
        unlzf(bytes([0, 97, 0x20, 9]), 4)


def test_an_array_of_frames_is_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 7, 3)))
    assert [cloud.name for cloud in read_clouds(cloud_files(tmp_path)[0])] == [f"a.npy[{number}]" for number in range(4)]
