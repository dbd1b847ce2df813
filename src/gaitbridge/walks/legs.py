"""Whether the legs of a walker part and cross, and how many steps they make. Pure functions of aligned masks bool [T, H, W]."""

import numpy as np

from gaitbridge.walks.figure import rows_of

LEGS, SHINS, UPPER = (0.6, 1.0), (0.7, 1.0), (0.12, 0.5)
STILL = 0.02  # of the trunk's area: below that it cannot be told from noise
TURN = 0.3  # of the deviation: what counts as a turn of the leg signal
SLOWEST_S = 1.0  # for half a cycle
PLAIN = 0.15  # of the height: a spread that swings so much is that of legs seen from the side, and is a step at least
STRIDE_S = 0.78  # a period longer than that is of two steps: from ahead left and right are told apart, from the side they look alike


def changes(masks: np.ndarray) -> np.ndarray:
    """What differs from the mean picture, as a part of the area: a number. 0.3 to 1 of legs that walk, 0.1 to 0.2 of the trunk above them."""
    if not len(masks):
        return np.zeros(())
    pictures = masks.astype(np.float32)
    return np.asarray(np.abs(pictures - pictures.mean(0)).sum() / max(pictures.sum(), 1.0))


def leg_changes(masks: np.ndarray) -> tuple[float, float]:
    """How much the legs' rows change, and how many times as much as the trunk's."""
    legs, upper = float(changes(rows_of(masks, LEGS))), float(changes(rows_of(masks, UPPER)))
    return legs, legs / max(upper, STILL)


def parting(masks: np.ndarray) -> float:
    """How far the legs part and close again: the range of the share of rows with a gap between them, plus that of their spread."""
    shins = rows_of(masks, SHINS)
    across = extent(shins)
    gaps = (across > shins.sum(2)).mean(1)
    return _range(gaps) + _range(across.max(1) / masks.shape[1])


def extent(rows: np.ndarray) -> np.ndarray:
    """From the first to the last pixel of each row of masks [T, H, W], gaps included: [T, H]."""
    first, last = rows.argmax(2), rows.shape[2] - 1 - rows[:, :, ::-1].argmax(2)
    return np.where(rows.any(2), last - first + 1, 0)


def _range(values: np.ndarray) -> float:
    """Without the outermost tenths."""
    return float(np.quantile(values, 0.9) - np.quantile(values, 0.1)) if len(values) else 0.0


def steps(masks: np.ndarray, time_s: np.ndarray | None) -> float:
    """Steps counted, to a half: half cycles of the pattern by which the legs' rows change most, or of their spread where that swings plainly.

    Turns farther apart than `SLOWEST_S` are of no walk. Without times a cycle is taken for one step, which is true from the side and half the
    truth from ahead.
    """
    if len(masks) < 3:
        return 0.0
    pictures = rows_of(masks, LEGS).astype(np.float32).reshape(len(masks), -1)
    apart = pictures - pictures.mean(0)
    _, vectors = np.linalg.eigh(apart @ apart.T)
    signals = [vectors[:, -1]]
    spread = extent(rows_of(masks, SHINS)).max(1) / masks.shape[1]
    plain = _range(spread) > PLAIN
    if plain:
        signals.append(spread - spread.mean())
    return max(float(plain), *(_half_cycles(signal, time_s) for signal in signals))


def _half_cycles(signal: np.ndarray, time_s: np.ndarray | None) -> float:
    """Steps by the turns of one signal [T] about zero."""
    sides = np.sign(signal) * (np.abs(signal) > TURN * signal.std())
    places = np.flatnonzero(sides)
    turns = places[1:][np.diff(sides[places]) != 0]
    if len(turns) < 2:
        return len(turns) / 2
    apart = np.diff(turns if time_s is None else time_s[turns])
    if time_s is not None:
        apart = apart[apart <= SLOWEST_S]
    frontal = time_s is not None and len(apart) > 0 and 2 * float(np.median(apart)) > STRIDE_S
    return (len(apart) + 1) * (1.0 if frontal else 0.5)
