"""Spinning LiDARs with their makers' beam tables: what comes back from a walker, on the native grid, and the aligned range view.

`scan_many` casts the rays of all LiDARs that watch one scene at once. The laser heads turn clockwise seen from above, so the
columns of a scan, from left to right, are also in the order of time.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from gaitbridge.errors import UserError, nearest
from gaitbridge.geometry import range_view as grids
from gaitbridge.geometry import transforms
from gaitbridge.geometry.rays import RayScene
from gaitbridge.geometry.sensors import beam_tables


@dataclass(frozen=True)
class LidarModel:
    """A spinning LiDAR.

    Beams fall from the highest to the lowest: elevations_deg [B]; azimuth_offsets_deg [B], how far to the left of the head's
    direction a beam points; firing_us [B], when in a column's firing sequence it fires. azimuth_step_deg, the head's turn in one
    sequence at `rate_hz`. range_noise_m, one standard deviation. dark_range_m, where a target of 10 % reflectivity seen head on
    comes back nine times in ten (data sheets give this number). column_locked: columns at the same azimuths in each turn. What `beams` alone
    looks at comes last.
    """

    name: str
    elevations_deg: tuple[float, ...]
    azimuth_offsets_deg: tuple[float, ...]
    firing_us: tuple[float, ...]
    azimuth_step_deg: float
    rate_hz: float = 10.0
    range_noise_m: float = 0.02
    range_step_m: float = 0.004
    min_range_m: float = 0.5
    max_range_m: float = 120.0
    dark_range_m: float = 50.0
    dropout: float = 0.01  # share of returns lost for no geometric reason
    column_locked: bool = False
    divergence_mrad: tuple[float, float] = (0.0, 0.0)  # a beam's width and height, between half powers
    packet_columns: int = 1  # neighbouring columns that one packet carries

    def __post_init__(self) -> None:
        if not len(self.elevations_deg) == len(self.azimuth_offsets_deg) == len(self.firing_us) > 0:
            raise ValueError(f"{self.name}: a LiDAR needs as many azimuth offsets and firing times as elevations")
        if any(below >= above for above, below in zip(self.elevations_deg, self.elevations_deg[1:], strict=False)):
            raise ValueError(f"{self.name}: elevations must fall from the highest beam to the lowest")

    @cached_property
    def elevations(self) -> np.ndarray:
        """Elevations [B] in radians, falling."""
        return np.deg2rad(self.elevations_deg)

    @property
    def azimuth_step(self) -> float:
        """The head's turn between two columns, radians."""
        return float(np.deg2rad(self.azimuth_step_deg))

    @cached_property
    def shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """For each beam [B]: by how many columns its firings are moved to put equal azimuths into one column, and what is left (radians).

        A beam that points to the left of the head sweeps a direction later than the head itself, which comes from the left. What is
        left is at most half a column.
        """
        offsets = np.deg2rad(self.azimuth_offsets_deg) - 2 * np.pi * self.rate_hz * np.array(self.firing_us) * 1e-6
        columns = np.rint(offsets / self.azimuth_step)
        return columns, offsets - columns * self.azimuth_step


# Beam angles are in geometry/beam_tables.json with their sources; the other numbers are from the makers' data sheets. The azimuth steps of
# the Velodynes are their firing sequences (53.3 and 55.296 us) times 3,600 degrees a second.
_DATA_SHEETS: dict[str, dict[str, float | bool | tuple[float, float]]] = {
    "velodyne-vls128": {"azimuth_step_deg": 0.19188, "range_noise_m": 0.02, "range_step_m": 0.004, "max_range_m": 245.0,
                        "dark_range_m": 220.0, "divergence_mrad": (3.0, 1.5), "packet_columns": 3},
    "ouster-os1-128": {"azimuth_step_deg": 360 / 1024, "range_noise_m": 0.015, "range_step_m": 0.001, "max_range_m": 120.0,
                       "dark_range_m": 40.0, "column_locked": True, "divergence_mrad": (3.1, 3.1), "packet_columns": 16},
    "velodyne-vlp16": {"azimuth_step_deg": 0.1990656, "range_noise_m": 0.03, "range_step_m": 0.002, "max_range_m": 100.0,
                       "dark_range_m": 50.0, "divergence_mrad": (3.0, 1.5), "packet_columns": 24},
}  # fmt: skip
LIDARS = tuple(sorted(_DATA_SHEETS))


