"""LiDAR returns as a deployed pipeline gets them: beams of some width, cloth that reflects more or less, ground removal and crops that err.

A beam's spot that meets an edge falls in part on the person and in part on what lies behind. Its pulse comes back as one where both are near to each
other, and mixes their ranges; else the stronger wins. So outlines grow by a part of a spot, and edges lose returns or fray.
Legend: V LiDARs, T frames, N rays, E rays at an edge, F triangles.
"""

from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import BODY_PARTS, stream
from gaitbridge.geometry.rays import RayScene
from gaitbridge.simulation.sensors.spinning_lidar import LidarModel, Rays, Scan, shoot

# ---- What follows from LiDAR, person, clothes, place: the same in each sweep --------------------------------------------------------------------
SIDE_AT = 0.55  # of a spot's width (half-power) and height from its middle: where its outer parts are sampled
SIDE_SHARE = 0.2  # of its energy that each of the four outer parts holds
TOUCH = 0.4  # of the way to the neighbouring beam: outer parts that reach so far are cast once for both
JUMP_M = 0.1  # between neighbouring returns: an edge
PULSE_M = 0.6  # returns nearer to each other than half a pulse of some 4 ns come back as one
GAIN_AT = 0.4  # of dark_range_m: nearer targets are shot at with less power, and give no stronger signal
WALK_M = 0.01  # a signal ten times weaker comes that much later: pulses are timed on their rise
GROUND_REFLECTIVITY = 0.2
GROUND_CUT_M = (0.04, 0.08)  # a site's pipeline takes away what is lower than this above its ground plane
VEIL = (0.0, 0.8)  # share of the veil between near and far, and of spots that only touch, that is filtered out; of a station and take
VEIL_M = 0.05  # farther than this from what the beam's middle meets: the veil
CARRIED_APART = 0.65  # chance that what is carried, not worn, is no part of the person's cluster: of a station and take
GROUND_ERROR_M = 0.02  # of a station's ground plane in one take, below the person
# ---- What belongs to the moment ------------------------------------------------------------------------------------------------------------------
GROUND_JITTER_M = 0.012  # of the ground plane from frame to frame
GROUND_LEAK = 0.3  # chance that a return of the ground that was not taken away joins the person's cluster,
GROUND_NEAR_M = 0.5  # if it is no farther than this from the person, along the beam
LEAK = 0.002  # chance that a return of an occluder is taken for the person's
WEAK = 10.0  # signals below this are ranged less surely, by the root of how far below, four times at most
CROP_JITTER = (0.005, 0.005, 0.005)  # of the crop's height: its top, bottom and middle, from frame to frame
CROP_ERROR = (0.003, 0.003, 0.003)  # the same, of a station and take
LIMB = 0.02  # chance that a limb begins to lose returns, per frame
LIMB_FRAMES = 3.0  # for that many, in the mean
LIMB_M = (0.15, 0.45)  # so much of its height
LIMB_LOSS = 0.8  # of the returns there
PACKETS_LOST = 0.002  # share of the packets of columns
HOLD = 3.0  # frames over which jitter stays alike

_LIMBS = tuple(BODY_PARTS.index(name) for name in ("left_arm", "right_arm", "left_leg", "right_leg"))
_LEGS = tuple(BODY_PARTS.index(name) for name in ("left_leg", "right_leg"))
_FAR_M = np.float32(1e6)


@dataclass(frozen=True)
class Surface:
    """What rays meet: reflectivity float32 [F]; part uint8 [F] of conventions.BODY_PARTS; is_person and is_carried bool [F], or None where all is
    the person's and where nothing is carried."""

    reflectivity: np.ndarray
    part: np.ndarray
    is_person: np.ndarray | None = None
    is_carried: np.ndarray | None = None


@dataclass(frozen=True)
class Upsets:
    """What goes wrong in one take before V LiDARs in T frames.

    ground_m [V, T]: what is lower is taken away. veil [V]: the share of it that is filtered out. apart bool [V]: what is carried is left out.
    crop [V, T, 3]: see `range_view.align`.
    limb int [V, T], a body part that loses returns or 0, between the heights limb_m [V, T, 2].
    """

    ground_m: np.ndarray
    veil: np.ndarray
    apart: np.ndarray
    crop: np.ndarray
    limb: np.ndarray
    limb_m: np.ndarray


