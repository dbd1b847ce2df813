"""A walk as a strip: sixteen equal pictures in a row, which the page shows one after another."""

import cv2
import numpy as np

COUNT = 16  # of pictures: one stride and a little
SIDE = 128  # pixels of each, a square
SPAN_S = 1.3  # what they show, where the walk is so long
FIGURE, AROUND = (249, 245, 241), (59, 41, 30)  # blue, green, red
FAR_M = 1.5  # behind the nearest point of a figure: as far as shades go


def silhouette_strip(silhouettes: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """uint8 [128, 16 * 128, 3] of silhouettes uint8 [T, H, W] and their times [T] in seconds."""
    chosen = silhouettes[_moments(time_s)]
    share = np.stack([_square(one.astype(np.float32) / max(float(one.max()), 1.0), cv2.INTER_AREA) for one in chosen])[..., None]
    shades = share * np.asarray(FIGURE, np.float32) + (1 - share) * np.asarray(AROUND, np.float32)
    return _row(shades)


def range_strip(range_views: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """The same of range views float [T, H, W] in metres, NaN or 0 where there was no return: near is light, far is dark."""
    made = []
    for view in np.nan_to_num(range_views[_moments(time_s)], nan=0.0):
        seen = view > 0
        near = float(view[seen].min()) if seen.any() else 0.0
        light = np.where(seen, 1.0 - 0.65 * np.clip((view - near) / FAR_M, 0, 1), 0.0)[..., None]
        picture = np.where(seen[..., None], light * np.asarray(FIGURE, np.float32), np.asarray(AROUND, np.float32))
        made.append(_square(picture.astype(np.float32), cv2.INTER_NEAREST, AROUND))
    return _row(np.stack(made))


def _moments(time_s: np.ndarray) -> np.ndarray:
    """Numbers [16] of the pictures to show: evenly over some stride in the middle of the walk."""
    time_s = np.asarray(time_s, float)
    middle = (time_s[0] + time_s[-1]) / 2
    span = min(SPAN_S, time_s[-1] - time_s[0])
    moments = middle - span / 2 + span * np.arange(COUNT) / COUNT
    return np.abs(time_s[None, :] - moments[:, None]).argmin(1)


def _square(picture: np.ndarray, shrink: int, around: tuple[int, ...] = (0, 0, 0)) -> np.ndarray:
    """Fitted into a square, whole, in the middle."""
    height, width = picture.shape[:2]
    scale = SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    way = shrink if scale < 1 or shrink == cv2.INTER_NEAREST else cv2.INTER_CUBIC
    fitted = np.clip(cv2.resize(picture, size, interpolation=way), 0, 255)
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    border = top, SIDE - size[1] - top, left, SIDE - size[0] - left
    return np.asarray(cv2.copyMakeBorder(fitted, *border, cv2.BORDER_CONSTANT, value=around), np.float32)


def _row(pictures: np.ndarray) -> np.ndarray:
    return np.concatenate(list(pictures.round().clip(0, 255).astype(np.uint8)), axis=1)
