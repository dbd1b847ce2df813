"""Coloured depth pictures: look-alikes of the ones that SUSTech1K publishes, for networks whose weights were trained on them.

The published pictures are drawings, made once with a plotting library: a dot a point, coloured by horizontal distance, scaled frame by frame
(so that absolute range is lost), cropped to the person and enlarged. What is known of the drawing is in docs/range_views.md. Range views keep
metres: take pictures only for such weights.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from gaitbridge.geometry.projection import FRAMES_AT_ONCE, SUSTECH1K, Projection

PIXELS_PER_CELL = 0.77  # of the drawing: the share of a default figure's height that its axes take, and 100 dots an inch at 0.01 inch a cell
DOT_RADIUS = 0.5 * 100 / 72  # pixels: dots one point wide at 100 dots an inch
PHASES = 32  # steps within a pixel at which the shape of a dot is tabulated
FAINTEST = 0.5 / 255  # a dot that covers less of a pixel does not show
SHARPNESS = -0.75  # of the cubic kernel of the enlargement
REACH = 3  # pixels that the kernel may look beyond an edge, one to spare


@lru_cache(maxsize=1)
def jet() -> np.ndarray:
    """The colour map jet, uint8 [256, 3], red, green, blue: dark blue at 0, dark red at 255.

    Piecewise linear, by its definition in matplotlib's documentation of the map and in MATLAB's: corners of each channel.
    """
    corners = (((0, 0), (0.35, 0), (0.66, 1), (0.89, 1), (1, 0.5)),
               ((0, 0), (0.125, 0), (0.375, 1), (0.64, 1), (0.91, 0), (1, 0)),
               ((0, 0.5), (0.11, 1), (0.34, 1), (0.65, 0), (1, 0)))  # fmt: skip
    at = np.linspace(0, 1, 256)
    channels = [np.interp(at, *np.transpose(channel)) for channel in corners]
    return (np.stack(channels, axis=-1) * 255).astype(np.uint8)


def _shades(values: np.ndarray) -> np.ndarray:
    """Colour numbers [...] of values [...]: 0 for the least, 255 for the greatest, all 0 where they are equal."""
    least = values.min()
    span = values.max() - least
    share = (values - least) / span if span > 0 else np.zeros_like(values)
    return np.minimum(share * 256, 255).astype(np.uint8)


def depth_picture(range_view: np.ndarray) -> np.ndarray:
    """The picture uint8 [3, H, W] (red, green, blue; black where nothing came back) of a range view [H, W] in metres: near is red.

    Scaled to the nearest and the farthest of this view. The published pictures show the horizontal distance, and are soft as drawings are:
    `depth_pictures` of the points comes closer to them.
    """
    seen = np.isfinite(range_view)
    picture = np.zeros((3, *range_view.shape), np.uint8)
    if seen.any():
        picture[:, seen] = jet()[_shades(-range_view[seen])].T
    return picture


def depth_pictures(frames: Sequence[np.ndarray], sensor: Projection = SUSTECH1K, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """The pictures uint8 [T, 3, H, W] (red, green, blue, on black) of a person's clouds in T frames, each [P, 3 or more], as published.

    Drawn as dots of the published size on the grid of `sensor`, the nearer above the farther, coloured by minus the horizontal distance;
    cropped to the rows drawn, enlarged to H rows with a cubic kernel, W columns around the column that halves the brightness. Frames without
    a return are black. A person behind the sensor is not torn apart, and one near the seam is centred: there the published ones differ.
    """
    pictures = np.zeros((len(frames), 3, *size), np.uint8)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        azimuth, elevation, ranges, frame = sensor.returns(frames[start : start + FRAMES_AT_ONCE])
        bounds = np.flatnonzero(np.diff(frame, prepend=-1, append=len(frames)))
        for first, end in pairwise(bounds):
            drawing, column = _drawn(azimuth[first:end], elevation[first:end], ranges[first:end], sensor)
            pictures[start + frame[first]] = _enlarged(drawing, column, sensor, size)
    return pictures


def _drawn(azimuth: np.ndarray, elevation: np.ndarray, ranges: np.ndarray, sensor: Projection) -> tuple[np.ndarray, int]:
    """The drawing of the returns [P], uint8 [h, w, 3], no larger than it needs to be, and the whole drawing's column of its first one."""
    # 1. Places in pixels, from the top left; the whole turn has its seam behind the sensor, and is continued beyond it.
    middle = np.arctan2(np.sin(azimuth).sum(), np.cos(azimuth).sum())
    azimuth = middle + (azimuth - middle + np.pi) % (2 * np.pi) - np.pi
    right = (np.pi - azimuth) * (PIXELS_PER_CELL / sensor.azimuth_step)
    down = (sensor.elevations[0] - elevation) * (PIXELS_PER_CELL / _pitch(sensor))
    # 2. From the farthest to the nearest, and their colours.
    distance = ranges * np.cos(elevation)
    order = np.argsort(-distance, kind="stable")
    right, down = right[order], down[order]
    colours = jet()[_shades(-distance[order])].astype(np.float32)
    # 3. What each dot covers of 3 x 3 pixels.
    column, row = np.floor(right).astype(np.intp), np.floor(down).astype(np.intp)
    shape = ((down - row) * PHASES).astype(np.intp) * PHASES + ((right - column) * PHASES).astype(np.intp)
    first_column, first_row = int(column.min()) - 1, int(row.min()) - 1
    width, height = int(column.max()) + 2 - first_column, int(row.max()) + 2 - first_row
    around = (np.arange(-1, 2)[:, None] * width + np.arange(-1, 2)).ravel()
    cover, free = (table[shape] for table in _dots())  # [P, 9]
    shown = np.flatnonzero(cover > FAINTEST)
    pixel = (((row - first_row) * width + column - first_column)[:, None] + around).ravel()[shown]
    # 4. Each dot is laid over what is there: it counts by what it covers, times what the later ones of its pixel leave free.
    sort = np.argsort(pixel.astype(np.uint16) if width * height <= 2**16 else pixel, kind="stable")  # 16 bits are sorted by radix: much faster
    pixel, shown = pixel[sort], shown[sort]
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    left_free = np.append(free.ravel()[shown].cumsum(), 0.0)
    lengths = np.diff(starts, append=len(pixel))
    later = np.repeat(left_free[starts + lengths - 1], lengths) - left_free[:-1]
    weight = cover.ravel()[shown] * np.exp(later.astype(np.float32))
    sums = np.add.reduceat(weight[:, None] * colours[shown // 9], starts)
    drawing = np.zeros((height * width, 3), np.uint8)
    drawing[pixel[starts]] = sums + 0.5
    return drawing.reshape(height, width, 3), first_column


def _pitch(sensor: Projection) -> float:
    """Radians between the rows of a drawing: the grid's, or the most usual gap of a table of beams."""
    return float(np.deg2rad(sensor.elevation_step_deg)) if sensor.elevation_step_deg else float(np.median(-np.diff(sensor.elevations)))


@lru_cache(maxsize=1)
def _dots() -> tuple[np.ndarray, np.ndarray]:
    """What a dot covers of the 3 x 3 pixels around its own, float32 [PHASES * PHASES, 9], by where in its pixel it lies (down, right).

    And the logarithm of what it leaves free, float64.
    """
    fine = 24  # samples a pixel, each way
    sample = (np.arange(3 * fine) + 0.5) / fine - 1
    square = (sample[None] - (np.arange(PHASES)[:, None] + 0.5) / PHASES) ** 2  # [PHASES, 3 fine]
    inside = square[:, None, :, None] + square[None, :, None, :] < DOT_RADIUS**2
    cover = np.minimum(inside.reshape(PHASES, PHASES, 3, fine, 3, fine).mean((3, 5)).reshape(-1, 9), 1 - 1e-6)
    return cover.astype(np.float32), np.log1p(-cover)


def _enlarged(drawing: np.ndarray, first_column: int, sensor: Projection, size: tuple[int, int]) -> np.ndarray:
    """The picture uint8 [3, H, W] of a drawing [h, w, 3] whose first column is number `first_column` of the whole turn's."""
    height, width = size
    rows = np.flatnonzero(drawing.any((1, 2)))
    person = drawing[rows[0] : max(rows[-1], rows[0] + 1)]  # the published crop leaves the last row out
    turn = int(sensor.columns * PIXELS_PER_CELL)
    zoom = max(int(height * turn / len(person)), 1) / turn
    # 1. All columns that the kernel lets the person reach: two of the drawing beyond it, which are black.
    black = 2
    person = np.pad(person, ((0, 0), (black, black), (0, 0)))
    first = first_column - black
    columns = np.arange(int(np.ceil((first + 0.5) * zoom - 0.5)), int(np.floor((first + person.shape[1] - 0.5) * zoom - 0.5)) + 1)
    across = _cubic((columns + 0.5) / zoom - 0.5 - first, person.shape[1])
    down = _cubic((np.arange(height) + 0.5) * len(person) / height - 0.5, len(person))
    large = down @ np.moveaxis(person, 2, 0).astype(np.float32) @ across.T
    large = np.clip(large + 0.5, 0, 255).astype(np.uint8)
    # 2. The columns around the one that halves the brightness, black beyond the person.
    brightness = large.sum((0, 1), dtype=np.int64).cumsum()
    start = int(np.searchsorted(2 * brightness, brightness[-1], side="right")) - width // 2
    picture = np.zeros((3, *size), np.uint8)
    left, right = max(start, 0), min(start + width, large.shape[2])
    picture[:, :, left - start : right - start] = large[:, :, left:right]
    return picture


def _cubic(at: np.ndarray, length: int) -> np.ndarray:
    """Weights float32 [M, length] that read a row of `length` pixels at the places [M] by cubic convolution; the edges go on beyond."""
    first, a = np.floor(at).astype(np.intp), SHARPNESS
    x = at - first
    y = 1 - x
    taps = (a * x * y * y, 1 + ((a + 2) * x - (a + 3)) * x * x, 1 + ((a + 2) * y - (a + 3)) * y * y, a * y * x * x)
    weights, row = np.zeros((len(at), length + 2 * REACH), np.float32), np.arange(len(at))
    for place, tap in enumerate(taps, REACH - 1):
        weights[row, first + place] = tap
    weights[:, REACH] += weights[:, :REACH].sum(1)
    weights[:, -REACH - 1] += weights[:, -REACH:].sum(1)
    return weights[:, REACH:-REACH]
