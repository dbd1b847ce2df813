"""Published arrays in all their forms, right and wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from published_trees import dump

from gaitbridge.data.importers import _arrays, _smpl, freegait
from gaitbridge.data.importers._dataset import Place, Reading, in_number_order
from gaitbridge.errors import UserError

PATH = Path("here") / "file.pkl"
BODY = np.where(np.add.outer(np.arange(64), np.arange(64)) % 5 < 2, 255, 0).astype(np.uint8)[None].repeat(4, 0)


def reading(tmp_path: Path) -> Reading:
    return Reading(Place("1", "2", "3", (tmp_path,)), frozenset())


def silhouettes_of(value: Any, tmp_path: Path) -> tuple[np.ndarray, list[str]]:
    given = reading(tmp_path)
    made = _arrays.silhouettes(given, dump(value, tmp_path / "a.pkl"))
    assert made.dtype == np.uint8
    return made, [kind for kind, _ in given.notes]


@pytest.mark.parametrize(("value", "notes"), [
    (BODY, []),
    (list(BODY), []),
    (BODY[:, None], []),
    (BODY > 0, []),
    ((BODY > 0).astype(np.uint8), ["silhouettes of 0 to 1 instead of 0 to 255, scaled"]),
    ((BODY > 0).astype(np.float64), ["silhouettes of 0 to 1 instead of 0 to 255, scaled"]),
    (BODY.astype(np.float32), []),
], ids=["array", "list", "an axis of one", "bool", "ones", "ones as floats", "floats"])
def test_silhouettes_of_every_kind(value: Any, notes: list[str], tmp_path: Path) -> None:
    made, found = silhouettes_of(value, tmp_path)
    assert np.array_equal(made, BODY)
    assert found == notes


def test_grey_edges_are_kept(tmp_path: Path) -> None:
    grey = np.where(BODY, 200, 100).astype(np.uint8)
    for given in (grey, grey.astype(np.float64), grey / 255):
        made, notes = silhouettes_of(given, tmp_path)
        assert np.array_equal(made, grey)
        assert "silhouettes with grey edges, kept so" in notes


def test_silhouettes_that_are_already_cut_are_kept(tmp_path: Path) -> None:
    made, notes = silhouettes_of(BODY[:, :, 10:54], tmp_path)
    assert np.array_equal(made, BODY[:, :, 10:54])
    assert notes == ["silhouettes already cut to 64 x 44, kept so"]


def test_empty_silhouettes_are_kept_and_noted(tmp_path: Path) -> None:
    given, holes = reading(tmp_path), BODY.copy()
    holes[[1, 2]] = 0
    path = dump(holes, tmp_path / "a.pkl")
    assert np.array_equal(_arrays.silhouettes(given, path), holes)
    assert given.notes == [("silhouettes without a pixel, kept", f"{path}: 2 of 4 frames")]
    with pytest.raises(UserError, match=r"a\.pkl has no pixel in any of its 4 frames"):
        silhouettes_of(np.zeros_like(BODY), tmp_path)


@pytest.mark.parametrize(("value", "message"), [
    (BODY[:, ::2], r"holds \[4, 32, 64\], not silhouettes"),
    (BODY[:, :, :40], "not silhouettes"),
    (BODY[0], "not silhouettes"),
    (BODY[:0], "holds no frame"),
    ([], "holds no frame"),
    ([BODY[0], BODY[1, :, 10:54]], "frames of different sizes"),
    ([BODY[0], "text"], "other things than arrays"),
    ("text", "holds a str, not an array of numbers"),
    ({"a": BODY}, "holds a dict"),
    (np.array(["a"]), "not an array of numbers"),
    (BODY.astype(np.int32) * 2, "values from 0 to 510"),
    (-BODY.astype(np.int32), "values from -255"),
    (np.where(BODY, np.nan, 0.0), "NaN or infinity"),
])
def test_silhouettes_of_no_kind(value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as error:
        silhouettes_of(value, tmp_path)
    assert str(tmp_path / "a.pkl") in str(error.value)


def test_pictures_in_both_orders_of_axes() -> None:
    made = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 60), np.uint8)
    assert np.array_equal(_arrays.pictures(made, PATH), made)
    assert np.array_equal(_arrays.pictures(list(np.moveaxis(made, 1, 3)), PATH), made)
    for wrong in (made[:, :2], made.astype(float), made[:, 0]):
        with pytest.raises(UserError, match="not pictures"):
            _arrays.pictures(wrong, PATH)


def test_clouds(tmp_path: Path) -> None:
    given = reading(tmp_path)
    first = np.arange(12.0).reshape(3, 4)
    second = np.array([[1.0, 2.0, 3.0], [np.nan, 0.0, 0.0], [4.0, np.inf, 0.0]])
    frames = _arrays.clouds(given, dump([first, np.zeros((0, 3)), second, []], tmp_path / "a.pkl"))
    assert [len(frame) for frame in frames] == [3, 0, 1, 0]
    points = _arrays.cloud_of(frames)
    assert points.dtype == np.float32
    assert np.array_equal(points[:, :3], np.array([*first[:, :3], second[0]], np.float32))
    assert np.isnan(points[:, 3]).all()
    assert points[:, 4].tolist() == [0, 0, 0, 2]
    assert [kind for kind, _ in given.notes] == ["LiDAR frames without a point, kept", "columns of points after x, y, z, left out",
                                                 "LiDAR frames with points that are not finite, those left out"]


@pytest.mark.parametrize(("value", "message"), [
    ([np.zeros((0, 3))], "none of its 1 frames has a point"),
    ([], "none of its 0 frames"),
    ([np.zeros((2, 2))], r"its frame 0 is \[2, 2\], not points"),
    ([np.zeros((2, 3)), np.array(["a"])], "its frame 1"),
    ([np.zeros((2, 3)), None], "its frame 1"),
    (np.zeros((2, 3)), "not a list of point clouds"),
    (5, "not a list of point clouds"),
])
def test_clouds_that_are_none(value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        _arrays.clouds(reading(tmp_path), dump(value, tmp_path / "a.pkl"))


def test_ranges_beyond_what_the_store_holds(tmp_path: Path) -> None:
    views = np.full((2, 4, 4), np.nan, np.float32)
    with pytest.raises(UserError, match="outside of the LiDAR's field"):
        _arrays.within_reach(reading(tmp_path), views, PATH)
    views[0, 0, 0] = 130.0
    given = reading(tmp_path)
    assert _arrays.within_reach(given, views, PATH) is views
    assert given.notes == [("range views with nothing in them, kept", f"{PATH}: 1 of 2 frames")]
    views[0, 0, 0] = 8000.0  # millimetres
    with pytest.raises(UserError, match="ranges up to 8000 m"):
        _arrays.within_reach(reading(tmp_path), views, PATH)


def test_floats_of_a_given_shape() -> None:
    made = np.arange(102.0).reshape(2, 17, 3)
    for value in (made, list(made), made[:, None]):
        assert np.array_equal(_arrays.floats(value, PATH, 17, 3), made.astype(np.float32))
    with pytest.raises(UserError, match=r"holds \[2, 17, 2\] instead of \[T, 17, 3\]"):
        _arrays.floats(made[:, :, :2], PATH, 17, 3)


def test_smpl_in_every_form() -> None:
    random = np.random.default_rng(0)
    rows = random.standard_normal((3, 85)).astype(np.float32)
    camera, pose, betas = rows[:, :3], rows[:, 3:75], rows[:, 75:]
    frames = [{"cam": camera[t], "poses": pose[t], "betas": betas[t]} for t in range(3)]
    held = np.empty((), object)
    held[()] = [{"cam": camera, "poses": pose, "betas": betas}]
    for value in (rows, list(rows), rows[:, None], frames, {"cam": camera, "pose": pose, "shape": betas}, {"results": held},
                  {"camera": camera, "theta": pose.reshape(3, 24, 3), "beta": betas}):
        found = _smpl.smpl(value, PATH)
        assert set(found) == {"smpl"}
        assert np.array_equal(found["smpl"], rows)
    no_camera = _smpl.smpl({"pose": pose, "betas": betas[0]}, PATH)["smpl"]
    assert np.isnan(no_camera[:, :3]).all()
    assert np.array_equal(no_camera[:, 3:], np.concatenate([pose, betas[:1].repeat(3, 0)], 1))
    joints = random.standard_normal((3, 24, 3)).astype(np.float32)
    assert np.array_equal(_smpl.smpl({"joints": joints}, PATH)["smpl_joints"], joints)


@pytest.mark.parametrize(("value", "message"), [
    (np.zeros((3, 82)), r"holds \[3, 82\]"),
    ({"betas": np.zeros(10)}, "neither a pose nor joints"),
    ({"pose": np.zeros((3, 69)), "betas": np.zeros(10)}, r"its 'pose' is \[3, 69\]"),
    ({"pose": np.zeros((3, 72)), "betas": np.zeros((2, 10))}, "2 frames of betas"),
    ([{"pose": np.zeros(72), "betas": np.zeros(10)}, {"joints": np.zeros((24, 3))}], "some frames have other"),
    ("text", "not an array of numbers"),
])
def test_smpl_in_no_form(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _smpl.smpl(value, PATH)


def test_a_frames_file_with_several_people_gives_the_first(tmp_path: Path) -> None:
    first, second = ({"poses": np.full(72, float(number)), "betas": np.zeros(10), "cam": np.ones(3)} for number in (1, 2))
    held = np.empty((), object)
    held[()] = [first, second]
    np.savez(tmp_path / "1.npz", results=held)
    found = _smpl.smpl_of_files(reading(tmp_path), [tmp_path / "1.npz"])["smpl"]
    assert found[0, 3] == 1.0
    (tmp_path / "2.json").write_text("{")
    with pytest.raises(UserError, match=r"2\.json is no JSON"):
        _smpl.smpl_of_files(reading(tmp_path), [tmp_path / "2.json"])


def test_range_files_of_freegait_are_judged_by_their_elements() -> None:
    random = np.random.default_rng(0)
    metres = (5 + random.random((2, 64, 64))).astype(np.float32)
    metres[0, 0] = 0
    name, made = freegait.ranges(metres, PATH)
    assert name == "range_views"
    assert np.array_equal(made, np.where(metres > 0, metres, np.nan), equal_nan=True)
    grey = random.integers(0, 256, (2, 64, 64), np.uint8)
    for value in (grey, grey.astype(float), grey / 255, grey[:, None]):
        name, made = freegait.ranges(value, PATH)
        assert name == "depth_pictures"
        assert np.array_equal(made, grey[:, None].repeat(3, 1))
    colour = random.integers(0, 256, (2, 64, 64, 3), np.uint8)
    name, made = freegait.ranges(colour, PATH)
    assert (name, made.shape) == ("depth_pictures", (2, 3, 64, 64))
    for wrong in (-metres, metres * 100, np.stack([metres] * 3, 1), grey.astype(np.uint16), grey[0], metres * 30):
        with pytest.raises(UserError, match=str(PATH)):
            freegait.ranges(wrong, PATH)


def test_frames_are_in_the_order_of_their_numbers() -> None:
    assert sorted(["f10.npz", "f9.npz", "f100.npz", "a2"], key=in_number_order) == ["a2", "f9.npz", "f10.npz", "f100.npz"]
