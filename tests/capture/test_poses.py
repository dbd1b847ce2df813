"""Poses go with their track into the store, beside the silhouettes and as the skeleton maps that SkeletonGait takes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import published_checkpoints as published
import pytest
from video_files import one_walker

import gaitbridge
from gaitbridge import cli
from gaitbridge.capture.video import run as capture
from gaitbridge.capture.video.finders.movement import Movement
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.pose import LANDMARKS, Pose, coco_keypoints
from gaitbridge.capture.video.reader import read_video
from gaitbridge.capture.video.run import capture_videos
from gaitbridge.geometry.skeleton_maps import skeleton_maps
from gaitbridge.store import Store
from gaitbridge.training.weights import import_weights

UP = {"nose": 0.93, "eye": 0.95, "ear": 0.94, "mouth": 0.91, "shoulder": 0.8, "elbow": 0.64, "wrist": 0.5, "pinky": 0.47, "index": 0.47,
      "thumb": 0.48, "hip": 0.5, "knee": 0.27, "ankle": 0.05, "heel": 0.02, "foot": 0.0}  # of the height
DROPPED = (20, 21, 50)  # pictures in which the pose is not known


def pose_of(person: Person) -> Pose:
    """A stiff pose in a box: the left side to the right of the middle, as of somebody who comes towards the camera."""
    top, left, bottom, right = person.box
    points = np.zeros((33, 3), np.float32)
    for k, name in enumerate(LANDMARKS):
        side = 0.1 if name.startswith("left") else -0.1 if name.startswith("right") else 0.0
        (up,) = (share for word, share in UP.items() if word in name.split("_"))
        points[k] = ((left + right) / 2 + side * person.height, bottom - up * (bottom - top), 0.0)
    return Pose(points, np.full(33, 0.8, np.float32), points / 50, 0.95)


@pytest.fixture(scope="module")
def posed() -> Iterator[None]:
    """People found by movement have a pose, and files are read in this process."""
    found: Callable[..., list[Person] | None] = Movement.people

    def people(self: Movement, picture: Any, *more: Any) -> list[Person] | None:
        persons = found(self, picture, *more)
        known = picture.number not in DROPPED
        return persons and [replace(person, pose=pose_of(person) if known else None) for person in persons]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Movement, "people", people)
        patch.setattr(capture, "run_isolated", lambda name, *given, **limits: read_video(*given))
        yield


@pytest.fixture(scope="module")
def store(posed: None, tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("poses")
    one_walker(folder / "walker.mkv", frames=60)
    capture_videos([folder / "walker.mkv"], folder / "store")
    return Store(folder / "store")


def test_poses_lie_beside_the_silhouettes(store: Store) -> None:
    names = ("silhouettes", "silhouettes_time_s", "silhouettes_box", "landmarks", "landmarks_m", "presence", "pose_heatmaps", "pose_heatmaps_time_s",
             "skeletons", "skeletons_time_s")
    arrays = store.read(0, names).arrays
    frames = len(arrays["silhouettes"])
    assert {name: array.shape[1:] for name, array in arrays.items()} == {
        "silhouettes": (64, 44), "silhouettes_time_s": (), "silhouettes_box": (4,), "landmarks": (33, 4), "landmarks_m": (33, 3), "presence": (),
        "pose_heatmaps": (2, 64, 44), "pose_heatmaps_time_s": (), "skeletons": (17, 3), "skeletons_time_s": ()}  # fmt: skip
    assert all(len(array) == frames for array in arrays.values())
    assert set(store.rows[0]["modalities"]) == {"silhouettes", "pose_heatmaps", "skeletons"}
    assert (arrays["skeletons"][:, 0] == arrays["landmarks"][:, 0, [0, 1, 3]])[~np.isnan(arrays["landmarks"]).all((1, 2))].all()
    assert (arrays["skeletons"][..., 2] > 0).all()  # between those around them, too
    assert (arrays["pose_heatmaps_time_s"] == arrays["silhouettes_time_s"]).all()
    unknown = np.isnan(arrays["landmarks"]).all((1, 2))
    assert unknown.sum() == len(DROPPED)
    assert (arrays["presence"] == np.where(unknown, 0.0, 0.95).astype(np.float32)).all()
    nose, foot = arrays["landmarks"][~unknown][:, 0], arrays["landmarks"][~unknown][:, 31]  # within the box, in the film's own pixels
    top, _, bottom, _ = arrays["silhouettes_box"][~unknown].T
    assert np.abs(nose[:, 1] - (bottom - 0.93 * (bottom - top))).max() < 1.0
    assert np.abs(foot[:, 1] - bottom).max() < 1.0
    maps = arrays["pose_heatmaps"]
    assert (maps[~unknown] == skeleton_maps(coco_keypoints(arrays["landmarks"]), (64, 44))[~unknown]).all()
    assert maps[unknown].any((1, 2, 3)).all()  # between those around them


@pytest.mark.parametrize(("network", "shapes"), [
    ("skeletongait", published.deep("p3d", (8, 16, 12, 24), (1, 1, 1, 1), 12, pictures=2)),
    ("skeletongait++", published.skeleton_pp((16, 16, 16, 16), (1, 1, 1, 1), 16)), ("gaittr", published.gaittr((32,), 8)),
])
def test_networks_of_poses_run_on_ones_own_video(store: Store, tmp_path: Path, network: str, shapes: published.Shapes) -> None:
    import_weights(published.save(tmp_path / "weights.pt", shapes), tmp_path / "run", network)
    assert cli.main(["embed", str(tmp_path / "run"), str(store.path), str(tmp_path / "out.npz")]) == 0
    with np.load(tmp_path / "out.npz") as file:
        assert len(file["values"]) == len(store.rows)
        assert np.isfinite(file["values"]).all()
    model = gaitbridge.load(tmp_path / "run")
    (names,) = model.inputs.values()
    (pose,) = {"pose_heatmaps", "skeletons"} & set(names)
    flipped = {name: store.read(0, names).arrays[name] for name in names}
    flipped[pose] = flipped[pose][:, ::-1].copy()  # channels or joints changed over: what is drawn matters
    changed = model.embed(least_quality=0, **{name: [array] for name, array in flipped.items()}).values
    assert np.abs(changed - np.load(tmp_path / "out.npz")["values"]).max() > 0
