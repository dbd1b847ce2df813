"""Silhouette cameras and spinning LiDARs before a figure of capsules: geometry against slow plain code, errors against their bounds."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.geometry.camera import Camera
from gaitbridge.geometry.rays import RayScene
from gaitbridge.plugins import names
from gaitbridge.simulation.sensors import _segmentation
from gaitbridge.simulation.sensors import silhouette_camera as camera
from gaitbridge.simulation.sensors import spinning_lidar as lidar

SHARED = Path(__file__).parents[2].parent / "shared"
LENS = camera.SilhouetteCamera().camera
Mesh = tuple[np.ndarray, np.ndarray, np.ndarray]


def capsule(start: np.ndarray, end: np.ndarray, radius: tuple[float, float], around: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """A tapering tube with round ends, closed enough for rays: vertices [V, 3], triangles [F, 3]."""
    length = float(np.linalg.norm(end - start))
    forward = (end - start) / length
    side = np.cross(forward, [0.0, 1.0, 0.3])
    side /= np.linalg.norm(side)
    other = np.cross(forward, side)
    bend = np.linspace(0.01, np.pi / 2, 5)
    along = np.concatenate([-radius[0] * np.cos(bend), length + radius[1] * np.sin(bend - 0.01)])
    out = np.concatenate([radius[0] * np.sin(bend), radius[1] * np.cos(bend - 0.01)])
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other
    vertices = (start + along[:, None, None] * forward + out[:, None, None] * ring).reshape(-1, 3)
    first = np.arange(len(along) - 1)[:, None] * around
    here, there = first + np.arange(around), first + (np.arange(around) + 1) % around
    triangles = np.stack([here, there, here + around, there, there + around, here + around], -1).reshape(-1, 3)
    return vertices, triangles


@lru_cache(maxsize=64)
def figure(swing: float = 0.4, height_m: float = 1.75) -> Mesh:
    """A walker along +x with its left at +y, standing on z = 0: vertices [V, 3], triangles [F, 3] and the part of each triangle [F]."""
    down = np.array([0.0, 0.0, -1.0])

    def towards(angle: float) -> np.ndarray:
        return np.array([np.sin(angle), 0, 0]) + np.cos(angle) * down

    limbs = [(np.array([0, 0, 1.42]), np.array([0, 0, 0.98]), (0.17, 0.15), 2), (np.array([0, 0, 1.58]), np.array([0.02, 0, 1.66]), (0.09, 0.09), 1)]
    for side, arm, leg in ((1, 3, 5), (-1, 4, 6)):
        hip, shoulder = np.array([0, 0.1 * side, 0.92]), np.array([0, 0.21 * side, 1.4])
        knee = hip + 0.42 * towards(side * swing)
        ankle = knee + 0.42 * towards(side * swing - 0.15)
        elbow = shoulder + 0.28 * towards(-side * swing)
        wrist = elbow + 0.30 * towards(-side * swing + 0.3)
        limbs += [(hip, knee, (0.085, 0.06), leg), (knee, ankle, (0.06, 0.04), leg), (ankle, ankle + np.array([0.17, 0, -0.02]), (0.035, 0.03), leg)]
        limbs += [(shoulder, elbow, (0.055, 0.04), arm), (elbow, wrist, (0.04, 0.035), arm)]
    vertices, triangles, parts, count = [], [], [], 0
    for start, end, radius, part in limbs:
        own, faces = capsule(start, end, radius)
        vertices.append(own)
        triangles.append(faces + count)
        parts += [part] * len(faces)
        count += len(own)
    points = np.concatenate(vertices)
    points[:, 2] -= points[:, 2].min()
    points *= height_m / points[:, 2].max()
    return points.astype(np.float32), np.concatenate(triangles).astype(np.int32), np.array(parts, np.uint8)


def with_wall(mesh: Mesh, corners: list[list[float]]) -> tuple[RayScene, np.ndarray]:
    """The figure and one flat quadrilateral in one scene, and which triangles are the person's."""
    vertices, triangles, _ = mesh
    quad = np.array([[0, 1, 2], [0, 2, 3]]) + len(vertices)
    scene = RayScene(np.concatenate([vertices, np.array(corners)]), np.concatenate([triangles, quad]))
    return scene, np.arange(len(scene.triangles)) < len(triangles)


def around(distance_m: float, angle_deg: float, height_m: float = 1.6) -> np.ndarray:
    angle = np.deg2rad(angle_deg)
    return np.array([distance_m * np.cos(angle), distance_m * np.sin(angle), height_m])