@lru_cache(maxsize=8)
def open_lidar(name: str) -> LidarModel:
    """The preset `name` (see LIDARS), with /2 after it of every second beam, /4 of every fourth; an unknown one raises UserError."""
    maker, slash, share = name.partition("/")
    if maker not in _DATA_SHEETS or (slash and share not in ("2", "4", "8")):
        raise UserError(f"unknown LiDAR {name!r}: {nearest(maker, LIDARS)} With /2, /4 or /8 after it: of every second, fourth or eighth beam.")
    table = beam_tables()[maker]
    fall = np.argsort(-np.array(table["elevations_deg"]), kind="stable")[:: int(share or 1)]
    beams = {key: tuple(table[key][k] for k in fall) for key in ("elevations_deg", "azimuth_offsets_deg", "firing_us")}
    return LidarModel(name, **beams, **_DATA_SHEETS[maker])  # type: ignore[arg-type]


@dataclass(frozen=True)
class Scan:
    """What came back from one person in one turn, on the native grid within the person's angular window.

    ranges_m float32 [B, C], NaN where nothing of the person came back; elevations [B] falling; azimuths [B, C] falling along columns by
    `azimuth_step`; time_s float32 [B, C], when each ray was shot, from the middle of the sweep of the person. Radians.
    """

    ranges_m: np.ndarray
    elevations: np.ndarray
    azimuths: np.ndarray
    time_s: np.ndarray
    azimuth_step: float


def scan(
    scene: RayScene, model: LidarModel, T_world_from_lidar: np.ndarray, points_m: np.ndarray,
    velocity_mps: np.ndarray | None = None, random: np.random.Generator | None = None,
    is_person: np.ndarray | None = None, reflectivity: float = 0.3,
) -> Scan:  # fmt: skip
    """`scan_many` for one LiDAR, T_world_from_lidar [4, 4]."""
    return scan_many(scene, model, T_world_from_lidar[None], points_m, velocity_mps, random, is_person, reflectivity)[0]


def scan_many(
    scene: RayScene, model: LidarModel, T_world_from_lidar: np.ndarray, points_m: np.ndarray,
    velocity_mps: np.ndarray | None = None, random: np.random.Generator | None = None,
    is_person: np.ndarray | None = None, reflectivity: float = 0.3, leak: float = 0.002,
) -> list[Scan]:  # fmt: skip
    """One person in one turn of V LiDARs of the same model.

    T_world_from_lidar [V, 4, 4]; points_m [P, 3], the vertices of the person and of what they wear, in the world; is_person bool
    [F], False for triangles that only hide the person (None: all are the person's). The scene is the world at the middle of the sweep.

    velocity_mps [3]: the person moves while the head turns. The ray of a moment t is cast from an origin moved by -velocity * t,
    which is the same as moving the person (limbs keep their pose, and an occluder moves along: both are below the range noise
    within the few milliseconds that the sweep of a person takes).

    random: None gives clean ranges (no noise, loss or leak, columns at whole steps). Otherwise ranges are blurred by Gaussian noise,
    rounded, and lost with the chance exp(-2.3 s), s = (reflectivity / 0.1) * cos(incidence) * (dark_range_m / range)^2: a
    Lambertian target under the LiDAR equation, anchored at the data sheets' nine returns in ten. `leak` is the chance that a
    return from an occluder within the person's window is taken for the person's.
    """
    rays = shoot(model, T_world_from_lidar, points_m, velocity_mps, random, whole=is_person is not None)
    ranges, triangles = scene.first_hit(rays.origins, rays.directions)
    hit = np.flatnonzero(triangles >= 0)
    hit = hit[(ranges[hit] >= model.min_range_m) & (ranges[hit] <= model.max_range_m)]
    if is_person is not None:
        mine = is_person[triangles[hit]]
        if random is not None and not mine.all():
            mine = mine | (random.random(len(hit), dtype=np.float32) < leak)
        hit = hit[mine]
    measured = ranges[hit]
    if random is not None:
        cosine = np.abs(np.einsum("ij,ij->i", scene.normals[triangles[hit]], rays.directions[hit]))
        hit, measured = _measure(model, hit, measured, cosine, reflectivity, random)
    return rays.scans(hit, measured)