def upsets(stations: int, frames: int, site: int, random: np.random.Generator) -> Upsets:
    """Drawn for one take; `site` says whose ground removal it is."""
    cut = stream(site, "ground removal").uniform(*GROUND_CUT_M)
    ground = cut + GROUND_ERROR_M * random.standard_normal((stations, 1)) + GROUND_JITTER_M * _alike(random, (stations, frames))
    crop = np.array(CROP_ERROR) * random.standard_normal((stations, 1, 3)) + np.array(CROP_JITTER) * _alike(random, (stations, frames, 3))
    veil, apart = random.uniform(*VEIL, stations), random.random(stations) < CARRIED_APART
    limb, limb_m = np.zeros((stations, frames), np.uint8), np.zeros((stations, frames, 2))
    for station, first in np.argwhere(random.random((stations, frames)) < LIMB):
        last = first + random.geometric(1 / LIMB_FRAMES)
        part = _LIMBS[int(random.integers(len(_LIMBS)))]
        low = random.uniform(0.05, 0.6) if part in _LEGS else random.uniform(0.7, 1.2)
        limb[station, first:last], limb_m[station, first:last] = part, (low, low + random.uniform(*LIMB_M))
    return Upsets(ground, veil, apart, crop, limb, limb_m)


def _alike(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise of unit variance [V, T, ...], alike over HOLD frames."""
    noise, keep = random.standard_normal(shape), float(np.exp(-1 / HOLD))
    for frame in range(1, shape[1]):
        noise[:, frame] = keep * noise[:, frame - 1] + np.sqrt(1 - keep**2) * noise[:, frame]
    return noise


def scan_many(
    scene: RayScene, model: LidarModel, T_world_from_lidar: np.ndarray, points_m: np.ndarray, velocity_mps: np.ndarray,
    random: np.random.Generator, surface: Surface, upset: Upsets, frame: int,
) -> list[Scan]:  # fmt: skip
    """As `spinning_lidar.scan_many`, by beams of a width. The ground is z = 0."""
    rays = shoot(model, T_world_from_lidar, points_m, velocity_mps, random)
    back, ranges, triangles, signal, veil = _returns(scene, model, rays, surface)
    view = rays.view[back]
    # 1. Whose they are.
    count = len(scene.triangles)
    ground = triangles == count
    mine = ~ground if surface.is_person is None else np.append(surface.is_person, False)[triangles]
    if not mine.all():
        away = np.linalg.norm(T_world_from_lidar[:, :3, 3] - points_m.mean(0), axis=1)
        joins = np.where(ground, GROUND_LEAK * (np.abs(ranges - away[view]) < GROUND_NEAR_M), LEAK)
        mine |= random.random(len(back), dtype=np.float32) < joins
    if surface.is_carried is not None:
        mine &= ~(np.append(surface.is_carried, False)[triangles] & upset.apart[view])
    # 2. Which come back, and when.
    chance = np.float32(1 - model.dropout) * (1 - np.exp(np.float32(-np.log(10.0)) * signal))
    lost = _lost_columns(rays, model, random)
    if lost.any():
        chance[lost[view, rays.which[back] % lost.shape[1]]] = 0.0
    chance[veil] *= (1 - upset.veil[view[veil]]).astype(np.float32)
    start, slope = rays.origins[back, 2], rays.directions[back, 2]
    if upset.limb[:, frame].any():
        height, band, limb = start + slope * ranges, upset.limb_m[view, frame], upset.limb[view, frame]
        hurt = (np.append(surface.part, 0)[triangles] == limb) & (limb > 0) & (height > band[:, 0]) & (height < band[:, 1])
        chance[hurt] *= np.float32(1 - LIMB_LOSS)
    kept = mine & (random.random(len(back), dtype=np.float32) < chance)
    weak = np.float32(WEAK) / np.maximum(signal, np.float32(1e-6))
    measured = ranges + np.float32(WALK_M) * np.log10(np.clip(weak, 0.1, 10.0))
    measured += np.float32(model.range_noise_m) * np.sqrt(np.clip(weak, 1.0, 16.0)) * random.standard_normal(len(back), dtype=np.float32)
    measured = np.rint(measured / np.float32(model.range_step_m)) * np.float32(model.range_step_m)
    # 3. What is taken for the ground.
    kept &= start + slope * measured > upset.ground_m[:, frame].astype(np.float32)[view]
    return rays.scans(back[kept], measured[kept])


def _returns(
    scene: RayScene, model: LidarModel, rays: Rays, surface: Surface
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Which rays [P] meet something, at what range, the triangle that they mostly meet (F is the ground) and the signal: -ln(10) times it is the
    logarithm of the chance that it goes unseen; see `spinning_lidar.scan_many`. And which of these are the veil between near and far."""
    ranges, triangles = scene.first_hit(rays.origins, rays.directions)
    ranges = np.where(triangles < 0, _FAR_M, ranges)
    parts = _parts(model, rays, ranges)
    frayed = np.zeros(len(triangles), bool)
    frayed[parts.ray] = True
    inside, edge = np.flatnonzero(~frayed & (triangles >= 0)), np.flatnonzero(frayed)
    lit = _Lit(scene, model, surface)
    plain = lit.signal(triangles[inside], ranges[inside], rays.directions[inside])
    mixed, most, signal = _mix(scene, model, rays, lit, edge, parts, ranges, triangles)
    found = most >= 0
    veil = len(inside) + np.flatnonzero(np.abs(mixed - ranges[edge])[found] > VEIL_M)
    return (
        np.concatenate([inside, edge[found]]), np.concatenate([ranges[inside], mixed[found]]),
        np.concatenate([triangles[inside], most[found]]), np.concatenate([plain, signal[found]]), veil,
    )  # fmt: skip


@dataclass(frozen=True)
class _Parts:
    """Outer parts of spots at edges. Of the rays [Q] cast for them: `near`, the ray that they lie beside, and directions [Q, 3]. Of the parts [P]:
    `cast`, which of those it is, `ray`, whose spot it belongs to, and `side`, 1 to 4."""

    near: np.ndarray
    directions: np.ndarray
    cast: np.ndarray
    ray: np.ndarray
    side: np.ndarray


def _parts(model: LidarModel, rays: Rays, ranges: np.ndarray) -> _Parts:
    """What is to be cast where neighbouring rays [N] have ranges that differ. Where spots touch, one ray half-way stands for a part of both."""
    grid, number = np.full(rays.azimuths.shape, _FAR_M), np.full(rays.azimuths.size, -1)
    grid.ravel()[rays.which], number[rays.which] = ranges, np.arange(len(ranges))
    found = []
    gaps = np.maximum(-np.diff(rays.elevations), 1e-6), np.array(rays.azimuth_step)
    for axis, spot in ((1, model.divergence_mrad[1]), (2, model.divergence_mrad[0])):
        ones = np.moveaxis(grid, axis, 0)
        place = np.nonzero(np.abs(ones[1:] - ones[:-1]) > JUMP_M)
        strides = np.moveaxis(np.arange(grid.size).reshape(grid.shape), axis, 0)
        first, second = number[strides[place]], number[strides[1:][place]]
        both = (first >= 0) & (second >= 0)
        gap = gaps[0][place[0]] if axis == 1 else np.full(len(first), gaps[1])
        found.append((first[both], second[both], (SIDE_AT * 1e-3 * spot / gap)[both], np.full(int(both.sum()), 2 * axis - 1)))
    first, second, reach, side = (np.concatenate(one) for one in zip(*found, strict=True))
    touch = reach > TOUCH
    near, other = np.concatenate([first, second[~touch]]), np.concatenate([second, first[~touch]])
    reach = np.concatenate([np.where(touch, 0.5, reach), reach[~touch]]).astype(np.float32)
    towards = rays.directions[near]
    towards += reach[:, None] * (rays.directions[other] - towards)
    cast = np.concatenate([np.arange(len(near)), np.flatnonzero(touch)])
    owner = np.concatenate([near, second[touch]])
    sides = np.concatenate([side, side[~touch] + 1, side[touch] + 1])
    return _Parts(near, towards, cast, owner, sides)


class _Lit:
    """How strong a signal comes back from each triangle, the ground (F) and nothing (-1)."""

    def __init__(self, scene: RayScene, model: LidarModel, surface: Surface) -> None:
        self.nearest_m, self.dark_m = GAIN_AT * model.dark_range_m, model.dark_range_m
        self.normals = np.concatenate([scene.normals, np.array([[0, 0, 1], [0, 0, 1]], np.float32)])
        self.tenths = np.append(surface.reflectivity, np.array([GROUND_REFLECTIVITY, 0.0], np.float32)) / np.float32(0.1)

    def signal(self, triangles: np.ndarray, ranges: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Signals float32 [P] of whole spots."""
        cosine = np.abs(np.einsum("ij,ij->i", self.normals[triangles], directions))
        away = np.float32(self.dark_m) / np.maximum(ranges, np.float32(self.nearest_m))
        return np.asarray(self.tenths[triangles] * cosine * away * away)


def _mix(
    scene: RayScene, model: LidarModel, rays: Rays, lit: _Lit, edge: np.ndarray, parts: _Parts, ranges: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the rays [E] at an edge: the range measured, the triangle that the spot mostly met (-1: nothing) and the signal."""
    origins = np.concatenate([rays.origins[edge], rays.origins[parts.near]])
    directions = np.concatenate([rays.directions[edge], parts.directions])
    far, met = scene.first_hit(origins[len(edge) :], parts.directions)
    away, hit = np.concatenate([ranges[edge], far]), np.concatenate([triangles[edge], met])
    # 1. What missed all may meet the ground.
    lost = np.flatnonzero(hit < 0)
    lost = lost[directions[lost, 2] < -1e-3]
    away[lost], hit[lost] = -origins[lost, 2] / directions[lost, 2], len(scene.triangles)
    hit[(away < model.min_range_m) | (away > model.max_range_m)] = -1
    away[hit < 0] = _FAR_M
    strong = lit.signal(hit, away, directions)
    # 2. The middle of each spot and up to four outer parts [5, E]; what was not cast counts to the middle.
    spot_of = np.empty(len(ranges), np.intp)
    spot_of[edge] = np.arange(len(edge))
    place = spot_of[parts.ray]
    shape, cast = (5, len(edge)), len(edge) + parts.cast
    spots, met_by, signals = np.full(shape, _FAR_M), np.full(shape, -1), np.zeros(shape, np.float32)
    spots[0], met_by[0] = away[: len(edge)], hit[: len(edge)]
    signals[0] = strong[: len(edge)] * (1 - np.float32(SIDE_SHARE) * np.bincount(place, minlength=len(edge)))
    spots[parts.side, place], met_by[parts.side, place], signals[parts.side, place] = away[cast], hit[cast], np.float32(SIDE_SHARE) * strong[cast]
    # 3. Parts within a pulse add up; the strongest pulse is the return.
    near = np.abs(spots[:, None] - spots[None]) < PULSE_M  # [5, 5, E]
    pulse = (near * signals[None]).sum(1)
    best, each = pulse.argmax(0), np.arange(len(edge))
    together = near[best, :, each].T * signals  # [5, E]
    signal = pulse[best, each]
    mixed = (together * spots).sum(0) / np.maximum(signal, np.float32(1e-12))
    return mixed, np.where(signal > 0, met_by[together.argmax(0), each], -1), signal


def _lost_columns(rays: Rays, model: LidarModel, random: np.random.Generator) -> np.ndarray:
    """Which columns bool [V, C] were in packets that never came."""
    views, _, columns = rays.azimuths.shape
    packet = (np.arange(columns) + random.integers(model.packet_columns, size=(views, 1))) // model.packet_columns
    lost = random.random((views, columns // model.packet_columns + 2)) < PACKETS_LOST
    return np.take_along_axis(lost, packet, axis=1)
