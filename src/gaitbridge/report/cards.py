"""One moving card: the walker in 3D, the camera's silhouette and the LiDAR's ranges side by side, dark, so that it stands on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gaitbridge.errors import UserError
from gaitbridge.report.lettering import write
from gaitbridge.report.met_again import walker_of
from gaitbridge.report.pictures import BLANK, draw_range, pick_frames
from gaitbridge.report.shading import over, shade
from gaitbridge.report.walker_look import TALL_M, Moment, follower, from_sensor
from gaitbridge.store import Store

CARD, STAGE, TEXT, SOFT = (15, 23, 42), (30, 41, 59), (241, 245, 249), (148, 163, 184)
WALL, FLOOR = (56, 67, 86), (128, 141, 160)  # behind the walker in 3D, from the top to the bottom
PERSON = (226, 232, 240)  # a silhouette on the dark
MOST_FRAMES = 60
REACH_M = 0.45  # colours run from this much before the median range to this much behind it
EDGE, GAP, HEAD = 14, 12, 36
SUN_ASIDE_DEG, SUN_RISE = 50.0, 1.2  # to the left of the camera; metres up a metre along
WALKER, CAMERA, LIDAR = "walker", "camera: silhouette", "LiDAR: ranges"
ROOM_FOR_SCALE = 200  # pixels of a panel beside whose title the colours of near and far have room


def card(panels: Mapping[str, Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Frames uint8 [H, W, 3] of panels by their titles, each a list of as many pictures uint8 [h, w, 3], all of one height."""
    first = [images[0] for images in panels.values()]
    height, width = len(first[0]), sum(image.shape[1] for image in first) + GAP * (len(first) - 1)
    blank = np.full((height + HEAD + EDGE, width + 2 * EDGE, 3), CARD, np.uint8)
    lefts = EDGE + np.cumsum([0, *(image.shape[1] + GAP for image in first)])
    for title, left, image in zip(panels, lefts, first, strict=False):
        blank = write(blank, (int(left), HEAD / 2), title, 15, TEXT, anchor="lm")
        if title == LIDAR and image.shape[1] > ROOM_FOR_SCALE:
            blank = _scale(blank, int(left) + image.shape[1])
    frames = []
    for images in zip(*panels.values(), strict=True):
        frame = blank.copy()
        for left, image in zip(lefts, images, strict=False):
            frame[HEAD : HEAD + height, left : left + image.shape[1]] = image
        frames.append(frame)
    return frames


def stage(moments: Sequence[Moment], height: int, width: int, towards: Sequence[np.ndarray], tall_m: float = TALL_M) -> list[np.ndarray]:
    """Pictures uint8 [height, width, 3] of a walker in 3D on a floor that takes the shadow, each seen from its direction `towards` [3].

    The light comes from the left of the first of them and from above. tall_m: as in `follower`.
    """
    back, aside = _backdrop(height, width), np.deg2rad(SUN_ASIDE_DEG)
    x, y = towards[0][:2] / np.linalg.norm(towards[0][:2])
    sun = np.array([x * np.cos(aside) + y * np.sin(aside), y * np.cos(aside) - x * np.sin(aside), SUN_RISE])
    return [
        over(shade(moment.mesh, *follower(moment, height, width, direction, tall_m), sun=sun), back)
        for moment, direction in zip(moments, towards, strict=True)
    ]


def silhouettes(frames: np.ndarray, scale: int) -> list[np.ndarray]:
    """Pictures of silhouettes uint8 [T, H, W], light on dark, each pixel `scale` wide and high."""
    share = frames[..., None].astype(np.float32) / 255
    mixed = np.rint(np.array(PERSON) * share + np.array(STAGE) * (1 - share)).astype(np.uint8)
    return list(mixed.repeat(scale, 1).repeat(scale, 2))


def ranges(frames: np.ndarray, scale: int) -> list[np.ndarray]:
    """Pictures of range views float32 [T, H, W] in metres, coloured about each one's median, each pixel `scale` wide and high."""
    pictures = []
    for frame in frames:
        middle = float(np.nanmedian(frame)) if np.isfinite(frame).any() else 0.0
        drawn = draw_range(frame, middle - REACH_M, middle + REACH_M)
        drawn[(drawn == BLANK).all(-1), :3] = STAGE
        pictures.append(drawn[..., :3].repeat(scale, 0).repeat(scale, 1))
    return pictures


