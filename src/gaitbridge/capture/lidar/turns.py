"""A stream of points with times, cut into turns of the LiDAR: when the head was where is found from the points' azimuths.

Windows of a stated rate make ghosts: a LiDAR of 9.9 turns a second that is cut at 10 shows nobody, then somebody twice. So the rate is measured, it
may drift, each point belongs to the turn in which its own direction was swept, and turns begin where nobody walks: nobody is torn at the seam.
"""

from dataclasses import dataclass

import numpy as np

STEP_S = 1e-3  # of the time series that the rate is found in; a head of 20 Hz turns by 7 degrees
SLOWEST_HZ, FASTEST_HZ = 2.0, 60.0
CLEAR = 0.7  # how much of all directions must agree with one turning head; one is all of them
LEAST_POINTS, LEAST_TIMES = 400, 24  # and different times a turn
LONGEST = 1 << 24  # steps of the time series: 4.6 hours
WINDOW_TURNS = 2.0  # over which the head is followed as it speeds up and slows down
BINS = 72  # directions in which turns may begin
AROUND = 3  # bins to each side of a beginning that nobody should come near
CELL_M, CELL_UP_M, FARTHEST_M = 1.0, 0.5, 40.0
STILL = 0.4  # of the turns: what is there so often does not walk
LOOKED_AT = 3_000_000  # points, to see where somebody walks
WHOLE = 0.95  # of the usual number of points: the first and the last turn are cut off by the recording


@dataclass(frozen=True)
class Turns:
    """number int [P]: the turn of each point, from 0, -1 for those that are left out (a turn that the recording cuts off); middle_s [T]."""

    number: np.ndarray
    middle_s: np.ndarray


def turns_of(points: np.ndarray, moments: np.ndarray) -> Turns | None:
    """The turns of points [P, 3] with times [P] in seconds, finite, in any order; None where their directions show no turning head."""
    if len(points) < LEAST_POINTS or not 0 < (lasts_s := float(np.ptp(moments))) < LONGEST * STEP_S:
        return None
    since = moments - moments.min()
    azimuth = np.arctan2(points[:, 1], points[:, 0])
    directions = _series(azimuth, since, int(lasts_s / STEP_S) + 1)
    rate = _rate(directions)
    if rate is None or lasts_s * abs(rate) < 1 or len(np.unique(since)) < LEAST_TIMES * lasts_s * abs(rate):
        return None
    times, head = _followed(directions, rate)
    swept = np.sign(rate) * azimuth / (2 * np.pi)  # the part of a turn, forwards, at which a point's own direction lies
    turn = swept + np.rint(np.interp(since, times, head) - swept)
    begin = _begin(points, turn)
    number = np.floor(turn - begin).astype(np.int64)
    number -= number.min()
    counts = np.bincount(number)
    whole = counts >= WHOLE * np.median(counts)
    whole[1:-1] = counts[1:-1] > 0
    kept = np.flatnonzero(whole) if whole.any() else np.flatnonzero(counts)
    renumbered = np.full(len(counts), -1)
    renumbered[kept] = np.arange(len(kept))
    first = np.floor((turn - begin).min())
    middles = np.interp(kept + first + begin + 0.5, head, times, left=np.nan, right=np.nan)
    shown = np.array([since[number == one].mean() for one in kept[~np.isfinite(middles)]])
    middles[~np.isfinite(middles)] = shown
    return Turns(renumbered[number], middles + float(moments.min()))


def _series(azimuth: np.ndarray, since: np.ndarray, steps: int) -> np.ndarray:
    """The mean direction in each step of time as a complex number of length one, zero where nothing came back."""
    step = np.minimum((since / STEP_S).astype(np.int64), steps - 1)
    total = np.bincount(step, np.cos(azimuth), steps) + 1j * np.bincount(step, np.sin(azimuth), steps)
    length = np.abs(total)
    return np.asarray(np.where(length > 1e-9, total / np.maximum(length, 1e-9), 0.0))


def _rate(directions: np.ndarray) -> float | None:
    """Turns a second, negative for a head that turns clockwise as seen from above; None where the directions agree with none."""
    size = 1 << int(np.ceil(np.log2(4 * len(directions))))
    strength = np.abs(np.fft.fft(directions, size))
    rates = np.fft.fftfreq(size, STEP_S)
    strength[(np.abs(rates) < SLOWEST_HZ) | (np.abs(rates) > FASTEST_HZ)] = 0.0
    best = int(strength.argmax())
    if strength[best] < CLEAR * max(float(np.abs(directions).sum()), 1.0):
        return None
    return float(rates[best])


def _followed(directions: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Times in seconds and, rising, where the head was then, in turns: the rate's line, and what is left of it window by window."""
    times = (np.arange(len(directions)) + 0.5) * STEP_S
    rest = directions * np.exp(-2j * np.pi * rate * times)
    width = max(int(WINDOW_TURNS / abs(rate) / STEP_S), 1)
    edges = np.arange(0, len(rest), width)
    sums = np.add.reduceat(rest, edges)
    middles = np.minimum(edges + width / 2, len(rest)) * STEP_S
    seen = np.abs(sums) > 0
    phase = np.unwrap(np.angle(sums[seen])) / (2 * np.pi)
    return times, np.asarray(np.sign(rate) * (rate * times + np.interp(times, middles[seen], phase)))


def _begin(points: np.ndarray, turn: np.ndarray) -> float:
    """The part of a turn, 0 to 1, at which turns begin: in the middle of the widest sector near which the least comes and goes."""
    some = slice(None, None, -(-len(points) // LOOKED_AT))
    xyz, turn = points[some], turn[some]
    across = np.hypot(xyz[:, 0], xyz[:, 1])
    near = across < FARTHEST_M
    whole = np.floor(turn[near]).astype(np.int64)
    sector = ((turn[near] - whole) * BINS).astype(np.int64).clip(0, BINS - 1)
    up = np.floor(xyz[near, 2] / CELL_UP_M).clip(-64, 63).astype(np.int64) + 64
    cell = (sector * 64 + (across[near] / CELL_M).astype(np.int64)) * 128 + up
    count = int(np.ptp(whole)) + 1 if len(whole) else 1
    seen = np.unique((whole - whole.min(initial=0)) * (BINS * 64 * 128) + cell) % (BINS * 64 * 128)  # once a turn
    often = np.bincount(seen, minlength=BINS * 64 * 128)
    passing = np.where(often < STILL * count, often, 0).reshape(BINS, -1).sum(1)
    around = sum(np.roll(passing, shift) for shift in range(-AROUND, AROUND + 1))
    least = np.asarray(around) == np.min(around)
    if least.all():
        return 0.0
    start = int(np.flatnonzero(~least)[0])
    runs = np.roll(least, -start)  # begins with a sector that is none
    edges = np.flatnonzero(np.diff(np.concatenate([[False], runs, [False]]).astype(np.int8)))
    widest = int(np.argmax(edges[1::2] - edges[::2]))
    return float(((edges[2 * widest] + edges[2 * widest + 1]) / 2 + start) % BINS / BINS)
