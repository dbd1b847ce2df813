"""Virtual markers: the shipped ones do what they are said to do on people never used to learn them, and the learning finds what it should."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from gaitbridge.errors import StoreError, UserError
from gaitbridge.simulation import virtual_markers as learning
from gaitbridge.simulation.body import Body
from gaitbridge.simulation.body._read_out import read_out_file, shipped, write_read_out


def test_the_shipped_read_out_is_convex_sparse_and_symmetric(anny_reduced: Body) -> None:
    read_out = shipped(anny_reduced.name)
    weights = read_out.convex.toarray()
    assert weights.shape == (1229, 64)
    assert weights.min() >= 0
    assert np.allclose(weights.sum(1), 1, atol=1e-5)
    assert np.diff(read_out.convex.indptr).mean() < 6.5
    assert np.allclose(read_out.dense.sum(1), 1, atol=1e-4)
    assert np.array_equal(read_out.marker_vertices, anny_reduced.marker_vertices)
    assert np.array_equal(read_out.triangles, anny_reduced.triangles)
    assert read_out.joint_names == anny_reduced.joint_names
    for mirror in (read_out.mirror_joints, read_out.mirror_markers, read_out.mirror_vertices):
        assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    assert np.array_equal(read_out.mirror_vertices[read_out.marker_vertices], read_out.marker_vertices[read_out.mirror_markers])
    names = np.array(read_out.joint_names)
    swapped = names[read_out.mirror_joints]
    assert all(b == a.replace("Left", "Right") for a, b in zip(names, swapped, strict=True) if a.startswith("Left"))
    # a marker is the vertex it is said to be
    assert np.array_equal(weights[read_out.marker_vertices], np.eye(64, dtype=np.float32))


def test_its_errors_on_people_it_was_not_learnt_from() -> None:
    """Other people than the file's own held-out ones; the aim is 8 mm, the source's own is of that size."""
    found = learning.errors_mm(shipped(), learning.walking_people("a test", 8, seed=1))
    assert found["convex_mean_mm"] < 8.0
    assert found["dense_mean_mm"] < 2.5
    assert found["convex_mean_mm"] == pytest.approx(shipped().about["convex_mean_mm"], rel=0.15)


def slow_residual(path: np.ndarray, basis: np.ndarray) -> float:
    """Distance of a point [C] to the hull of points [C, M], by a general minimiser over the simplex."""
    count = basis.shape[1]
    found = minimize(lambda w: float(((basis @ w - path) ** 2).sum()), np.full(count, 1 / count), bounds=[(0, 1)] * count, method="SLSQP",
                     constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-12, "maxiter": 500})
    return float(np.sqrt(found.fun))


def test_residuals_are_distances_to_the_convex_hull() -> None:
    random = np.random.default_rng(0)
    paths = random.normal(0, 0.3, (4, 12))
    chosen = np.array([0, 3, 5, 7, 9], np.int32)
    found = learning.residuals(paths, chosen)
    assert np.allclose(found, [slow_residual(path, paths[:, chosen]) for path in paths.T], atol=2e-3)
    assert np.allclose(found[chosen], 0, atol=1e-6)


def symmetric_box() -> np.ndarray:
    """Points [V, 3], left/right symmetric: the corners of a box, some on the midline, and many inside their hull."""
    corners = np.array([[x, y, z] for x in (-0.2, 0.2) for y in (-0.3, 0.3) for z in (0.0, 1.0)])
    inner = (corners.T @ np.random.default_rng(1).dirichlet(np.ones(8), 30).T).T
    return np.concatenate([inner, inner * [1, -1, 1], inner * [1, 0, 1], corners, corners[[0, 1, 4, 5]] * [1, 0, 1.05]])


def test_the_extremes_are_chosen_and_the_rest_follows_from_them() -> None:
    still = symmetric_box()
    vertices = np.einsum("nab,vb->nva", np.eye(3) + np.random.default_rng(2).normal(0, 0.2, (20, 3, 3)), still)
    mirror = learning.mirror_of(still)
    chosen = learning.choose(vertices, mirror, still[:, 1] > 0, 12, seed=0, rounds=1)
    assert len(set(chosen.tolist())) == 12
    outside = learning.residuals(learning.coordinates(vertices), chosen)
    assert outside.mean() < 0.01
    pairs = int((still[chosen, 1] > 1e-9).sum())
    assert np.array_equal(mirror[chosen[12 - 2 * pairs : 12 - pairs]], chosen[12 - pairs :])


def test_learning_repeats_and_writes_a_whole_file(tmp_path: Path) -> None:
    said: list[str] = []
    about = learning.learn_markers(tmp_path / "a.npz", markers=16, people=10, held_out=2, progress=lambda done, total, note: said.append(note))
    again = learning.learn_markers(tmp_path / "b.npz", markers=16, people=10, held_out=2)
    assert about == again
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    read = read_out_file(tmp_path / "a.npz")
    assert read.about == about
    assert len(read.marker_vertices) == 16
    assert about["dense_mean_mm"] < about["convex_mean_mm"]
    assert said


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    for settings, message in (({"markers": 7}, "even number"), ({"people": 3}, "at least 10"), ({"body": "annie"}, "anny or smpl")):
        with pytest.raises(UserError, match=message):
            learning.learn_markers(tmp_path / "x.npz", **settings)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match="learn-markers"):
        read_out_file(tmp_path / "none.npz")
    write_read_out(shipped(), tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:2000])
    with pytest.raises(StoreError, match="damaged"):
        read_out_file(tmp_path / "cut.npz")


def test_confidence_moves_a_vertex_towards_the_sure_markers() -> None:
    read_out = shipped()
    markers = np.random.default_rng(0).normal(0, 0.3, (1, 64, 3)).astype(np.float32)
    even = read_out.vertices(markers[:, :31], markers, confidence=np.full((1, 64), 3.0, np.float32))
    assert np.allclose(even, read_out.vertices(markers[:, :31], markers), atol=1e-5)
    vertex = int(np.argmax(np.diff(read_out.convex.indptr)))
    used = read_out.convex[vertex].indices
    sure = np.ones((1, 64), np.float32)
    sure[0, used[0]] = 1e4
    assert np.allclose(read_out.vertices(markers[:, :31], markers, confidence=sure)[0, vertex], markers[0, used[0]], atol=1e-2)


def test_a_nearly_symmetric_body_is_paired_too() -> None:
    random = np.random.default_rng(0)
    left = random.uniform((-1, 0.01, -1), (1, 0.5, 1), (300, 3))
    points = np.concatenate([left, left * (1, -1, 1)]) + random.normal(0, 0.02, (600, 3))
    mirror = learning.mirror_of(points)
    assert np.array_equal(mirror[mirror], np.arange(600))
    assert np.linalg.norm(points[mirror] * (1, -1, 1) - points, axis=1).max() < 0.2


def test_paths_have_the_same_coordinates_from_either_side() -> None:
    """Few poses of many vertices, and the same poses many times: distances between vertices' paths agree."""
    vertices = np.random.default_rng(0).normal(0, 0.3, (4, 40, 3)).astype(np.float32)
    few, many = (learning.coordinates(one, keep=10) for one in (vertices, vertices.repeat(10, axis=0)))
    for found in (few, many):
        assert found.shape == (10, 40)
    distances = [np.linalg.norm(found[:, :, None] - found[:, None], axis=0) for found in (few, many)]
    assert np.allclose(distances[0], distances[1], atol=1e-6)
