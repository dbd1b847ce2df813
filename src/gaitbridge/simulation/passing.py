"""Simulated people who pass by, one after the other, before one camera and one LiDAR that stand still: what the sensors record of them.

World: everybody walks along +x through the origin, the ground is z = 0. The camera and the LiDAR stand at bearings from +x, as view angles count.
Legend: T frames, V vertices, B beams, C columns, P points.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError
from gaitbridge.geometry import transforms
from gaitbridge.geometry.range_view import to_points
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.path import Path
from gaitbridge.simulation.scene import LOOK_AT_M
from gaitbridge.simulation.sensors.spinning_lidar import LidarModel
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.simulation.takes import open_source, plan, take_of
from gaitbridge.simulation.walker import Walker

LONGEST_S, STEP_S = 60.0, 0.02  # that somebody may take to pass; how finely it is measured
RECORDED_M = 12.0  # a recorder keeps what is no farther: the ground beyond tells nothing of who walks here
REFLECTS = 0.3  # of what is not somebody's clothes


@dataclass(frozen=True)
class Passing:
    """Somebody who passes: the walker on a straight path of `length_m` through the origin, from `begins_s` to `ends_s` of the recording."""

    name: str
    walker: Walker
    length_m: float
    begins_s: float
    ends_s: float

    def vertices_m(self, time_s: np.ndarray) -> np.ndarray:
        """The dressed walker at times [T] of the recording, float32 [T, V, 3]."""
        placed: np.ndarray = self.walker.dressed(time_s - self.begins_s).vertices_m - np.array([self.length_m / 2, 0, 0], np.float32)
        return placed

    def here(self, time_s: np.ndarray) -> np.ndarray:
        """Which of the times [T] are within."""
        return np.flatnonzero((time_s >= self.begins_s) & (time_s < self.ends_s))


def one_by_one(config: CohortConfig, numbers: Sequence[int], take: int, length_m: float, gap_s: float) -> list[Passing]:
    """The people `numbers` of a cohort in one of their takes, each along `length_m`, with `gap_s` between them. UserError where a walk is shorter."""
    people = plan(config, open_source(config.motion))
    found, time_s = [], gap_s
    for number in numbers:
        person = people[number]
        drawn = take_of(config, person, take, person.name).walker
        lasts_s = _time_for(drawn, length_m)
        walker = replace(drawn, path=Path(), duration_s=lasts_s)
        found.append(Passing(person.name, walker, length_m, time_s, time_s + lasts_s))
        time_s += lasts_s + gap_s
    return found


def _time_for(walker: Walker, length_m: float) -> float:
    """How long a walker takes for so many metres."""
    time_s = np.arange(0.0, LONGEST_S, STEP_S)
    along = walker.walk.at(walker.start_s + time_s).root_m[:, 0]
    reached = np.flatnonzero(along - along[0] >= length_m)
    if not len(reached):
        raise UserError(f"a walk does not get {length_m:g} m far in {LONGEST_S:g} s: take a generated motion")
    return float(time_s[reached[0]])


def place_of(view_deg: float, away_m: float, height_m: float) -> np.ndarray:
    """Where a sensor stands [3] that sees a walker at the origin from this angle."""
    bearing = np.deg2rad(view_deg)
    return np.array([away_m * np.cos(bearing), away_m * np.sin(bearing), height_m])


def lidar_pose(view_deg: float, away_m: float, height_m: float, model: LidarModel) -> np.ndarray:
    """`T_world_from_lidar` [4, 4] of a LiDAR that points its middle beam at the middle of a walker at the origin."""
    position = place_of(view_deg, away_m, height_m)
    pitch = float(np.arctan2(LOOK_AT_M - height_m, away_m) - np.deg2rad(np.median(model.elevations_deg)))
    return transforms.sensor_pose(position, float(np.arctan2(-position[1], -position[0])), pitch)


def scans(passing: Sequence[Passing], model: LidarModel, T_world_from_lidar: np.ndarray, sector_deg: float, seed: int,
          still: tuple[np.ndarray, np.ndarray] | None = None) -> Iterator[tuple[float, np.ndarray]]:  # fmt: skip
    """What a LiDAR records while people pass: (time, points float32 [P, 3] in its own frame), a scan a turn, within `sector_deg` ahead of it.

    The ground and what stands `still` (vertices [V, 3], triangles) come back as well, unless somebody is before them; ranges are blurred, rounded
    and lost as the LiDAR's data sheet says. Each scan is taken at one moment: in the milliseconds of a person's sweep a head hardly turns.
    """
    columns = round(np.deg2rad(sector_deg) / model.azimuth_step)
    azimuths = (np.arange(columns)[::-1] - (columns - 1) / 2) * model.azimuth_step
    local = to_points(azimuths[None], model.elevations[:, None], np.ones((len(model.elevations), columns))).astype(np.float32)  # [B, C, 3]
    rays = (local.reshape(-1, 3) @ T_world_from_lidar[:3, :3].T.astype(np.float32)).reshape(local.shape)
    origin = T_world_from_lidar[:3, 3].astype(np.float32)
    empty = _empty(rays, origin, still)
    random = stream(seed, "scans")
    time_s = np.arange(int((passing[-1].ends_s + 1.0) * model.rate_hz)) / model.rate_hz
    who = {int(at): one for one in passing for at in one.here(time_s)}
    meshes = {id(one): one.vertices_m(time_s[one.here(time_s)]) for one in passing}
    for at, time in enumerate(time_s):
        ranges, cosine = empty[0].copy(), empty[1].copy()
        if (one := who.get(at)) is not None:
            first = int(one.here(time_s)[0])
            _add(ranges, cosine, meshes[id(one)][at - first], one.walker.triangles, T_world_from_lidar, rays, origin, azimuths)
        back = (ranges > model.min_range_m) & (ranges < RECORDED_M)
        signal = (REFLECTS / 0.1) * cosine[back] * (model.dark_range_m / ranges[back]) ** 2
        kept = random.random(len(signal)) < (1 - model.dropout) * (1 - np.exp(-np.log(10.0) * signal))
        noisy = ranges[back][kept] + model.range_noise_m * random.standard_normal(int(kept.sum()))
        measured = np.rint(noisy / model.range_step_m) * model.range_step_m
        yield float(time), (local[back][kept] * measured[:, None]).astype(np.float32)


def _empty(rays: np.ndarray, origin: np.ndarray, still: tuple[np.ndarray, np.ndarray] | None) -> tuple[np.ndarray, np.ndarray]:
    """Ranges and cosines of incidence [B, C] where nobody is: of the ground, and of what stands still."""
    with np.errstate(divide="ignore"):
        ranges = np.where(rays[..., 2] < -1e-3, -origin[2] / rays[..., 2], np.inf).astype(np.float32)
    cosine = np.abs(rays[..., 2])
    if still is not None:
        _nearer(ranges, cosine, RayScene(*still), rays, origin, slice(None))
    return ranges, cosine


def _add(ranges: np.ndarray, cosine: np.ndarray, vertices_m: np.ndarray, triangles: np.ndarray, T_world_from_lidar: np.ndarray, rays: np.ndarray,
         origin: np.ndarray, azimuths: np.ndarray) -> None:  # fmt: skip
    """Put a person before what was there; only the columns that can meet them are cast."""
    seen = transforms.apply(transforms.inverse(T_world_from_lidar), vertices_m)
    own = np.arctan2(seen[:, 1], seen[:, 0])
    some = np.flatnonzero((azimuths >= own.min()) & (azimuths <= own.max()))
    if len(some):
        _nearer(ranges, cosine, RayScene(vertices_m, triangles), rays, origin, slice(int(some[0]), int(some[-1]) + 1))


def _nearer(ranges: np.ndarray, cosine: np.ndarray, scene: RayScene, rays: np.ndarray, origin: np.ndarray, columns: slice) -> None:
    """Ranges and cosines where a scene is nearer, written into the columns."""
    some = rays[:, columns]
    away, hit = scene.first_hit(origin, some.reshape(-1, 3))
    away = away.reshape(some.shape[:2])
    facing = np.abs(np.einsum("rc,rc->r", scene.normals[np.maximum(hit, 0)], some.reshape(-1, 3))).reshape(away.shape)
    near = (hit.reshape(away.shape) >= 0) & (away < ranges[:, columns])
    ranges[:, columns] = np.where(near, away, ranges[:, columns])
    cosine[:, columns] = np.where(near, facing, cosine[:, columns])
