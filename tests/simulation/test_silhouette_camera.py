"""Silhouettes against a slow native picture, alignment, occlusion and empty frames."""

import numpy as np
import pytest
from walking_figure import LENS, aligned, facing, figure, native_mask, overlap, with_wall

from gaitbridge.geometry import transforms
from gaitbridge.geometry.rays import RayScene
from gaitbridge.plugins import names
from gaitbridge.simulation.sensors import silhouette_camera as camera
from gaitbridge.simulation.sensors import spinning_lidar as lidar


def test_sensors_are_plug_ins() -> None:
    assert names("gaitbridge.simulation.sensors") == ["beams", "silhouette_camera", "spinning_lidar"]


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