def _scale(image: np.ndarray, right: int) -> np.ndarray:
    """The colours of near and far, small, before column `right` of the line of titles."""
    wide, high = 44, 8
    metres = np.linspace(0, 1, wide, dtype=np.float32)[None].repeat(high, 0)
    top, left = (HEAD - high) // 2, right - wide - 26
    image = write(image, (left - 6, HEAD / 2), "near", 11, SOFT, anchor="rm")
    image = write(image, (right, HEAD / 2), "far", 11, SOFT, anchor="rm")
    image[top : top + high, left : left + wide] = draw_range(metres, 0.0, 1.0)[..., :3]
    return image


def _backdrop(height: int, width: int) -> np.ndarray:
    """A wall and a floor, float32 [height, width, 3], one fading into the other."""
    down = np.clip(np.linspace(-1.2, 1, height, dtype=np.float32), 0, 1)[:, None, None] ** 0.8
    return np.broadcast_to(np.array(WALL, np.float32) * (1 - down) + np.array(FLOOR, np.float32) * down, (height, width, 3))


def walk_card(store: Store, number: int, scale: int = 6, most: int = MOST_FRAMES) -> tuple[list[np.ndarray], float]:
    """A sequence in motion, what there is of it: the walker in 3D, where the store says how it was simulated, silhouettes and range views at
    the same moments. Frames uint8 [H, W, 3], at most `most` spread over the walk, and how many a second. UserError where there is nothing to show."""
    row, chosen = store.rows[number], pick_frames(store, number, most)
    if not chosen:
        raise UserError(f"{row['key']} has neither silhouettes nor range views to draw")
    slower = min(chosen, key=lambda name: row[f"{name}_frames"])
    times = store.read(number, [f"{slower}_time_s"]).arrays.get(f"{slower}_time_s", np.arange(row[f"{slower}_frames"]) / 10)[chosen[slower]]
    arrays = {name: store.read(number, [name], {name: frames}).arrays[name] for name, frames in chosen.items()}
    height = next(iter(arrays.values())).shape[1] * scale
    panels: dict[str, list[np.ndarray]] = {}
    if (walker := walker_of(store, number, times)) is not None:
        camera = store.read(number, ["T_world_from_camera"]).arrays["T_world_from_camera"]
        panels[WALKER] = stage(walker, height, round(0.875 * height), [from_sensor(moment, camera) for moment in walker])
    if "silhouettes" in arrays:
        panels[CAMERA] = silhouettes(arrays["silhouettes"], scale)
    if "range_views" in arrays:
        panels[LIDAR] = ranges(arrays["range_views"], scale)
    lasts = float(times[-1] - times[0])
    return card(panels), (len(times) - 1) / lasts if lasts > 0 else 10.0


def walker_strip(store: Store, number: int, count: int = 8, scale: int = 3) -> np.ndarray | None:
    """uint8 [h, w, 4]: the dressed walker of a sequence at the moments of `strip`, side by side; None where it cannot be met again."""
    chosen = pick_frames(store, number, count).get("silhouettes")
    arrays = store.read(number, ["silhouettes_time_s", "T_world_from_camera"]).arrays
    if chosen is None or len(arrays) < 2 or (walker := walker_of(store, number, arrays["silhouettes_time_s"][chosen])) is None:
        return None
    row, camera = store.rows[number], arrays["T_world_from_camera"]
    height, width = row["height"] * scale, row["width"] * scale
    shown = [shade(moment.mesh, *follower(moment, height, width, from_sensor(moment, camera), tall_m=2.1)) for moment in walker]
    gap = np.full((height, 2 * scale, 4), 255, np.uint8)
    return np.concatenate([part for image in shown for part in (np.dstack([over(image, BLANK[:3]), image[..., 3] | 255]), gap)][:-1], axis=1)
