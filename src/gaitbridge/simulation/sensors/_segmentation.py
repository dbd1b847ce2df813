"""What real segmentation does to a silhouette: ragged outlines, holes, lost limbs, leaks, failures, and a crop that follows them.

An error model decided by looking at pictures and by its IoU against clean masks (about 0.9 by day and 0.8 by night on a walker at
64 x 44), not fitted to a segmenter. Errors last for several frames, as they do in video.
"""

import numpy as np

from gaitbridge.conventions import PERSON

NIGHT = 1.75  # by night every error is this many times as strong
HOLD = 5  # frames over which the noise on outlines stays alike
OUTLINE = 0.12  # the outline's noise in parts of the soft edge, which falls by a third a pixel: a third of a pixel of raggedness
JITTER = 0.15  # pixels by which the crop's top, bottom and middle are off
HOLE = 3.0  # standard deviations of the coarse noise above which the body's texture is taken for background
EVENTS = {"limb": 0.012, "leak": 0.008, "failure": 0.0015}  # chance that one begins, per frame


def degrade(masks: np.ndarray, random: np.random.Generator, level: float = 1.0, night: bool = False) -> np.ndarray:
    """Silhouettes of one sequence as a segmentation pipeline would give them: uint8 [T, H, W] of 0 and 255.

    masks: clean aligned silhouettes uint8 [T, H, W]. level: 0 leaves them alone, 1 is usual, 2 is bad; a sequence's own quality is
    drawn around it. night makes everything worse. Frames that were empty stay empty. Raises ValueError for a negative level.
    """
    if level < 0:
        raise ValueError(f"a level of degradation is not negative: {level}")
    if level == 0 or not len(masks):
        return masks.copy()
    strength = level * (NIGHT if night else 1.0) * float(np.exp(0.2 * random.standard_normal()))
    person = _outlines(masks > 0, random, strength)
    for name, spoil in (("limb", _lose_limb), ("leak", _leak), ("failure", _fail)):
        for start in np.flatnonzero(random.random(len(person)) < EVENTS[name] * strength):
            length = 1 + random.geometric(0.5 if name == "failure" else 0.25)
            spoil(person[start : start + length], random, strength)
    person &= masks.any((1, 2), keepdims=True)
    return _recrop(person, random, strength)


