"""One picture a walk: how the person looked when they were seen best, and their silhouettes."""

import cv2
import numpy as np

HEIGHT = 256
COLUMNS, ROWS = 8, 2  # of silhouettes
GREY = 48


def walk_picture(shot: np.ndarray, silhouettes: np.ndarray) -> np.ndarray:
    """uint8 [256, W, 3]: the cut-out `shot` [h, w, 3] (may be empty), then some of the silhouettes [T, h, w], evenly over the walk, in rows."""
    tiles = [] if not shot.size else [_fitted(shot, HEIGHT)]
    count = COLUMNS * ROWS
    chosen = silhouettes[np.linspace(0, len(silhouettes) - 1, min(count, len(silhouettes))).round().astype(int)]
    high = HEIGHT // ROWS
    cells = [_fitted(cv2.cvtColor(one, cv2.COLOR_GRAY2BGR), high) for one in chosen]
    cells += [np.full_like(cells[0], GREY)] * (-len(cells) % COLUMNS)
    rows = [np.concatenate(cells[at : at + COLUMNS], axis=1) for at in range(0, len(cells), COLUMNS)]
    rows += [np.full_like(rows[0], GREY)] * (ROWS - len(rows))
    return np.concatenate([*tiles, np.concatenate(rows)], axis=1)


def png(picture: np.ndarray) -> bytes:
    """A picture as the bytes of a PNG file."""
    done, data = cv2.imencode(".png", picture)
    assert done
    return data.tobytes()


def _fitted(picture: np.ndarray, height: int) -> np.ndarray:
    """Of that height, with its own proportions; not wider than twice that."""
    width = int(np.clip(round(picture.shape[1] * height / picture.shape[0]), 1, 2 * height))
    way = cv2.INTER_AREA if picture.shape[0] > height else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=way), np.uint8)
