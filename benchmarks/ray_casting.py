"""How fast rays and pictures are: RayScene beside the bare ray library on the same rays, and images of both sensors a second.

Run: OMP_NUM_THREADS=1 python benchmarks/ray_casting.py
Expect (one core of a 2-core Xeon server): a ratio near 1.0 (0.8 is the least that we accept), and well over 1,200 images a second.
"""

import argparse
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from gaitbridge.geometry import transforms
from gaitbridge.geometry.rays import RayScene
from gaitbridge.machine import described
from gaitbridge.simulation.body import Pose
from gaitbridge.simulation.body.anny import open_body
from gaitbridge.simulation.sensors import silhouette_camera, spinning_lidar

VIEWS, DISTANCE_M, LIDAR = 8, 9.0, "velodyne-vls128"
LEAST_RATIO = 0.8


def seconds(work: Callable[[], object]) -> float:
    """Seconds of processor time, so that other work on the machine counts as little as possible."""
    start = time.process_time()
    work()
    return time.process_time() - start


def walker() -> tuple[str, np.ndarray, np.ndarray]:
    """Name, vertices and triangles of the reduced body with its arms down."""
    body = open_body("reduced")
    shape = body.shared_shape()
    rest = body.rest(shape)
    rotations = rest.rotations_world.copy()
    for joint, name in enumerate(body.joint_names):
        if any(word in name for word in ("Arm", "Hand", "Finger", "Thumb", "ThumB")):
            rotations[joint] = transforms.about_axis("x", -1.2 if name.startswith("L") else 1.2) @ rotations[joint]
    vertices = body.posed(shape, Pose(rotations[None].astype(np.float32), rest.joints_m[:1].astype(np.float32))).vertices_m[0]
    return body.name, vertices.astype(np.float32), body.triangles


def spread(values: np.ndarray) -> str:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"median {middle:,.3g} (5 % {low:,.3g}, 95 % {high:,.3g}, {len(values)} rounds)"


def compare_rates(vertices: np.ndarray, triangles: np.ndarray, rounds: int) -> float:
    """The same rays through RayScene and through Embree's wrapper, one after the other, in alternating order."""
    bare = EmbreeScene()
    mesh = TriangleMesh(bare, vertices, triangles)
    ours = RayScene(vertices, triangles)
    rows, columns = np.meshgrid(np.linspace(1.75, 0, 256), np.linspace(-0.6, 0.6, 160), indexing="ij")
    origin = np.array([DISTANCE_M, 0, 1.6], np.float32)
    directions = (np.stack([np.zeros_like(rows), columns, rows], -1).reshape(-1, 3) - origin).astype(np.float32)
    origins = np.repeat(origin[None], len(directions), axis=0)
    assert np.array_equal(bare.run(origins, directions, query="DISTANCE") < 1e36, np.isfinite(ours.distance(origins, directions)))
    ratios: dict[str, list[float]] = {"many origins": [], "one origin": []}
    rates: list[float] = []
    for turn in range(rounds):
        jobs: dict[str, Callable[[], object]] = {
            "bare": lambda: bare.run(origins, directions, query="DISTANCE"),
            "many origins": lambda: ours.distance(origins, directions),
            "one origin": lambda: ours.distance(origin, directions),
        }
        order = list(jobs) if turn % 2 else list(jobs)[::-1]
        taken = {name: seconds(jobs[name]) for name in order}
        rates.append(len(directions) / taken["bare"] / 1e6)
        for name, values in ratios.items():
            values.append(taken["bare"] / taken[name])
    del mesh
    print(f"bare rate, million rays a second: {spread(np.array(rates))}")
    for name, values in ratios.items():
        print(f"ratio of RayScene.distance to the bare rate, {name}: {spread(np.array(values))}")
    return min(float(np.median(values)) for values in ratios.values())


def rate_of_images(vertices: np.ndarray, triangles: np.ndarray, rounds: int) -> None:
    """Eight cameras and eight LiDARs around a walker, a scene each, as the renderer does it; bodies are posed elsewhere."""
    angles = np.arange(VIEWS) * 2 * np.pi / VIEWS
    positions = np.stack([DISTANCE_M * np.cos(angles), DISTANCE_M * np.sin(angles), np.full(VIEWS, 1.8)], axis=-1)
    cameras = np.stack([transforms.look_at(position, np.array([0, 0, 0.95])) for position in positions])
    lidars = np.stack([transforms.sensor_pose(position, float(np.arctan2(-position[1], -position[0]))) for position in positions])
    settings, model = silhouette_camera.SilhouetteCamera(), spinning_lidar.open_lidar(LIDAR)
    random, velocity = np.random.default_rng(0), np.array([1.3, 0, 0])
    held: dict[str, object] = {}

    def build() -> None:
        held["scene"] = RayScene(vertices, triangles)
        held["scene"].distance(positions[0], np.ones((1, 3)))  # type: ignore[attr-defined]  # the first ray builds the tree

    def photograph() -> None:
        held["masks"] = silhouette_camera.render_many(held["scene"], settings.camera, cameras, vertices, settings.size).masks  # type: ignore[arg-type]

    def spoil() -> None:
        silhouette_camera.degrade(held["masks"], random)  # type: ignore[arg-type]

    def sweep() -> None:
        held["scans"] = spinning_lidar.scan_many(held["scene"], model, lidars, vertices, velocity, random)  # type: ignore[arg-type]

    def view() -> None:
        spinning_lidar.range_views(held["scans"], settings.size)  # type: ignore[arg-type]

    steps = {"scene for the cameras": build, "8 silhouettes": photograph, "8 degraded": spoil, "scene for the LiDARs": build, "8 scans": sweep,
             "8 range views": view}  # fmt: skip
    taken = np.array([[seconds(step) for step in steps.values()] for _ in range(rounds)])
    for name, values in zip(steps, taken.T * 1e3, strict=True):
        print(f"{name}, ms: {spread(values)}")
    print(f"64x44 images a second, both sensors, scenes included: {spread(2 * VIEWS / taken.sum(1))}")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=100)
    rounds = arguments.parse_args().rounds
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    print(f"command: {' '.join(['python', *sys.argv])}\ncommit: {commit.stdout.strip() or 'unknown'}")
    print(f"hardware: {described()}, one process; Python {platform.python_version()}, NumPy {np.__version__}")
    name, vertices, triangles = walker()
    print(f"mesh: {name}, {len(vertices)} vertices, {len(triangles)} triangles")
    ratio = compare_rates(vertices, triangles, rounds)
    rate_of_images(vertices, triangles, rounds)
    if ratio < LEAST_RATIO:
        print(f"the ratio {ratio:.2f} is below {LEAST_RATIO}", file=sys.stderr)
    return 0 if ratio >= LEAST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