def facing(distance_m: float, angle_deg: float = 0.0, height_m: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """A camera's and a LiDAR's pose at the same place, both towards the figure."""
    position = around(distance_m, angle_deg, height_m)
    return transforms.look_at(position, np.array([0, 0, 0.9])), transforms.sensor_pose(position, np.arctan2(-position[1], -position[0]))


def native_mask(lens: Camera, T_world_from_camera: np.ndarray, mesh: Mesh) -> np.ndarray:
    """The slow twin: the whole native picture bool [height, width] by edge functions of each projected triangle."""
    vertices, triangles, _ = mesh
    pixels, depth = lens.project(transforms.apply(transforms.inverse(T_world_from_camera), vertices.astype(float)))
    assert depth.min() > 0
    mask = np.zeros((lens.height, lens.width), bool)
    for corners in pixels[triangles]:
        low = np.maximum(np.ceil(corners.min(0)).astype(int), 0)
        high = np.minimum(np.floor(corners.max(0)).astype(int), [lens.width - 1, lens.height - 1])
        if (high < low).any():
            continue
        u, v = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        ahead = np.roll(corners, -1, axis=0) - corners
        sides = [edge[0] * (v - start[1]) - edge[1] * (u - start[0]) for start, edge in zip(corners, ahead, strict=True)]
        inside = np.all([side >= 0 for side in sides], axis=0) | np.all([side <= 0 for side in sides], axis=0)
        mask[low[1] : high[1] + 1, low[0] : high[0] + 1] |= inside
    return mask


def aligned(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The field's alignment of a native mask in plain words: crop by rows, resize to the nearest pixel, cut around the median column."""
    rows = np.flatnonzero(mask.any(1))
    columns = np.flatnonzero(mask.any(0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    step = len(crop) / size[0]
    row = np.rint(-0.5 + (np.arange(size[0]) + 0.5) * step).astype(int)
    column = np.rint(-0.5 + (np.arange(int(np.ceil(crop.shape[1] / step))) + 0.5) * step).astype(int)
    inside = column < crop.shape[1]
    small = crop[np.clip(row, 0, len(crop) - 1)][:, np.clip(column, 0, crop.shape[1] - 1)] & inside
    total = small.sum(0).cumsum()
    middle = int(np.argmax(total > total[-1] / 2))
    wide = np.pad(small, ((0, 0), (size[1], size[1])))
    return wide[:, middle + size[1] - size[1] // 2 :][:, : size[1]]


def overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a > 0, b > 0
    return np.asarray((a & b).sum((-1, -2)) / np.maximum((a | b).sum((-1, -2)), 1))


# --- the camera -----------------------------------------------------------------------------------------------------------


def test_sensors_are_plug_ins() -> None:
    assert names("gaitbridge.simulation.sensors") == ["silhouette_camera", "spinning_lidar"]


@pytest.mark.parametrize("distance_m", [4.0, 9.0, 30.0])
@pytest.mark.parametrize("angle_deg", [0, 60, 200])
def test_silhouettes_are_the_native_picture_aligned(distance_m: float, angle_deg: float) -> None:
    mesh = figure()
    pose, _ = facing(distance_m, angle_deg)
    fast = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0]).masks[0] > 0
    native = native_mask(LENS, pose, mesh)
    slow = aligned(native, (64, 44))
    assert fast.sum() == pytest.approx(slow.sum(), rel=0.02)
    assert overlap(fast, slow) > 0.97  # the crown may be thinner than a pixel, which moves the crop by one
    # The filled native area, from the box that comes with the mask.
    box = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0]).boxes[0]
    area = fast.sum() * (box[2] - box[0]) / 64 * (box[3] - box[1]) / 44
    assert area == pytest.approx(native.sum(), rel=0.05)


@pytest.mark.parametrize("size", [(64, 44), (64, 64), (128, 88)])
def test_silhouettes_fill_the_height_and_are_centred(size: tuple[int, int]) -> None:
    mesh = figure()
    poses = np.stack([facing(8, angle)[0] for angle in range(0, 360, 15)])
    masks = camera.render_many(RayScene(*mesh[:2]), LENS, poses, mesh[0], size).masks
    assert masks.shape == (24, *size)
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 255}
    assert masks[:, 0].any(1).all()
    assert masks[:, -1].any(1).all()
    total = (masks > 0).sum(1).cumsum(1)
    assert (np.argmax(total > total[:, -1:] / 2, axis=1) == size[1] // 2).all()
    assert masks[:, : size[0] // 4].sum() < masks[:, size[0] // 4 : size[0] // 2].sum()  # the head is above the shoulders


def test_views_rendered_together_are_those_rendered_alone() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    poses = np.stack([facing(distance, angle)[0] for distance, angle in ((5, 0), (12, 90), (20, 215))])
    many = camera.render_many(scene, LENS, poses, mesh[0], part_of_triangle=mesh[2])
    for view in range(3):
        one = camera.render(scene, LENS, poses[view], mesh[0], part_of_triangle=mesh[2])
        np.testing.assert_array_equal(one.masks[0], many.masks[view])
        np.testing.assert_array_equal(one.boxes[0], many.boxes[view])
        assert one.parts is not None
        assert many.parts is not None
        np.testing.assert_array_equal(one.parts[0], many.parts[view])


def test_the_left_of_a_walker_who_comes_shows_on_the_right() -> None:
    mesh = figure()
    parts = camera.render(RayScene(*mesh[:2]), LENS, facing(8, 0)[0], mesh[0], part_of_triangle=mesh[2]).parts
    assert parts is not None
    assert parts.dtype == np.uint8
    middle = [np.nonzero(parts[0] == part)[1].mean() for part in (3, 4)]  # left arm, right arm
    assert middle[0] > 26 > 18 > middle[1]
    assert np.nonzero(parts[0] == 1)[0].max() < 16  # the head is at the top
    shown = camera.render(RayScene(*mesh[:2]), LENS, facing(8, 0)[0], mesh[0]).masks[0] > 0
    np.testing.assert_array_equal(parts[0] > 0, shown)


def test_boxes_lead_back_to_native_pixels() -> None:
    mesh = figure()
    pose, _ = facing(8, 75)
    pictures = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0])
    top, left, bottom, right = pictures.boxes[0]
    native = native_mask(LENS, pose, mesh)
    rows, columns = np.nonzero(pictures.masks[0])
    v, u = top + (rows + 0.5) * (bottom - top) / 64, left + (columns + 0.5) * (right - left) / 44
    assert native[np.rint(v).astype(int), np.rint(u).astype(int)].mean() > 0.995
    assert (bottom - top) / 64 == pytest.approx((right - left) / 44)