def _outlines(person: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Ragged outlines and holes: the mask's soft edge [T, H, W] plus noise that is smooth in space and time, cut at a half."""
    soft = _blur(person)
    near = soft > 0  # pipelines drop specks apart from the person
    # Blurring alone would take off corners and hands: without noise, the cut gives the mask back.
    soft = np.where(person, np.maximum(soft, np.float32(0.6)), np.minimum(soft, np.float32(0.4)))
    soft += np.float32(OUTLINE * strength) * _smooth_noise(random, person.shape, cell=4, hold=HOLD)
    # Holes stay where they are for a while, and their rims are soft.
    coarse = _smooth_noise(random, person.shape, cell=8, hold=3 * HOLD)
    coarse -= np.float32(HOLE / strength**0.4)
    np.maximum(coarse, 0, out=coarse)
    soft -= coarse
    return (soft > 0.5) & near


def _lose_limb(person: np.ndarray, random: np.random.Generator, strength: float) -> None:
    """A lower leg, or an arm, is missing for some frames: clears a part of person bool [T', H, W] in place."""
    height, width = person.shape[1:]
    left = random.random() < 0.5
    side = slice(0, width // 2) if left else slice(width // 2, width)
    if random.random() < 0.6:  # a leg from somewhere below the knee on one side of the middle
        person[:, int(height * random.uniform(0.74, 0.92)) :, side] = False
        return
    top, bottom = int(height * random.uniform(0.2, 0.35)), int(height * random.uniform(0.42, 0.55))
    rows = person[:, top:bottom]  # an arm: what lies furthest out on one side
    inward = np.cumsum(rows if left else rows[:, :, ::-1], axis=2)
    keep = inward > round(width * random.uniform(0.06, 0.12))
    rows &= keep if left else keep[:, :, ::-1]


def _leak(person: np.ndarray, random: np.random.Generator, strength: float) -> None:
    """Something that is not the person sticks to them, mostly their shadow at the feet: fills a part of person bool [T', H, W] in place."""
    height, width = person.shape[1:]
    if random.random() < 0.7:
        row, half_height, half_width = height - 1, random.uniform(1.5, 4.0), random.uniform(5.0, 12.0)
    else:
        row, half_height, half_width = int(random.uniform(0.3, 0.9) * height), random.uniform(3.0, 7.0), random.uniform(2.0, 5.0)
    edge = person[:, row].argmax(1) if random.random() < 0.5 else width - 1 - person[:, row, ::-1].argmax(1)  # outermost in that row
    rows, columns = np.arange(height)[:, None], np.arange(width)
    person |= ((rows - row) / half_height) ** 2 + ((columns - edge[:, None, None]) / half_width) ** 2 < 1


def _fail(person: np.ndarray, random: np.random.Generator, strength: float) -> None:
    """The segmenter finds nobody, or only the upper or the lower half: clears person bool [T', H, W] in place."""
    height = person.shape[1]
    kind = random.random()
    if kind < 0.4:
        person[:] = False
    elif kind < 0.7:
        person[:, int(height * random.uniform(0.45, 0.7)) :] = False
    else:
        person[:, : int(height * random.uniform(0.2, 0.45))] = False


def _recrop(person: np.ndarray, random: np.random.Generator, strength: float) -> np.ndarray:
    """Crop and centre again, as a pipeline does that sees only the damaged mask bool [T, H, W], with a box off by a pixel or so.

    Gives uint8 [T, H, W] of 0 and 255. All frames in one gather: for each output row and column the input row and column to read.
    """
    frames, height, width = person.shape
    rows = np.asarray(person.any(2))
    columns = person.sum(1, dtype=np.int16)
    top, bottom = rows.argmax(1), height - rows[:, ::-1].argmax(1)
    total = np.cumsum(columns, axis=1)
    middle = (total <= total[:, -1:] / 2).sum(1)
    jitter = np.float32(JITTER * strength) * _in_time(random.standard_normal((frames, 3), dtype=np.float32), 2)
    top, bottom, middle = top + jitter[:, 0], bottom + jitter[:, 1], middle + jitter[:, 2]
    step = np.maximum(bottom - top, 1) / height
    row = np.floor(top[:, None] + (np.arange(height) + 0.5) * step[:, None]).astype(np.intp)
    column = np.floor(middle[:, None] + 0.5 + (np.arange(width) + 0.5 - (width // 2 + 0.5)) * step[:, None]).astype(np.intp)
    inside = ((row >= 0) & (row < height))[:, :, None] & ((column >= 0) & (column < width))[:, None, :]
    flat = np.clip(row, 0, height - 1) * width + np.arange(frames)[:, None] * height * width
    values = np.where(person, np.uint8(PERSON), np.uint8(0)).ravel()
    found: np.ndarray = values[flat[:, :, None] + np.clip(column, 0, width - 1)[:, None, :]] * inside
    return found


def _blur(person: np.ndarray) -> np.ndarray:
    """Mean over 5 x 5 pixels with weights 1 2 3 2 1: float32 [T, H, W] in 0 .. 1; the border's pixels count for what is outside."""
    height, width = person.shape[1:]
    padded = np.pad(person.view(np.uint8), ((0, 0), (2, 2), (2, 2)), mode="edge")
    a, b, c, d, e = (padded[:, k : k + height] for k in range(5))
    down = a + e + 2 * (b + d) + 3 * c
    a, b, c, d, e = (down[:, :, k : k + width] for k in range(5))
    soft: np.ndarray = (a + e + 2 * (b + d) + 3 * c) * np.float32(1 / 81)  # at most 81: within uint8
    return soft


def _smooth_noise(random: np.random.Generator, shape: tuple[int, ...], cell: int, hold: int) -> np.ndarray:
    """Noise float32 [T, H, W] of unit variance, alike within `cell` pixels and `hold` frames."""
    frames, height, width = shape
    rows, columns = height // cell + 2, width // cell + 2
    grid = _in_time(random.standard_normal((frames, rows * columns), dtype=np.float32), hold).reshape(frames, rows, columns)
    noise: np.ndarray = _spread(height, rows) @ grid @ _spread(width, columns).T
    return noise


def _in_time(noise: np.ndarray, hold: int) -> np.ndarray:
    """White noise [T, K] made alike over `hold` frames, still of unit variance: a weighted mean with weights falling on both sides."""
    apart = np.abs(np.subtract.outer(np.arange(len(noise)), np.arange(len(noise))))
    weights = np.exp(apart * (-2.0 / hold))
    smooth: np.ndarray = (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32) @ noise
    return smooth


def _spread(size: int, cells: int) -> np.ndarray:
    """Weights float32 [size, cells] of linear interpolation from cells to pixels, each row of unit length to keep the variance."""
    where = (np.arange(size) + 0.5) * (cells - 1) / size
    weights = np.maximum(0, 1 - np.abs(where[:, None] - np.arange(cells)))
    return (weights / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.float32)