@dataclass(frozen=True)
class Rays:
    """The N rays of V LiDARs that can meet a person.

    elevations [B], azimuths [V, B, C] and time_s float32 [V, B, C] as in `Scan`; which [N], rising: the rays' places in [V, B, C]; view [N];
    directions, unit, and origins float32 [N, 3] in the world; upwards float32 [V, 3], the LiDARs' own axes.
    """

    elevations: np.ndarray
    azimuths: np.ndarray
    time_s: np.ndarray
    which: np.ndarray
    view: np.ndarray
    origins: np.ndarray
    directions: np.ndarray
    upwards: np.ndarray
    azimuth_step: float

    def scans(self, back: np.ndarray, measured: np.ndarray) -> list[Scan]:
        """What came back: the rays' numbers [P] and their ranges [P]."""
        grid = np.full(self.azimuths.shape, np.nan, np.float32)
        grid.ravel()[self.which[back]] = measured
        return [Scan(grid[k], self.elevations, self.azimuths[k], self.time_s[k], self.azimuth_step) for k in range(len(grid))]


def shoot(
    model: LidarModel, T_world_from_lidar: np.ndarray, points_m: np.ndarray, velocity_mps: np.ndarray | None, random: np.random.Generator | None,
    whole: bool = False,
) -> Rays:  # fmt: skip
    """The rays of one sweep; arguments as in `scan_many`. Windows are as large as the nearest person's asks for: of the others' only what can meet
    their person is shot, unless the whole is asked for."""
    T_world_from_lidar = np.asarray(T_world_from_lidar, dtype=np.float64)
    views = len(T_world_from_lidar)
    window = _window(model, T_world_from_lidar, points_m, random)
    azimuths, time_s = window.azimuths, window.time_s
    elevations, (_, beams, columns) = model.elevations[window.beams], azimuths.shape
    if whole:
        which = np.arange(azimuths.size)
    else:
        beam = np.arange(window.beams.start, window.beams.stop)
        rows = (beam >= window.own_beams[:, :1]) & (beam < window.own_beams[:, 1:])
        which = np.flatnonzero(rows[:, :, None] & (np.arange(columns) < window.own_columns[:, None])[:, None])
    line = which // columns
    view, first = line // beams, np.searchsorted(which, np.arange(views + 1) * beams * columns)
    # 1. Directions [N, 3] in the world.
    rotation = T_world_from_lidar[:, :3, :3].astype(np.float32)
    angles, tilt = azimuths.ravel()[which].astype(np.float32), elevations.astype(np.float32)
    row = line - view * beams
    level = np.cos(tilt)[row]
    local = np.empty((len(which), 3), np.float32)
    np.multiply(np.cos(angles), level, out=local[:, 0])
    np.multiply(np.sin(angles), level, out=local[:, 1])
    local[:, 2] = np.sin(tilt)[row]
    directions = np.empty_like(local)
    for one in range(views):
        np.matmul(local[first[one] : first[one + 1]], rotation[one].T, out=directions[first[one] : first[one + 1]])
    # 2. Origins: one a LiDAR, or moved against the person.
    origins = T_world_from_lidar[:, :3, 3].astype(np.float32)[view]
    if velocity_mps is not None:
        when = time_s.ravel()[which]
        for axis in range(3):
            origins[:, axis] -= when * np.float32(velocity_mps[axis])
    return Rays(elevations, azimuths, time_s, which, view, origins, directions, rotation[:, :, 2], model.azimuth_step)