def test_far_people_look_blocky() -> None:
    mesh = figure()
    far = camera.render(RayScene(*mesh[:2]), LENS, facing(70, 90)[0], mesh[0]).masks[0]
    native_rows = 1100 / 70 * 1.75
    different = 1 + (np.diff(far.astype(int), axis=0) != 0).any(1).sum()
    assert different <= native_rows + 2
    near = camera.render(RayScene(*mesh[:2]), LENS, facing(8, 90)[0], mesh[0]).masks[0]
    assert 1 + (np.diff(near.astype(int), axis=0) != 0).any(1).sum() > 45


def test_points_of_the_lidar_fall_inside_the_silhouette() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    camera_pose, lidar_pose = facing(9, 30)[0], facing(8, 50)[1]
    size = (512, 512)  # finer than the picture: the mask is the native picture
    pictures = camera.render(scene, LENS, camera_pose, mesh[0], size)
    points = lidar.points(lidar.scan(scene, lidar.open_lidar("velodyne-vls128"), lidar_pose, mesh[0]))[:, :3]
    assert len(points) > 500
    in_camera = transforms.apply(transforms.inverse(camera_pose) @ lidar_pose, points)
    pixels, _ = LENS.project(in_camera)
    top, left, bottom, right = pictures.boxes[0]
    row = np.floor((pixels[:, 1] - top) / (bottom - top) * size[0]).astype(int)
    column = np.floor((pixels[:, 0] - left) / (right - left) * size[1]).astype(int)
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    assert pictures.masks[0][row[inside], column[inside]].astype(bool).sum() >= 0.98 * len(points)


def test_an_occluder_hides_and_the_crop_follows_what_shows() -> None:
    mesh = figure()
    pose, _ = facing(8, 0)
    scene, is_person = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 0.8], [2, -3, 0.8]])  # a wall over the legs
    hidden = camera.render(scene, LENS, pose, mesh[0], is_person=is_person, part_of_triangle=np.append(mesh[2], [7, 7]))
    clear = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0])
    assert hidden.boxes[0, 2] < clear.boxes[0, 2] - 30
    assert hidden.boxes[0, 0] == pytest.approx(clear.boxes[0, 0], abs=2)
    assert hidden.masks[0, 0].any()
    assert hidden.masks[0, -1].any()
    assert hidden.masks[0].any(0).sum() > clear.masks[0].any(0).sum()  # the upper body is enlarged
    assert hidden.parts is not None
    assert not np.isin(hidden.parts, [7]).any()
    np.testing.assert_array_equal(hidden.parts > 0, hidden.masks > 0)


def test_a_thin_post_leaves_a_gap_and_the_crop_alone() -> None:
    mesh = figure()
    pose, _ = facing(8, 0)
    scene, is_person = with_wall(mesh, [[2, -0.03, 0], [2, 0.03, 0], [2, 0.03, 3], [2, -0.03, 3]])
    post = camera.render(scene, LENS, pose, mesh[0], is_person=is_person)
    clear = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0])
    assert post.boxes[0, 0] == pytest.approx(clear.boxes[0, 0], abs=6)  # the post hides the crown
    assert 0.7 < post.masks.sum() / clear.masks.sum() < 0.97


