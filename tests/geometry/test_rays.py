"""Ray casting against closed forms, and against a plain Moller-Trumbore loop over all triangles."""

import numpy as np
import pytest

from gaitbridge.geometry.rays import RayScene


def sphere(subdivisions: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """A unit sphere from an octahedron, wound outward: vertices [V, 3], triangles [F, 3]."""
    vertices = [np.array(v, float) for v in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))]
    triangles = [(0, 2, 4), (2, 1, 4), (1, 3, 4), (3, 0, 4), (2, 0, 5), (1, 2, 5), (3, 1, 5), (0, 3, 5)]
    for _ in range(subdivisions):
        middles: dict[tuple[int, int], int] = {}
        finer = []
        for a, b, c in triangles:
            ends = []
            for first, second in ((a, b), (b, c), (c, a)):
                key = (min(first, second), max(first, second))
                if key not in middles:
                    middle = vertices[first] + vertices[second]
                    middles[key] = len(vertices)
                    vertices.append(middle / np.linalg.norm(middle))
                ends.append(middles[key])
            ab, bc, ca = ends
            finer += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        triangles = finer
    return np.array(vertices), np.array(triangles)


def moller_trumbore(corners: np.ndarray, origin: np.ndarray, direction: np.ndarray) -> tuple[float, int]:
    """Distance and index of the first triangle hit, of corners [F, 3, 3]; (inf, -1) where missed."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(direction, ac)
    determinant = (ab * across).sum(1)
    u = ((origin - a) * across).sum(1) / determinant
    q = np.cross(origin - a, ab)
    v = (q * direction).sum(1) / determinant
    distance = (q * ac).sum(1) / determinant
    distance[(u < 0) | (v < 0) | (u + v > 1) | (distance <= 0)] = np.inf
    first = int(distance.argmin())
    return float(distance[first]), first if np.isfinite(distance[first]) else -1


def test_distance_to_a_sphere_is_the_closed_form() -> None:
    scene = RayScene(*sphere(5))
    random = np.random.default_rng(0)
    directions = random.normal(size=(4000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    origins = random.normal(size=(4000, 3))
    origins *= 4 / np.linalg.norm(origins, axis=1, keepdims=True)
    directions[:3000] = random.uniform(-0.5, 0.5, (3000, 3)) - origins[:3000]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    half = (origins * directions).sum(1)
    root = half**2 - (origins**2).sum(1) + 1
    exact = np.where((root > 0) & (half < 0), -half - np.sqrt(np.maximum(root, 0)), np.inf)
    clear = np.abs(root) > 0.02  # the facets of the mesh do not settle grazing rays
    found = scene.distance(origins, directions)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(np.isinf(found[clear]), np.isinf(exact[clear]))
    hit = clear & np.isfinite(exact)
    assert hit.sum() > 2000
    np.testing.assert_allclose(found[hit], exact[hit], atol=0.005)


def test_distance_to_a_plane_is_exact_and_counts_in_lengths_of_the_direction() -> None:
    scene = RayScene(np.array([[3, -50, -50], [3, 50, -50], [3, 50, 50], [3, -50, 50]]), np.array([[0, 1, 2], [0, 2, 3]]))
    directions = np.array([[1, 0.3, 0.4], [2, 0.3, 0.4], [-1, 0, 0], [0, 1, 0]])
    np.testing.assert_allclose(scene.distance(np.array([1.0, 2, 0.5]), directions), [2, 1, np.inf, np.inf], rtol=1e-6)


def test_first_hits_are_those_of_a_plain_loop() -> None:
    random = np.random.default_rng(5)
    vertices = random.uniform(-1, 1, (60, 3)).astype(np.float32)
    triangles = random.permuted(np.tile(np.arange(60), (50, 1)), axis=1)[:, :3]
    scene = RayScene(vertices, triangles)
    origins = random.uniform(-2, 2, (300, 3)).astype(np.float32)
    directions = (random.uniform(-0.7, 0.7, (300, 3)) - origins).astype(np.float32)
    distance, triangle = scene.first_hit(origins, directions)
    slow = [moller_trumbore(vertices[triangles].astype(float), *ray) for ray in zip(origins.astype(float), directions.astype(float), strict=True)]
    np.testing.assert_array_equal(triangle, [index for _, index in slow])
    np.testing.assert_allclose(distance, [far for far, _ in slow], rtol=1e-4)
    assert (triangle >= 0).sum() > 100
    assert (triangle < 0).sum() > 5
    np.testing.assert_array_equal(scene.first_triangle(origins, directions), triangle)
    np.testing.assert_array_equal(scene.distance(origins, directions), distance)


def test_one_origin_serves_all_rays() -> None:
    scene = RayScene(*sphere(2))
    directions = np.random.default_rng(1).normal(size=(200, 3)) - [4, 0, 0]
    np.testing.assert_array_equal(
        scene.distance(np.array([4.0, 0, 0]), directions), scene.distance(np.tile([4.0, 0, 0], (200, 1)), directions)
    )


def test_normals_point_outward_and_flat_triangles_have_none() -> None:
    vertices, triangles = sphere(3)
    scene = RayScene(vertices, np.concatenate([triangles, [[0, 0, 1]]]))
    outward = (scene.normals[:-1] * vertices[triangles].mean(1)).sum(1)
    assert outward.min() > 0.97
    np.testing.assert_allclose(np.linalg.norm(scene.normals[:-1], axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(scene.normals[-1], 0)


def test_scenes_with_the_same_triangles_do_not_share_vertices() -> None:
    vertices, triangles = sphere(2)
    near, far = RayScene(vertices, triangles), RayScene(vertices + np.array([10, 0, 0]), triangles)
    origin, ray = np.array([-5.0, 0.01, 0.02]), np.array([[1.0, 0, 0]])
    assert far.distance(origin, ray)[0] == pytest.approx(near.distance(origin, ray)[0] + 10, abs=1e-4)


def test_an_empty_scene_is_missed() -> None:
    scene = RayScene(np.empty((0, 3)), np.empty((0, 3), int))
    distance, triangle = scene.first_hit(np.zeros(3), np.eye(3))
    assert np.isinf(distance).all()
    assert (triangle == -1).all()


@pytest.mark.parametrize(
    ("vertices", "triangles", "message"),
    [
        (np.zeros((3, 2)), np.array([[0, 1, 2]]), "vertices"),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), "outside"),
        (np.zeros((3, 3)), np.array([[0, 1, -1]]), "outside"),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), "finite"),
    ],
)
def test_broken_meshes_are_refused(vertices: np.ndarray, triangles: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RayScene(vertices, triangles)


def test_rays_of_the_wrong_shape_are_refused() -> None:
    scene = RayScene(*sphere(1))
    with pytest.raises(ValueError, match="origins"):
        scene.distance(np.zeros((2, 3)), np.zeros((5, 3)))
