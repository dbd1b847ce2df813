"""Pictures of recovered bodies: they show what is recovered, where it is, and the near side of it."""

import dataclasses
import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from fake_bodies import random_bodies
from matplotlib.image import imread

from gaitbridge.report.bodies import bodies_png, draw_bodies, over_silhouette, shaded

SILHOUETTES = np.zeros((5, 64, 44), np.uint8)
SILHOUETTES[:, 10:60, 12:30] = 255
TRIANGLES = np.array([[0, 1, 2], [3, 4, 5], [4, 5, 6]])
PARENTS = np.arange(len(random_bodies(0).joints[0])) - 1


def picture(png: bytes) -> np.ndarray:
    return np.asarray(imread(io.BytesIO(png)))


def test_truth_and_heatmaps_are_further_rows() -> None:
    recovered, truth = random_bodies(0), random_bodies(1)
    with_heatmaps = dataclasses.replace(recovered, heatmaps=np.random.default_rng(0).random((5, 9, 4, 8, 6), np.float32))
    drawn = [bodies_png(SILHOUETTES, recovered, None, TRIANGLES, PARENTS), bodies_png(SILHOUETTES, recovered, truth, TRIANGLES, PARENTS),
             bodies_png(SILHOUETTES, with_heatmaps, truth, TRIANGLES, PARENTS)]
    heights = [picture(png).shape[0] for png in drawn]
    assert heights == sorted(set(heights))


def test_unknown_frames_are_left_out_and_none_is_no_error(tmp_path: Path) -> None:
    widths = [picture(bodies_png(SILHOUETTES, random_bodies(0, unknown=unknown), None, TRIANGLES, PARENTS)).shape[1] for unknown in ((), (0, 1, 3))]
    assert widths[1] < widths[0]
    assert picture(bodies_png(SILHOUETTES, random_bodies(0, unknown=(0, 1, 2, 3, 4)), None, TRIANGLES, PARENTS)).ndim == 3
    read_out = SimpleNamespace(triangles=TRIANGLES, parents=PARENTS)
    out = draw_bodies(SILHOUETTES, random_bodies(0), None, read_out, tmp_path / "walk.png", title="a <walk>")
    assert picture(out.read_bytes()).std() > 0.05


def test_vertices_stand_where_the_silhouette_shows_them() -> None:
    bodies = random_bodies(0)
    moved = dataclasses.replace(bodies, root_px=np.full((5, 2), (20.0, 30.0), np.float32), scale_m=np.full(5, 2.0, np.float32))
    for places, points in zip(over_silhouette(moved, 1, 64), (bodies.vertices[1], bodies.joints[1]), strict=True):
        assert np.allclose(places[:, 0], 20 + 32 * points[:, 0], atol=1e-4)
        assert np.allclose(places[:, 1], 30 + 32 * points[:, 1], atol=1e-4)


def test_a_body_without_a_mesh_is_a_skeleton() -> None:
    alone, truth = random_bodies(0).joints_alone(), random_bodies(1)
    assert not alone.has_mesh
    hot = dataclasses.replace(random_bodies(0), heatmaps=np.ones((5, 99, 4, 8, 6), np.float32)).joints_alone()
    assert hot.heatmaps is not None
    assert hot.heatmaps.shape[1] == hot.joints.shape[1]
    with_it, without, bare = (bodies_png(SILHOUETTES, one, truth, TRIANGLES, parents)
                              for one, parents in ((random_bodies(0), PARENTS), (alone, PARENTS), (alone, np.full_like(PARENTS, -1))))
    assert len({with_it, without, bare}) == 3


def test_faces_turned_away_are_not_seen_and_near_ones_come_last() -> None:
    vertices = np.array([[0, 0, 1.0], [0, 1, 1], [1, 0, 1], [0, 0, 2], [0, 1, 2], [1, 0, 2]])
    towards = np.array([[0, 1, 2], [3, 4, 5]])  # y down: this way round they face the camera
    corners, colours = shaded(vertices + np.array([[0, 0, 0]] * 3 + [[5, 0, 0]] * 3), towards, (1.0, 0.0, 0.0))
    assert corners[:, :, 0].min(1).tolist() == [5, 0]
    assert (colours[:, 0] > colours[:, 1]).all()
    assert len(shaded(vertices, towards[:, ::-1], (1.0, 0.0, 0.0))[0]) == 0