def test_whoever_is_hidden_or_outside_the_picture_gives_an_empty_frame() -> None:
    mesh = figure()
    pose, _ = facing(8, 0)
    scene, is_person = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 3], [2, -3, 3]])
    away = transforms.look_at(np.array([8.0, 0, 1.6]), np.array([16.0, 0, 1.6]))
    aside = transforms.look_at(np.array([8.0, 0, 1.6]), np.array([8.0, 16.0, 1.6]))
    far = facing(400, 180)[0]  # five native rows, on the free side of the wall
    pictures = camera.render_many(scene, LENS, np.stack([pose, away, aside, far]), mesh[0], is_person=is_person)
    assert not pictures.masks.any()
    assert np.isnan(pictures.boxes).all()


def test_a_person_cut_by_the_border_shows_what_is_in_the_picture() -> None:
    mesh = figure()
    pose = transforms.look_at(np.array([3.0, 0, 1.2]), np.array([0, 0, 2.2]))
    pictures = camera.render(RayScene(*mesh[:2]), LENS, pose, mesh[0])
    assert pictures.boxes[0, 2] <= LENS.height - 0.5
    assert pictures.masks[0, -1].any()
    right = transforms.look_at(np.array([6.0, 0, 1.2]), np.array([0, -3.4, 1.2]))  # the person stands on the right border
    cut = camera.render(RayScene(*mesh[:2]), LENS, right, mesh[0], (320, 220))
    native = native_mask(LENS, right, mesh)
    assert native[:, -1].any()
    beside = camera.render_many(RayScene(*mesh[:2]), LENS, np.stack([right, facing(8, 90)[0]]), mesh[0], (320, 220))  # a wider crop
    np.testing.assert_array_equal(beside.masks[0], cut.masks[0])
    step = (cut.boxes[0, 2] - cut.boxes[0, 0]) / 320
    assert (cut.masks[0] > 0).sum() * step**2 == pytest.approx(native.sum(), rel=0.05)


def test_what_is_behind_the_camera_does_not_count() -> None:
    vertices, triangles, _ = figure()
    more = np.concatenate([vertices, np.array([[12, 0, 1.9], [12, 0.2, 5.9], [12, -2, 1]], np.float32)])
    scene = RayScene(more, np.concatenate([triangles, [[len(vertices), len(vertices) + 1, len(vertices) + 2]]]))
    pose, _ = facing(8, 0)
    seen, wanted = camera.render(scene, LENS, pose, more), camera.render(RayScene(vertices, triangles), LENS, pose, vertices)
    np.testing.assert_array_equal(seen.boxes, wanted.boxes)
    np.testing.assert_array_equal(seen.masks, wanted.masks)


# --- segmentation errors --------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def walk() -> np.ndarray:
    """Clean silhouettes of four views of one walk: uint8 [4, 20, 64, 44]."""
    poses = np.stack([facing(8, angle)[0] for angle in (0, 90, 135, 200)])
    frames = []
    for t in range(20):
        mesh = figure(round(0.45 * float(np.sin(2 * np.pi * t / 10)), 3))
        frames.append(camera.render_many(RayScene(*mesh[:2]), LENS, poses, mesh[0]).masks)
    return np.stack(frames, axis=1)


def degraded(level: float, night: bool = False) -> np.ndarray:
    """Overlap with the clean masks [seeds * 4, 20] of twelve seeds."""
    found = [overlap(camera.degrade(clean, np.random.default_rng([seed, view]), level, night), clean)
             for seed in range(12) for view, clean in enumerate(walk())]  # fmt: skip
    return np.array(found)


def test_degraded_silhouettes_are_as_bad_as_they_should_be_and_worse_by_night() -> None:
    day, night, little = degraded(1.0), degraded(1.0, night=True), degraded(0.5)
    assert 0.87 < day.mean() < 0.95
    assert 0.74 < night.mean() < 0.86
    assert day.mean() + 0.02 < little.mean() < 0.995
    assert (day.mean(1) < 0.98).mean() > 0.9  # no sequence goes free
    assert degraded(2.0).mean() < day.mean() - 0.08


def test_level_zero_changes_nothing_and_gives_a_copy() -> None:
    clean = walk()[0]
    same = camera.degrade(clean, np.random.default_rng(0), 0.0)
    np.testing.assert_array_equal(same, clean)
    same[:] = 7
    assert clean.max() == 255
    with pytest.raises(ValueError, match="negative"):
        camera.degrade(clean, np.random.default_rng(0), -1.0)


