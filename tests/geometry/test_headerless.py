"""Files of bare floats: the number of columns from the data alone, or a question."""

from pathlib import Path

import numpy as np
import pytest

from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.geometry.headerless import columns_of, read_bin

RANDOM = np.random.default_rng(4)


def turn(points: int) -> np.ndarray:
    """A turn of a LiDAR over flat ground and walls [P, 3], in the order of its beams."""
    azimuth, ring = np.linspace(0, 2 * np.pi, points), np.arange(points) % 32
    elevation = np.deg2rad(10.0 - 1.33 * ring)
    ranges = np.minimum(18 + 3 * np.sin(3 * azimuth), np.where(elevation < 0, -1.8 / np.sin(np.minimum(elevation, -1e-3)), 99.0))
    return ranges[:, None] * np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], axis=1)


def walker(points: int) -> np.ndarray:
    """A person alone [P, 3], seven metres away."""
    return np.array([7.0, 0.3, -0.9]) + RANDOM.uniform(-1, 1, (points, 3)) * [0.2, 0.3, 0.85]


def written(path: Path, points: np.ndarray, columns: int, intensity: str = "byte") -> Path:
    count = len(points)
    light = {"byte": RANDOM.integers(0, 256, count), "unit": RANDOM.random(count), "constant": np.full(count, 12.0)}[intensity]
    more = [light, np.arange(count) % 32, np.linspace(0, 0.1, count), np.ones(count), np.arange(count)]
    path.write_bytes(np.column_stack([points, *more])[:, :columns].astype("<f4").tobytes())
    return path


@pytest.mark.parametrize("columns", [3, 4, 5, 6])
@pytest.mark.parametrize("intensity", ["byte", "unit", "constant"])
@pytest.mark.parametrize("points", [turn(24_000), turn(24_000)[RANDOM.permutation(24_000)], walker(60)], ids=["turn", "shuffled", "walker"])
def test_the_columns_are_found(tmp_path: Path, points: np.ndarray, intensity: str, columns: int) -> None:
    """60 points, or 24,000: any of 3 to 6 columns could be."""
    file = written(tmp_path / "a.bin", points, columns, intensity)
    assert columns_of([file]) == columns
    np.testing.assert_array_equal(read_bin(file, columns)[:, :3], points.astype("<f4"))


def test_files_that_do_not_tell_are_asked_about(tmp_path: Path) -> None:
    seven = written(tmp_path / "seven.bin", turn(2400), 7)
    with pytest.raises(UserError, match=r"seven.bin: it does not say how many floats .*it looks like 7; .* say --columns"):
        columns_of([seven])
    assert columns_of([seven], 7) == 7
    (tmp_path / "noise.bin").write_bytes(RANDOM.uniform(-5, 5, 240).astype("<f4").tobytes())
    with pytest.raises(UserError, match=r"could be divided by 3, 4, 5, 6\): say --columns"):
        columns_of([tmp_path / "noise.bin"])


def test_few_points_of_four_floats_are_kittis(tmp_path: Path) -> None:
    assert columns_of([written(tmp_path / "few.bin", walker(2), 4)]) == 4
    (tmp_path / "empty.bin").write_bytes(b"")
    assert columns_of([tmp_path / "empty.bin"]) == 4
    assert columns_of([tmp_path / "empty.bin", written(tmp_path / "five.bin", walker(60), 5)]) == 5


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    file = written(tmp_path / "a.bin", turn(2400), 5)
    with pytest.raises(UserError, match="no whole number of points of 7: it is cut off, or say --columns"):
        columns_of([file], 7)
    (tmp_path / "odd.bin").write_bytes(b"12345")
    with pytest.raises(UserError, match=r"odd\.bin: its 5 bytes are no whole number of floats"):
        columns_of([tmp_path / "odd.bin"])
    (tmp_path / "counts.bin").write_bytes(np.arange(4000, dtype="<i4").tobytes())
    with pytest.raises(UserError, match="of its rows are no points when read as 4 floats each"):
        read_bin(tmp_path / "counts.bin", 4)


def test_a_folder_is_read_by_what_its_files_have_in_common(tmp_path: Path) -> None:
    """Among them files that alone do not tell; and the command says what it is told."""
    (tmp_path / "in").mkdir()
    for number, count in enumerate((2, 60, 60)):
        written(tmp_path / "in" / f"{number}.bin", walker(count) * [-1, 1, 1], 5)
    assert main(["project", str(tmp_path / "in"), str(tmp_path / "out.npz"), "--sensor", "sustech1k-beams"]) == 0
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["points"].tolist() == [2, 60, 60]
    assert main(["project", str(tmp_path / "in"), str(tmp_path / "out.npz"), "--columns", "4"]) == 2
    assert main(["project", str(tmp_path / "in"), str(tmp_path / "out.npz"), "--columns", "2"]) == 2
