"""Cohorts: what is in a store is true, repeats to the byte, and survives interruptions."""

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from striding import body

from gaitbridge.config import checked
from gaitbridge.errors import UserError
from gaitbridge.files import alone, written_whole
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.simulation.body import Pose, Shape
from gaitbridge.simulation.cohort import PLAN, _what, simulate
from gaitbridge.simulation.render import render_take
from gaitbridge.simulation.scene import Clock
from gaitbridge.simulation.sensors.silhouette_camera import SilhouetteCamera
from gaitbridge.simulation.settings import VERSION_2, CohortConfig
from gaitbridge.simulation.takes import Person, plan, render_person, take_of
from gaitbridge.store import FIELDS, Store, shard_path
from gaitbridge.types import Sequence
from gaitbridge.workers import finished

CAPTURES = Path(__file__).parents[2].parent / "shared" / "motion" / "shum"
TINY: dict[str, Any] = {
    "people": {"train": 1, "test": 1}, "takes": (("normal",), ("bag",)), "views": ("000", "090"), "frames": 4, "body_detail": "coarse",
    "extras": ("clean_silhouettes", "body_parts", "points", "skeletons"),
}  # fmt: skip


def tiny(**changes: Any) -> CohortConfig:
    """Two people, two takes, two views, four frames."""
    return checked(CohortConfig, TINY | changes)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The tiny cohort."""
    path = tmp_path_factory.mktemp("cohort") / "store"
    simulate(path, tiny(), workers=0)
    return Store(path)


def everything(store: Store, number: int) -> Sequence:
    """A sequence with all its arrays."""
    return store.read(number, list(FIELDS))


def test_a_cohort_is_a_store_with_all_labels(store: Store) -> None:
    assert [row["key"] for row in store.rows] == [
        f"{person}/{take}/{view}" for person in ("p0000", "p0001") for take in ("normal-0", "bag-0") for view in ("000", "090")
    ]
    row = store.rows[0]
    assert (row["split"], row["condition"], row["view_deg"]) == ("train", "normal", 0.0)
    assert (row["silhouettes_frames"], row["range_views_frames"]) == (4, 4)
    assert (row["height"], row["width"]) == (64, 44)
    assert (row["camera_hz"], row["lidar_hz"], row["lidar"]) == (30.0, 10.0, "velodyne-vls128")
    assert row["source"].startswith("simulated")
    assert row["licence"]
    store.verify()


def test_both_sensors_see_a_walker_in_every_frame(store: Store) -> None:
    for number in range(len(store.rows)):
        arrays = everything(store, number).arrays
        assert ((arrays["silhouettes"] > 0).mean((1, 2)) > 0.08).all()
        assert (np.isfinite(arrays["range_views"]).mean((1, 2)) > 0.08).all()
        assert (arrays["points_on_person"] > 60).all()
        near, far = np.nanmin(arrays["range_views"]), np.nanmax(arrays["range_views"])
        assert store.rows[number]["distance_m"] - 2.5 < near < far < store.rows[number]["distance_m"] + 2.5
        assert set(np.unique(arrays["body_parts"])) <= set(range(8))
        shown = arrays["clean_silhouettes"] > 0
        np.testing.assert_array_equal(arrays["body_parts"] > 0, shown)


def test_skeletons_lie_where_the_walker_is_seen(store: Store) -> None:
    nose, shoulders, wrists, ankles = 0, [5, 6], [9, 10], [15, 16]
    for number, row in enumerate(store.rows):
        arrays = everything(store, number).arrays
        seen, box = arrays["skeletons"], arrays["silhouettes_box"]
        assert row["skeletons_frames"] == 4
        assert seen.shape == (4, 17, 3)
        assert (seen[..., 2] == 1).all()
        top, left, bottom, right = (side[:, None] for side in box.T)
        assert ((seen[..., 1] > top) & (seen[..., 1] < bottom) & (seen[..., 0] > left - 2) & (seen[..., 0] < right + 2)).all()
        assert (seen[:, nose, 1] < seen[:, shoulders, 1].min(1)).all()
        assert (seen[:, shoulders, 1].max(1) < seen[:, ankles, 1].min(1)).all()
        assert (arrays["skeletons_time_s"] == arrays["silhouettes_time_s"]).all()
        if row["view"] == "000":  # towards the camera: the person's left is to the right in the picture
            assert (seen[:, shoulders[0], 0] > seen[:, shoulders[1], 0]).all()
            assert (seen[:, 1, 0] > seen[:, 2, 0]).all()
            assert np.allclose(seen[:, nose, 0], seen[:, 3:5, 0].mean(1), atol=8)
        else:  # walks to the right past a camera at their left, or to the left: the nose is before the ears
            ahead = np.sign(seen[-1, shoulders, 0].mean() - seen[0, shoulders, 0].mean())
            assert (ahead * (seen[:, nose, 0] - seen[:, 3, 0]) > 0).all()
        assert (np.abs(seen[:, wrists, 1] - seen[:, shoulders, 1]).min() > 5)


def test_pairs_are_close_in_time_but_not_at_the_same_time(store: Store) -> None:
    apart = []
    for number in range(len(store.rows)):
        arrays = everything(store, number).arrays
        apart.append(np.abs(arrays["silhouettes_time_s"] - arrays["range_views_time_s"]))
    assert np.max(apart) <= 1 / 60 + 1e-9
    assert len({round(float(gap[0]), 6) for gap in apart}) == 4  # an offset of its own for each of the four takes, alike in all views


def test_every_vertex_can_be_rebuilt_from_pose_and_shape(store: Store) -> None:
    for number in range(len(store.rows)):
        arrays = everything(store, number).arrays
        pose = Pose(transforms.from_rotation_vector(arrays["pose"][:, :-1]).astype(np.float32), arrays["pose"][:, -1])
        posed = body().posed(Shape(arrays["shape"]), pose)
        np.testing.assert_allclose(posed.vertices_m[:, body().marker_vertices], arrays["markers"], atol=2e-5)
        np.testing.assert_allclose(posed.joints_m, arrays["joints"], atol=2e-5)
        assert arrays["markers"].shape[1:] == (64, 3)


def test_a_person_keeps_their_shape_and_others_have_another(store: Store) -> None:
    shapes = [everything(store, number).arrays["shape"] for number in range(8)]
    for number in range(8):
        np.testing.assert_array_equal(shapes[number], shapes[number // 4 * 4])
    assert not np.array_equal(shapes[0], shapes[4])


def test_lidar_points_fall_inside_the_silhouette_of_the_same_moment() -> None:
    """The whole pipeline with one clock for both sensors: geometry, poses, intrinsics and crop boxes must all agree."""
    config = tiny(views=("045", "090-near", "180"), lidar_noise=False, segmentation_error=0.0, silhouettes="outline")
    (person, *_) = plan(config, _source(config))
    take = take_of(config, person, 1, person.name)
    clock = Clock(take.clock.lidar_s, take.clock.lidar_s)
    size = (256, 176)  # about the camera's own resolution: at 64 x 44 one point in 30 rounds to a pixel just outside
    sensors = replace(take.sensors, camera=SilhouetteCamera(size=size))
    for station, arrays in zip(take.stations, render_take(take.walker, take.stations, clock, sensors, *take.randoms), strict=True):
        fx, fy, cx, cy, width, height = arrays["intrinsics"]
        camera = Camera(fx, fy, cx, cy, int(width), int(height))
        inside = []
        for frame in range(4):
            cloud = arrays["points"][arrays["points"][:, 4] == frame]
            world = transforms.apply(arrays["T_world_from_lidar"], cloud[:, :3].astype(float))
            # the sweep takes time: bring each return back to the middle of it, as `scan_many` moved it away
            moved = world + take.walker.velocity_mps(clock.lidar_s)[frame] * (clock.lidar_s[frame] - cloud[:, 3:4])
            pixels, _ = camera.project(transforms.apply(transforms.inverse(arrays["T_world_from_camera"]), moved))
            top, left, bottom, right = arrays["silhouettes_box"][frame]
            rows = np.floor((pixels[:, 1] - top) / (bottom - top) * size[0]).astype(int)
            columns = np.floor((pixels[:, 0] - left) / (right - left) * size[1]).astype(int)
            framed = (columns >= 0) & (columns < size[1]) & (rows >= 0) & (rows < size[0])
            shown = np.zeros(len(rows), bool)
            shown[framed] = arrays["clean_silhouettes"][frame][rows[framed], columns[framed]] > 0
            inside.append(shown)
        assert np.concatenate(inside).mean() > 0.98, station.view


def _source(config: CohortConfig) -> Any:
    from gaitbridge.simulation.takes import open_source

    return open_source(config.motion)


def test_night_changes_the_camera_only() -> None:
    day, night = (list(render_person(config, plan(config, _source(config))[0], "p0000"))
                  for config in (tiny(takes=(("normal",),)), tiny(takes=(("night",),))))  # fmt: skip
    for bright, dark in zip(day, night, strict=True):
        for name in bright.arrays:
            same = np.array_equal(bright.arrays[name], dark.arrays[name], equal_nan=True)
            assert same == (name != "silhouettes"), name


def test_same_seed_same_bytes_for_any_number_of_workers(store: Store, tmp_path: Path) -> None:
    for workers in (1, 2):
        simulate(tmp_path / str(workers), tiny(), workers)
        assert Store(tmp_path / str(workers)).content_hash == store.content_hash
        for name in ("p0000", "p0001"):
            assert shard_path(tmp_path / str(workers), name).read_bytes() == shard_path(store.path, name).read_bytes()
    simulate(tmp_path / "other", tiny(seed=1, people={"test": 1}), 0)
    assert Store(tmp_path / "other").content_hash != store.content_hash


def test_the_second_version_repeats_to_the_byte_too(tmp_path: Path) -> None:
    """In another process, and where an interrupted run goes on."""
    config = tiny(**VERSION_2, body_detail="reduced")
    whole = simulate(tmp_path / "whole", config, 0)["content_hash"]
    assert simulate(tmp_path / "apart", config, 1)["content_hash"] == whole
    (tmp_path / "apart" / "store.json").unlink()
    shard_path(tmp_path / "apart", "p0001").unlink()
    assert simulate(tmp_path / "apart", config, 0)["content_hash"] == whole
    alone = simulate(tmp_path / "alone", tiny(**VERSION_2, body_detail="reduced", people={"train": 1}), 0)
    assert alone["shards"]["p0000"]["content_hash"] == Store(tmp_path / "whole").document["shards"]["p0000"]["content_hash"]


def test_people_do_not_depend_on_how_many_there_are(store: Store, tmp_path: Path) -> None:
    simulate(tmp_path / "more", tiny(people={"train": 3}), 0)
    assert shard_path(tmp_path / "more", "p0000").read_bytes() == shard_path(store.path, "p0000").read_bytes()


def test_a_killed_worker_costs_one_person_and_no_bytes(tmp_path: Path) -> None:
    config = tiny(people={"test": 5})
    simulate(tmp_path / "whole", config, 0)
    code = (
        "import json, sys; from pathlib import Path\n"
        "from gaitbridge.simulation.cohort import simulate; from gaitbridge.simulation.settings import CohortConfig\n"
        "if __name__ == '__main__': simulate(Path(sys.argv[1]), CohortConfig(**json.loads(sys.argv[2])), 1)\n"
    )
    (tmp_path / "run.py").write_text(code)
    broken = tmp_path / "broken"
    process = subprocess.Popen([sys.executable, str(tmp_path / "run.py"), str(broken), config.model_dump_json()], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not list(broken.glob("shards/p*.arrow")) and time.monotonic() < deadline:
        time.sleep(0.005)
    for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            os.kill(int(child), signal.SIGKILL)
    _, said = process.communicate(timeout=200)
    kept = list(broken.glob("shards/p*.arrow"))
    assert 1 <= len(kept) < 5, "the worker was not killed in time"
    assert "a worker process was killed" in said
    assert not (broken / "store.json").exists()
    (broken / "shards" / ".p0003.arrow.1.part").write_bytes(b"half")
    before = {path: path.stat().st_mtime_ns for path in kept}
    simulate(broken, config, 0)
    assert Store(broken).content_hash == Store(tmp_path / "whole").content_hash
    assert {path: path.stat().st_mtime_ns for path in kept} == before  # kept, not made again
    assert not list(broken.glob("shards/.*"))


def test_two_simulations_into_one_folder_disturb_neither(tmp_path: Path) -> None:
    """What one is writing is not taken for what a killed one left."""
    config = tiny(people={"test": 1}, takes=(("normal",),), views=("000",))
    simulate(tmp_path / "a", config, 0)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "store.json").unlink()
    shard = shard_path(tmp_path / "b", "p0000")
    whole = shard.read_bytes()
    shard.unlink()
    with written_whole(shard) as theirs:  # the other process is at work on the same person
        theirs.write_bytes(whole)
        simulate(tmp_path / "b", config, 0)
        assert theirs.exists()
    assert Store(tmp_path / "b").content_hash == Store(tmp_path / "a").content_hash
    assert [path.name for path in shard.parent.iterdir()] == ["p0000.arrow"]


def test_a_workers_exception_is_one_line_that_names_the_person(tmp_path: Path) -> None:
    future: Future[str] = Future()
    future.set_exception(ValueError("no such thing"))
    with pytest.raises(UserError, match=r"rendering p0007 to .* failed \(ValueError: no such thing\): what is finished is kept") as caught:
        finished(future, _what(tmp_path, tiny(), Person("p0007", "test", (("normal", 0),)), "walker"))
    assert "\n" not in str(caught.value)


def test_two_do_not_simulate_into_one_folder(tmp_path: Path) -> None:
    with alone(tmp_path / "store"):
        with pytest.raises(UserError, match="another process is writing here"):
            simulate(tmp_path / "store", tiny(), 0)
        assert list((tmp_path / "store").iterdir()) == []


def test_another_config_in_the_folder_is_an_error(store: Store) -> None:
    with pytest.raises(UserError, match=r"differs in frames, seed: choose another folder"):
        simulate(store.path, tiny(seed=3, frames=5), 0)
    assert (store.path / PLAN).is_file()
    calls: list[tuple[int, int]] = []
    simulate(store.path, tiny(), 0, lambda done, total, note: calls.append((done, total)))
    assert calls == [(2, 2)]  # nothing left to do


def test_a_foreign_store_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    with pytest.raises(UserError, match="not simulated here"):
        simulate(tmp_path, tiny(), 0)
    assert not (tmp_path / PLAN).exists()


@pytest.mark.parametrize(("changes", "message"), [
    ({"takes": (("nromal",),)}, "did you mean 'normal'"),
    ({"people": {"trian": 3}}, "did you mean 'train'"),
    ({"views": ("90",)}, "three digits"),
    ({"views": ("090", "090")}, "each once"),
    ({"extras": ("point",)}, "did you mean 'points'"),
    ({"framse": 3}, "did you mean 'frames'"),
    ({"distance_m": (9, 3)}, "the lower limit"),
])  # fmt: skip
def test_mistakes_in_settings_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        tiny(**changes)


def test_mistakes_found_before_anything_is_written(tmp_path: Path) -> None:
    for changes, message in (({"lidar": "velodyne"}, "unknown"), ({"motion": "bhv:x"}, "did you mean 'bvh'"), ({"people": {"test": 0}}, "no people")):
        with pytest.raises(UserError, match=message):
            simulate(tmp_path / "none", tiny(**changes), 0)
    assert not (tmp_path / "none").exists()


def test_one_frame_and_shared_shape(tmp_path: Path) -> None:
    simulate(tmp_path / "one", tiny(frames=1, shape="shared", extras=()), 0)
    one = Store(tmp_path / "one")
    shapes = [one.read(number, ["shape", "range_views"]).arrays for number in (0, 4)]
    np.testing.assert_array_equal(shapes[0]["shape"], shapes[1]["shape"])
    assert shapes[0]["range_views"].shape == (1, 64, 44)
    assert "points" not in one.rows[0]["fields"]


def test_captured_people_are_split_and_have_the_takes_they_have(tmp_path: Path) -> None:
    if not CAPTURES.is_dir():
        pytest.skip(f"no captures at {CAPTURES}")
    config = tiny(motion=f"bvh:{CAPTURES}", captured_split="val", takes=(("normal",),) * 3)
    people = plan(config, _source(config))
    assert {person.split for person in people} == {"val"}
    assert {len(person.takes) for person in people} == {1, 2}  # of three asked for
    (first, *_) = people
    sequences = list(render_person(config, first, first.name))
    assert len(sequences) == 2 * len(first.takes)
    assert "bvh" in sequences[0].labels.source