def test_degraded_silhouettes_are_aligned_masks_and_follow_the_seed() -> None:
    clean = walk()[1]
    one, again, other = (camera.degrade(clean, np.random.default_rng(seed), 1.0) for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    assert one.dtype == np.uint8
    assert one.shape == clean.shape
    assert set(np.unique(one)) == {0, 255}
    for level in (0.5, 1.0):
        masks = np.concatenate([camera.degrade(clean, np.random.default_rng(seed), level) for seed in range(10)])
        seen = masks[masks.any((1, 2))]
        assert seen[:, 0].any(1).mean() > 0.9
        assert seen[:, -1].any(1).mean() > 0.9
        total = (seen > 0).sum(1).cumsum(1)
        assert np.abs(np.argmax(total > total[:, -1:] / 2, axis=1) - 22).mean() < 1.5


def test_errors_last_for_some_frames() -> None:
    still = np.repeat(walk()[1][:1], 40, axis=0)
    wrong = np.concatenate([camera.degrade(still, np.random.default_rng(seed), 1.0) for seed in range(5)]).astype(int) - still[0]
    wrong = wrong.reshape(5, 40, -1)

    def likeness(apart: int) -> float:
        return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(wrong[:, :-apart], wrong[:, apart:], strict=True)]))

    assert likeness(1) > likeness(15) + 0.2


def test_empty_frames_stay_empty_and_short_sequences_work() -> None:
    clean = walk()[2][:3].copy()
    clean[1] = 0
    for seed in range(20):
        assert not camera.degrade(clean, np.random.default_rng(seed), 2.0, night=True)[1].any()
    nobody = np.zeros((60, 64, 44), np.uint8)
    assert not any(camera.degrade(nobody, np.random.default_rng(seed), 2.0, night=True).any() for seed in range(10))
    assert camera.degrade(clean[:1], np.random.default_rng(0), 1.0).shape == (1, 64, 44)
    assert camera.degrade(clean[:0], np.random.default_rng(0), 1.0).shape == (0, 64, 44)


@pytest.mark.parametrize("name", ["limb", "leak", "failure"])
def test_rare_errors_do_happen_each_by_itself(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_segmentation, "EVENTS", {other: 4 * rate * (other == name) for other, rate in _segmentation.EVENTS.items()})
    for constant, value in (("OUTLINE", 0.0), ("JITTER", 0.0), ("HOLE", 99.0)):
        monkeypatch.setattr(_segmentation, constant, value)
    clean = walk()[1]
    bad = np.stack([camera.degrade(clean, np.random.default_rng(seed), 1.0) for seed in range(100)])
    changed = (bad != clean).any((2, 3))
    assert {"limb": 0.08, "leak": 0.04, "failure": 0.005}[name] < changed.mean() < {"limb": 0.4, "leak": 0.3, "failure": 0.05}[name]
    assert changed[:, 1:][changed[:, :-1]].mean() > 0.3  # they last
    gone = ~bad.any((2, 3))
    assert gone.any() == (name == "failure")


def test_errors_take_away_or_add_what_they_say() -> None:
    clean = walk()[1] > 0
    random = np.random.default_rng(0)
    for _ in range(50):
        limb, leak, failure = clean.copy(), clean.copy(), clean.copy()
        _segmentation._lose_limb(limb, random, 1.0)
        _segmentation._leak(leak, random, 1.0)
        _segmentation._fail(failure, random, 1.0)
        assert not (limb & ~clean).any()
        assert limb.sum() > 0.75 * clean.sum()
        assert (leak | clean == leak).all()
        assert all(label(frame)[1] == 1 for frame in leak)  # in one piece with the person
        assert 1.0 < leak.sum() / clean.sum() < 1.5
        assert not (failure & ~clean).any()
        assert failure.sum() < 0.85 * clean.sum()


def test_the_crop_follows_what_is_left() -> None:
    clean = walk()[1]
    random = np.random.default_rng(0)
    np.testing.assert_array_equal(_segmentation._recrop(clean > 0, random, 0.0), clean)
    upper = clean > 0
    upper[:, 36:] = False
    found = _segmentation._recrop(upper, random, 0.0)
    assert found[:, 0].any()
    assert found[:, -1].any(1).all()
    moved = np.roll(clean > 0, 5, axis=2)
    np.testing.assert_array_equal(_segmentation._recrop(moved, random, 0.0)[:, :, 8:-8], clean[:, :, 8:-8])


# --- the LiDAR ------------------------------------------------------------------------------------------------------------


def test_beam_tables_are_the_makers() -> None:
    vls, ouster, puck = (lidar.open_lidar(name) for name in ("velodyne-vls128", "ouster-os1-128", "velodyne-vlp16"))
    assert (len(vls.elevations_deg), len(ouster.elevations_deg), len(puck.elevations_deg)) == (128, 128, 16)
    assert (vls.elevations_deg[0], vls.elevations_deg[-1]) == (15.0, -25.0)
    middle = np.array([e for e in vls.elevations_deg if -6.5 < e < 4.9])
    np.testing.assert_allclose(np.diff(middle), -0.11, atol=0.04)
    assert sorted(set(vls.azimuth_offsets_deg)) == [-6.354, -4.548, -2.732, -0.911, 0.911, 2.732, 4.548, 6.354]
    np.testing.assert_allclose(puck.elevations_deg, np.arange(15, -16, -2))
    assert (ouster.elevations_deg[0], ouster.elevations_deg[-1]) == (20.95, -21.82)
    assert ouster.azimuth_offsets_deg[0] == -4.21  # the top beam of this unit points right
    assert 360 / ouster.azimuth_step_deg == pytest.approx(1024)
    for model in (vls, ouster, puck):
        assert np.abs(model.shifts[1]).max() <= model.azimuth_step / 2 + 1e-12
        assert max(model.firing_us) * 1e-6 < np.deg2rad(model.azimuth_step_deg) / (2 * np.pi * model.rate_hz)


