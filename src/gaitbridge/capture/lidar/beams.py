"""What points tell of the LiDAR that made them: elevations of its beams, where its beams start, and the step between its columns.

A beam sweeps a cone. Makers place the points' origin where they like (an Ouster's lies in its foot, 36 mm below the beams), so that the cone's tip
lies `up` above it, and beams leave a spinning head `out` from its axis: z = up + (across - out) * slope, across being the distance from the axis.
Seen from the origin itself, near points of a beam lie at other elevations than far ones: by a whole beam of 128 within 6 m.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gaitbridge.geometry.range_view import nearest_beam

LEAST_POINTS = 8  # of a beam, to measure its elevation by
LEAST_BEAMS = 4
LEAST_ACROSS_M = 0.3  # nearer to the axis, a slope is noise
CONE = np.deg2rad(0.5)  # points of a beam that spread wider lie on no cone
BETTER = 0.7  # an origin elsewhere must bring the points so much nearer to the beams: noise alone does not
FARTHEST_M = 0.12  # of the cone's tip from the points' origin, upwards
MOST_OUT_M = 0.1
COARSE_M = 0.005
LOOKED_AT = 30_000  # points, to find the origin by
ECHO_DEG = 0.02  # two returns nearer to each other are echoes of one shot


@dataclass(frozen=True)
class Cones:
    """Beams as measured: elevations_deg [B] falling, and the origin (out, up) in metres that all of them share."""

    elevations_deg: tuple[float, ...]
    origin_m: tuple[float, float]


def cones(points: np.ndarray, ring: np.ndarray) -> Cones | None:
    """The beams by points [P, 3] and their beams' numbers [P]; None where the points do not lie on cones, or on too few.

    With u = 1 / across, z * u = slope + (up - out * slope) * u: a regression on u within the beams.
    """
    across = np.hypot(points[:, 0], points[:, 1])
    far = across > LEAST_ACROSS_M
    _, beam, counts = np.unique(ring[far], return_inverse=True, return_counts=True)
    enough = counts >= LEAST_POINTS
    if enough.sum() < LEAST_BEAMS:
        return None
    kept = enough[beam]
    beam = (np.cumsum(enough) - 1)[beam[kept]]
    order = np.argsort(beam, kind="stable")
    beam, u = beam[order], 1 / across[far][kept][order]
    seen = points[far][kept, 2][order] * u
    starts = np.searchsorted(beam, np.arange(int(enough.sum()) + 1))
    slopes, origin = _fitted(seen, u, beam, starts)
    off = np.abs(np.arctan(seen - _shift(u, slopes[beam], origin)) - np.arctan(slopes[beam]))
    if max(float(np.median(off[start:end])) for start, end in pairwise(starts)) > CONE:
        return None
    table = sorted({round(float(angle), 3) for angle in np.rad2deg(np.arctan(slopes))}, reverse=True)
    return Cones(tuple(table), origin) if len(table) >= LEAST_BEAMS else None


def _shift(u: np.ndarray, slope: np.ndarray, origin: tuple[float, float]) -> np.ndarray:
    """What an origin (out, up) adds to the slopes seen from the points' own, at 1 / across = u."""
    out, up = origin
    return np.asarray((up - out * slope) * u)


def _fitted(seen: np.ndarray, u: np.ndarray, beam: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Slopes of the beams [B] and their origin, of points sorted by beam; `seen` [P], the slopes from the points' origin."""

    def medians(values: np.ndarray) -> np.ndarray:
        return np.array([np.median(values[start:end]) for start, end in pairwise(starts)])

    plain = medians(seen)
    slopes, origin = plain, (0.0, 0.0)
    for _ in range(4):
        rest = seen - _shift(u, slopes[beam], origin) - slopes[beam]
        near = np.abs(rest) <= 4 * float(np.median(np.abs(rest))) + 1e-6  # without what lies on no beam
        weight = np.bincount(beam[near], minlength=len(slopes)).clip(1)
        columns = [u, -slopes[beam] * u, seen]
        inner = [(one - (np.bincount(beam[near], one[near], len(slopes)) / weight)[beam])[near] for one in columns]
        up, out = np.linalg.lstsq(np.stack(inner[:2], axis=1), inner[2], rcond=1e-6)[0]
        origin = _bounded(float(out), float(up))
        slopes = medians(seen - _shift(u, slopes[beam], origin))
    spread, before = (float(np.abs(seen - _shift(u, table[beam], tip) - table[beam]).mean())
                      for table, tip in ((slopes, origin), (plain, (0.0, 0.0))))  # fmt: skip
    return (slopes, origin) if spread < BETTER * before else (plain, (0.0, 0.0))


def _bounded(out: float, up: float) -> tuple[float, float]:
    return float(np.clip(out, 0, MOST_OUT_M)), float(np.clip(up, -FARTHEST_M, FARTHEST_M))


def origin_of(points: np.ndarray, elevations: np.ndarray) -> tuple[float, float]:
    """Where the beams of elevations [B] (radians, falling) start, (out, up) in metres to the millimetre, by the points [P, 3] of a scan.

    Points that say no beam do: with the true origin they lie on beams, with others between them. (0, 0) where no other is clearly better.
    """
    across = np.hypot(points[:, 0], points[:, 1])
    points, across = points[across > LEAST_ACROSS_M], across[across > LEAST_ACROSS_M]
    some = slice(None, None, -(-len(points) // LOOKED_AT) or 1)
    z, across = points[some, 2], across[some]
    gap = float(np.median(-np.diff(elevations))) if len(elevations) > 1 else 1.0

    def off(out: float, up: float) -> tuple[np.ndarray, np.ndarray]:
        """How far, in radians, points lie above the nearest beam, and its slope; points outside of the field are left to it."""
        angle = np.arctan2(z - up, across - out)
        row = nearest_beam(elevations, angle)
        return np.clip(angle - elevations[row], -gap, gap), np.tan(elevations[row])

    def cost(out: float, up: float) -> float:
        return float(np.abs(off(out, up)[0]).mean())

    if len(z) < LEAST_POINTS * LEAST_BEAMS or len(elevations) < LEAST_BEAMS:
        return 0.0, 0.0
    coarse = np.arange(-FARTHEST_M, FARTHEST_M + COARSE_M / 2, COARSE_M)
    best = (0.0, float(min(coarse, key=lambda up: cost(0.0, float(up)))))
    for _ in range(6):  # to the least squares of those that lie near a beam
        rest, slope = off(*best)
        near = np.abs(rest) < gap / 3
        u = (1 / across / (1 + slope * slope))[near]  # radians a metre upwards
        out, up = np.linalg.lstsq(np.stack([-slope[near] * u, u], axis=1), rest[near], rcond=1e-6)[0]
        best = _bounded(best[0] + float(out), best[1] + float(up))
    best = (round(best[0], 3), round(best[1], 3))
    return best if cost(*best) < BETTER * cost(0.0, 0.0) and cost(0.0, 0.0) > gap / 50 else (0.0, 0.0)


def step_deg(azimuth: np.ndarray, beam: np.ndarray) -> float | None:
    """The turn between two columns in degrees, by the azimuths [P] (radians) of one scan and the beams [P] of its points; None of too few."""
    order = np.lexsort((azimuth, beam))
    gaps = np.rad2deg(np.diff(azimuth[order]))[np.diff(beam[order]) == 0]
    gaps = gaps[gaps > ECHO_DEG]
    if len(gaps) < LEAST_POINTS:
        return None
    shortest = float(np.percentile(gaps, 20))
    return float(np.median(gaps[gaps < 1.5 * shortest]))  # longer ones are where nothing came back