def _measure(
    model: LidarModel, hit: np.ndarray, ranges: np.ndarray, cosine: np.ndarray, reflectivity: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Which of the hits [P] come back, and the ranges float32 [P'] measured; see `scan_many`."""
    signal = (reflectivity / 0.1) * cosine * (model.dark_range_m / ranges) ** 2
    chance = (1 - model.dropout) * (1 - np.exp(-np.log(10.0) * signal))
    back = random.random(len(hit), dtype=np.float32) < chance
    noisy = ranges + np.float32(model.range_noise_m) * random.standard_normal(len(hit), dtype=np.float32)
    rounded = np.rint(noisy / model.range_step_m) * np.float32(model.range_step_m)
    return hit[back], rounded[back].astype(np.float32)


@dataclass(frozen=True)
class _Window:
    """The part of the native grid that can meet the person.

    Common to all V views in size: beams, azimuths [V, B, C], time_s float32 [V, B, C]. Of each view alone: own_beams [V, 2], first and behind the
    last, own_columns [V], how many from the first. One beam more on each side, so that a scan tells how far its outermost returns reach.
    """

    beams: slice
    azimuths: np.ndarray
    time_s: np.ndarray
    own_beams: np.ndarray
    own_columns: np.ndarray


def _window(model: LidarModel, T_world_from_lidar: np.ndarray, points_m: np.ndarray, random: np.random.Generator | None) -> _Window:
    """See `_Window`; the arguments of `scan_many`."""
    step, views = model.azimuth_step, len(T_world_from_lidar)
    T_lidar_from_world = transforms.inverse(T_world_from_lidar).astype(np.float32)
    points = T_lidar_from_world[:, :3, :3] @ points_m.T.astype(np.float32) + T_lidar_from_world[:, :3, 3:]  # [V, 3, P]
    azimuth, elevation, _ = grids.to_spherical(np.moveaxis(points, 1, -1))  # [V, P]
    centre = points.mean(2).astype(np.float64)
    middle = np.arctan2(centre[:, 1], centre[:, 0])[:, None]
    offset = azimuth - middle + np.pi
    if offset.min() < 0 or offset.max() >= 2 * np.pi:  # a person behind the sensor straddles azimuth pi
        offset %= 2 * np.pi
    offset -= np.pi
    firsts = np.maximum(np.searchsorted(-model.elevations, -elevation.max(1)) - 1, 0)
    lasts = np.minimum(np.searchsorted(-model.elevations, -elevation.min(1), side="right") + 1, len(model.elevations))
    first, last = int(firsts.min()), int(lasts.max())
    phase = np.zeros(views) if random is None or model.column_locked else random.random(views)
    left = np.ceil((middle[:, 0] + offset.max(1)) / step - phase) + 1  # one more, for the beams' own shifts
    widths = (left - np.floor((middle[:, 0] + offset.min(1)) / step - phase)).astype(np.intp) + 2
    shift, rest = model.shifts
    column = np.arange(widths.max())
    azimuths = ((left + phase)[:, None] - column) * step  # [V, C]
    turning = 2 * np.pi * model.rate_hz
    mid = (middle[:, 0] / step - phase - left)[:, None] * -1  # the column that meets the person's middle
    when = ((column - mid)[:, None, :] + shift[first:last, None]) * (step / turning) + np.array(model.firing_us)[first:last, None] * 1e-6
    return _Window(
        slice(first, last), azimuths[:, None, :] + rest[first:last, None], when.astype(np.float32), np.stack([firsts, lasts], axis=1), widths
    )


def range_view(scan: Scan, size: tuple[int, int] = (64, 44)) -> np.ndarray:
    """The aligned range view float32 [H, W] of a scan, metres, NaN where nothing came back: see `geometry.range_view.align`."""
    return grids.align(scan.ranges_m, scan.elevations, scan.azimuths, scan.azimuth_step, size)


def range_views(scans: list[Scan], size: tuple[int, int] = (64, 44), off: np.ndarray | None = None) -> np.ndarray:
    """Aligned range views float32 [V, H, W] of the scans of one sweep; off [V, 3]: see `geometry.range_view.align`."""
    ranges, azimuths = np.stack([one.ranges_m for one in scans]), np.stack([one.azimuths for one in scans])
    return grids.align_many(ranges, scans[0].elevations, azimuths, scans[0].azimuth_step, size, off)


def points(scan: Scan) -> np.ndarray:
    """The returns as float64 [P, 4]: x, y, z (metres, LiDAR frame), and when each was shot (seconds from the middle of the sweep)."""
    where = grids.points_of_grid(scan.ranges_m, scan.elevations, scan.azimuths)
    return np.column_stack([where, scan.time_s[~np.isnan(scan.ranges_m)]])