def test_unknown_lidars_and_impossible_tables_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean 'velodyne-vls128'"):
        lidar.open_lidar("velodyne-vls-128")
    with pytest.raises(ValueError, match="as many"):
        lidar.LidarModel("odd", (1.0, 0.0), (0.0,), (0.0, 0.0), 0.2)
    with pytest.raises(ValueError, match="fall"):
        lidar.LidarModel("odd", (0.0, 1.0), (0.0, 0.0), (0.0, 0.0), 0.2)


@pytest.mark.parametrize("name", lidar.LIDARS)
@pytest.mark.parametrize("angle_deg", [0, 137])
def test_clean_points_lie_on_the_person_along_native_beams(name: str, angle_deg: float) -> None:
    mesh = figure()
    model = lidar.open_lidar(name)
    scene = RayScene(*mesh[:2])
    _, pose = facing(7, angle_deg)
    scan = lidar.scan(scene, model, pose, mesh[0])
    points = lidar.points(scan)
    assert scan.ranges_m.dtype == np.float32
    elevations = np.rad2deg(np.arcsin(points[:, 2] / np.linalg.norm(points[:, :3], axis=1)))
    assert np.abs(elevations[:, None] - np.array(model.elevations_deg)).min(1).max() < 1e-3
    assert (np.diff(scan.azimuths, axis=1) < 0).all()
    assert (np.diff(scan.elevations) < 0).all()
    world = transforms.apply(pose, points[:, :3])
    assert np.abs(scene.distance(pose[:3, 3], world - pose[:3, 3]) - 1).max() < 1e-4
    outer = np.isnan(scan.ranges_m)
    assert outer[:, 0].all()  # the window reaches beyond the person on both sides
    assert outer[:, -1].all()


@pytest.mark.parametrize("name", ["velodyne-vls128", "ouster-os1-128"])
def test_no_return_is_left_outside_the_window(name: str) -> None:
    """All beams over the whole turn give as many returns as the window does."""
    mesh, model = figure(), lidar.open_lidar(name)
    scene = RayScene(*mesh[:2])
    _, pose = facing(6, 40, height_m=1.2)
    _, rest = model.shifts
    azimuths = np.arange(-120, 121) * model.azimuth_step + rest[:, None]
    local = np.stack(np.broadcast_arrays(np.cos(azimuths) * np.cos(model.elevations)[:, None], np.sin(azimuths) * np.cos(model.elevations)[:, None],
                                         np.sin(model.elevations)[:, None]), -1)  # fmt: skip
    everywhere = np.isfinite(scene.distance(pose[:3, 3], local.reshape(-1, 3) @ pose[:3, :3].T)).sum()
    assert np.count_nonzero(~np.isnan(lidar.scan(scene, model, pose, mesh[0]).ranges_m)) == everywhere
    assert everywhere > 300


def test_the_left_is_on_the_left_and_the_highest_beam_on_top() -> None:
    vertices = np.array([[8, 1, 0.2], [8, 0.6, 0.2], [8, 0.8, 0.6], [6, -0.6, -0.6], [6, -1, -0.6], [6, -0.8, -0.2]], np.float32)
    scene = RayScene(vertices, np.array([[0, 1, 2], [3, 4, 5]]))  # high, far and to the left; low, near and to the right
    scan = lidar.scan(scene, lidar.open_lidar("ouster-os1-128"), np.eye(4), vertices)
    rows, columns = np.nonzero(~np.isnan(scan.ranges_m))
    high = rows < rows.mean()
    assert columns[high].max() < columns[~high].min()
    assert np.nanmin(scan.ranges_m[rows[high], columns[high]]) > 8 > 6.5 > np.nanmax(scan.ranges_m[rows[~high], columns[~high]])
    view = lidar.range_view(scan, (64, 256))
    assert np.nanmin(view[:20, :128]) > 8
    assert np.nanmax(view[-20:, 128:]) < 6.5
    assert np.isnan(view[:20, 128:]).all()


def test_a_person_behind_the_sensor_is_not_torn_apart() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene = RayScene(*mesh[:2])
    ahead = lidar.scan(scene, model, transforms.sensor_pose(np.array([-8.0, 0, 1.5]), 0.0), mesh[0])
    behind = lidar.scan(scene, model, transforms.sensor_pose(np.array([-8.0, 0, 1.5]), np.pi), mesh[0])
    assert behind.ranges_m.shape[1] < 60
    assert np.count_nonzero(~np.isnan(behind.ranges_m)) == pytest.approx(np.count_nonzero(~np.isnan(ahead.ranges_m)), rel=0.05)
    assert overlap(~np.isnan(lidar.range_view(behind)), ~np.isnan(lidar.range_view(ahead))) > 0.85


