"""Sheets of simulated people: everybody is on one, both sensors beside the walker, and the moving ones move."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from PIL import Image

from gaitbridge.cli import app
from gaitbridge.errors import UserError
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.transforms import look_at
from gaitbridge.report.moving_files import write_picture
from gaitbridge.report.people_sheet import GAP, HEAD, LABELS, ROW_GAP
from gaitbridge.report.shading import Mesh, over, shade

SQUARE = Mesh(  # a metre wide, upright at x = 0, facing +x
    np.array([[0, -0.5, 0.5], [0, 0.5, 0.5], [0, 0.5, 1.5], [0, -0.5, 1.5]], np.float32), np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    np.tile(np.array([1, 0, 0], np.float32), (4, 1)), np.array([[0.8, 0.2, 0.2]] * 4, np.float32),
)  # fmt: skip
CAMERA = Camera.from_focal(80.0, 40, 40)  # of four metres away: a metre is 20 pixels


def test_a_mesh_is_shaded_where_it_is_and_from_both_sides() -> None:
    front, back = (shade(SQUARE, CAMERA, look_at(np.array([x, 0.0, 1.0]), np.array([0.0, 0.0, 1.0]))) for x in (4.0, -4.0))
    for picture in (front, back):
        assert picture.shape == (40, 40, 4)
        covered = picture[..., 3] > 127
        assert covered[10:30, 10:30].all()
        assert covered.sum() == 400
        assert (picture[20, 20, 0] > 2 * picture[20, 20, 1]).all()  # red, and lit: cloth has no dark side
        assert picture[20, 20, 0] > 100
    assert over(front, (0, 255, 0))[0, 0].tolist() == [0, 255, 0]


def test_the_floor_shows_a_shadow_and_nothing_else() -> None:
    pose = look_at(np.array([4.0, -1.0, 3.0]), np.array([0.0, 0.0, 0.5]))
    picture = shade(SQUARE, Camera.from_focal(80.0, 120, 80), pose, sun=np.array([0.35, 0.45, 0.82]))
    shadow = (picture[..., 3] > 20) & (picture[..., 3] < 128) & (picture[..., :3] == 0).all(-1)
    assert 40 < shadow.sum() < 2000
    assert (picture[0, :, 3] == 0).all()


def test_a_still_sheet_has_a_row_a_person_and_four_tiles_a_view(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    app(["picture", "people", str(out), "--people", "3", "--rows", "2", "--scale", "1", "--views", "000", "090", "--conditions", "normal", "bag",
         "--set", "frames=2"], exit_on_error=False, result_action="return_value")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sheet-2.png", "sheet.png"]
    image = np.rint(255 * imread(out)[..., :3]).astype(int)
    assert image.shape[0] == HEAD + 2 * (64 + ROW_GAP)
    assert imread(tmp_path / "sheet-2.png").shape[0] == HEAD + 64 + ROW_GAP
    for row in range(2):
        for view in range(2):
            left, top = LABELS + view * (4 * 44 + GAP), HEAD + row * (64 + ROW_GAP)
            walker, clean, segmented, ranges = (image[top : top + 64, left + tile * 44 + 2 : left + tile * 44 + 44] for tile in range(4))
            assert 0.02 < (np.abs(walker - (226, 231, 238)).sum(2) > 60).mean() < 0.7
            assert 0.1 < (clean.sum(2) < 200).mean() < 0.7
            assert 0.1 < (segmented.sum(2) < 200).mean() < 0.7
            assert (np.ptp(ranges, axis=2) > 100).mean() > 0.1


def test_steps_are_successive_frames_of_one_view(tmp_path: Path) -> None:
    out = tmp_path / "steps.png"
    app(["picture", "people", str(out), "--people", "1", "--scale", "1", "--views", "090", "--steps", "3", "--conditions", "normal",
         "--set", "frames=2"], exit_on_error=False, result_action="return_value")
    image = np.rint(255 * imread(out)[HEAD:, :, :3]).astype(int)
    first, second, third = (image[:, LABELS + step * (4 * 44 + GAP) :][:, : 4 * 44] for step in range(3))
    assert (np.abs(second - first).max(2) > 90).sum() > 50
    assert (third == second).all(), "a walk that is shorter stands still at its end"


@pytest.mark.parametrize("name", ["sheet.webp", "sheet.gif"])
def test_a_moving_sheet_moves(name: str, tmp_path: Path) -> None:
    out = tmp_path / name
    app(["picture", "people", str(out), "--people", "1", "--scale", "1", "--views", "090", "--conditions", "normal", "--set", "frames=4"],
        exit_on_error=False, result_action="return_value")
    with Image.open(out) as opened:
        assert opened.n_frames == 4  # type: ignore[attr-defined]
        frames = []
        for number in range(4):
            opened.seek(number)
            frames.append(np.array(opened.convert("RGB")).astype(int))
            assert opened.info["duration"] == 100
    assert all((np.abs(after - before).max(2) > 90).sum() > 50 for before, after in pairwise(frames))


def test_other_files_are_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"name it \.png"):
        write_picture([np.zeros((2, 2, 3), np.uint8)], tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match=r"name it \.png"):
        app(["picture", "people", str(tmp_path / "sheet"), "--people", "1"], exit_on_error=False, result_action="return_value")
    assert list(tmp_path.iterdir()) == []