def test_farther_means_fewer_points_and_their_number_is_plausible() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    grid = lidar.LidarModel("0.2 x 0.2", tuple(np.arange(15, -25, -0.2)), (0.0,) * 200, (0.0,) * 200, 0.2)
    counts = [np.count_nonzero(~np.isnan(lidar.scan(scene, grid, facing(distance, 0)[1], mesh[0]).ranges_m)) for distance in (5, 10, 20, 40)]
    assert 350 < counts[1] < 550
    np.testing.assert_allclose(np.array(counts) * np.array([25, 100, 400, 1600]) / 100 / counts[1], 1, atol=0.2)


def test_ouster_sees_as_much_of_a_person_as_the_real_one_did() -> None:
    """A pedestrian of about 1.55 m at 13.1 m before a real OS-1-128: 19 rows and 9 columns, 87 returns, in the first scan."""
    path = SHARED / "lidar" / "os1_128_street.npz"
    if not path.exists():
        pytest.skip(f"needs the recording {path.name} beside the repository")
    with np.load(path) as recording:
        ranges, points = recording["os1_128_0_range_mm"] / 1000, recording["os1_128_0_xyz_m"]
        table = recording["os1_128_beam_alt_deg"]
    model = lidar.open_lidar("ouster-os1-128")
    np.testing.assert_allclose(model.elevations_deg, table)
    real = (ranges > 12.85) & (ranges < 13.6) & (points[..., 2] > -1.80)
    real[:60], real[90:], real[:, :605], real[:, 632:] = False, False, False, False
    mesh = figure(0.3, 1.55)
    pose = facing(13.1, 60, 1.88)[1]  # they walk across
    ours = ~np.isnan(lidar.scan(RayScene(*mesh[:2]), model, pose, mesh[0], random=np.random.default_rng(0)).ranges_m)
    assert abs(ours.any(1).sum() - real.any(1).sum()) <= 2
    assert abs(ours.any(0).sum() - real.any(0).sum()) <= 2
    assert 0.55 < ours.sum() / real.sum() < 1.2  # the figure wears no coat, and a real beam is some centimetres wide


@pytest.mark.parametrize("name", lidar.LIDARS)
def test_the_sweep_takes_time_and_moves_the_person(name: str) -> None:
    model = lidar.open_lidar(name)
    wall = np.array([[10, -2, -1], [10, 2, -1], [10, 2, 1], [10, -2, 1]], np.float32)
    scene = RayScene(wall * [1, 2, 2], np.array([[0, 1, 2], [0, 2, 3]]))
    pose = transforms.sensor_pose(np.zeros(3), 0.3)
    points = lidar.points(lidar.scan(scene, model, pose, wall, velocity_mps=np.array([30.0, 0, 0])))
    world = transforms.apply(pose, points[:, :3])
    assert np.abs(world[:, 0] - (10 + 30 * points[:, 3])).max() < 1e-3  # at each point's time the wall is elsewhere
    azimuth = np.arctan2(points[:, 1], points[:, 0])
    expected = -(azimuth + 0.3) / (2 * np.pi * model.rate_hz)  # clockwise; zero towards the wall's middle
    spread = max(np.abs(model.azimuth_offsets_deg)) / 360 / model.rate_hz + 2e-4
    assert np.abs(points[:, 3] - expected).max() < spread
    assert np.polyfit(expected, points[:, 3], 1)[0] == pytest.approx(1, abs=0.05)
    still = lidar.scan(scene, model, pose, wall)
    np.testing.assert_allclose(transforms.apply(pose, lidar.points(still)[:, :3])[:, 0], 10, atol=1e-4)


def test_beams_that_point_to_the_left_sweep_later() -> None:
    model = lidar.LidarModel("two", (0.5, -0.5), (6.0, -6.0), (0.0, 20.0), 0.2)
    wall = np.array([[10, -2, -1], [10, 2, -1], [10, 2, 1], [10, -2, 1]], np.float32)
    scan = lidar.scan(RayScene(wall, np.array([[0, 1, 2], [0, 2, 3]])), model, np.eye(4), wall)
    later = np.median(scan.time_s[0] - scan.time_s[1])
    assert later == pytest.approx(12 / 360 * 0.1 - 20e-6, abs=2e-6)


def test_noise_is_as_large_as_the_model_says_and_follows_the_seed() -> None:
    mesh, model = figure(), lidar.open_lidar("ouster-os1-128")
    scene = RayScene(*mesh[:2])
    _, pose = facing(6, 20)
    clean = lidar.scan(scene, model, pose, mesh[0]).ranges_m
    noisy, again, other = (lidar.scan(scene, model, pose, mesh[0], random=np.random.default_rng(seed)).ranges_m for seed in (1, 1, 2))
    assert noisy.tobytes() == again.tobytes() != other.tobytes()
    error = (noisy - clean)[~np.isnan(noisy)]
    assert error.std() == pytest.approx(model.range_noise_m, rel=0.15)
    assert abs(error.mean()) < 0.003
    lost = np.isnan(noisy) & ~np.isnan(clean)
    assert not (np.isnan(clean) & ~np.isnan(noisy)).any()
    assert 0.003 < lost.sum() / (~np.isnan(clean)).sum() < 0.1


def test_grazing_and_far_targets_come_back_less_often() -> None:
    model = lidar.open_lidar("velodyne-vlp16")

    def share(distance_m: float, turn_deg: float, reflectivity: float) -> float:
        turn = transforms.about_axis("z", np.deg2rad(turn_deg))
        reach = 0.04 * distance_m
        wall = (np.array([[0, -2, -1], [0, 2, -1], [0, 2, 1], [0, -2, 1]]) * reach / np.cos(np.deg2rad(turn_deg))) @ turn.T + [distance_m, 0, 0]
        scene = RayScene(wall, np.array([[0, 1, 2], [0, 2, 3]]))
        clean, noisy = (lidar.scan(scene, model, np.eye(4), wall, random=random, reflectivity=reflectivity)
                        for random in (None, np.random.default_rng(0)))  # fmt: skip
        return np.count_nonzero(~np.isnan(noisy.ranges_m)) / np.count_nonzero(~np.isnan(clean.ranges_m))

    assert share(10, 0, 0.3) > 0.97
    assert share(50, 0, 0.1) == pytest.approx(0.9 * 0.99, abs=0.04)  # the data sheets' nine in ten
    assert share(50, 75, 0.1) < 0.7
    assert share(90, 0, 0.1) < 0.65


def test_occluders_hide_from_the_lidar_and_are_not_the_person() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene, is_person = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 1.2], [2, -3, 1.2]])
    _, pose = facing(8, 0)
    clear = lidar.scan(RayScene(*mesh[:2]), model, pose, mesh[0]).ranges_m
    half = lidar.scan(scene, model, pose, mesh[0], is_person=is_person).ranges_m
    assert half.shape == clear.shape
    shown = ~np.isnan(half)
    np.testing.assert_array_equal(half[shown], clear[shown])
    assert 0.2 < shown.sum() / (~np.isnan(clear)).sum() < 0.8
    leaking = lidar.scan_many(scene, model, pose[None], mesh[0], random=np.random.default_rng(0), is_person=is_person, leak=0.2)[0].ranges_m
    assert 0.1 < (leaking < 6.5).sum() / (np.isnan(half).sum()) < 0.25  # of the wall's returns, at about 6 m
    hidden, mine = with_wall(mesh, [[2, -3, 0], [2, 3, 0], [2, 3, 3], [2, -3, 3]])
    nothing = lidar.scan(hidden, model, pose, mesh[0], is_person=mine)
    assert np.isnan(nothing.ranges_m).all()
    assert np.isnan(lidar.range_view(nothing)).all()
    assert lidar.points(nothing).shape == (0, 4)


def test_lidars_scanned_together_are_those_scanned_alone() -> None:
    mesh, model = figure(), lidar.open_lidar("velodyne-vls128")
    scene = RayScene(*mesh[:2])
    poses = np.stack([facing(distance, angle)[1] for distance, angle in ((6, 0), (9, 90), (14, 200))])
    velocity = np.array([1.4, 0, 0])
    many = lidar.scan_many(scene, model, poses, mesh[0], velocity)
    views = lidar.range_views(many)
    assert views.shape == (3, 64, 44)
    assert views.dtype == np.float32
    for view, one in enumerate(lidar.scan(scene, model, pose, mesh[0], velocity) for pose in poses):
        np.testing.assert_allclose(np.sort(lidar.points(one), 0), np.sort(lidar.points(many[view]), 0), atol=2e-6)
        np.testing.assert_allclose(lidar.range_view(one), views[view], atol=1e-5)


def test_range_views_look_like_silhouettes_of_the_same_view() -> None:
    mesh = figure()
    scene = RayScene(*mesh[:2])
    for angle in (0, 90, 220):
        camera_pose, lidar_pose = facing(9, angle, 1.2)
        mask = camera.render(scene, LENS, camera_pose, mesh[0]).masks[0]
        view = lidar.range_view(lidar.scan(scene, lidar.open_lidar("velodyne-vls128"), lidar_pose, mesh[0]))
        assert overlap(~np.isnan(view), mask) > 0.75
        assert np.nanmin(view) > 8
        assert np.nanmax(view) < 10
