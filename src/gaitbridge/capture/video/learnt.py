"""The learnt people model: finds people in windows of a picture, and tells mask and pose of one. `gaitbridge models get people` fetches it.

Two networks of MediaPipe's (BlazePose; "BlazePose: On-device Real-time Body Pose Tracking", Bazarevsky et al. 2020, and the graphs that are published
with them), run by LiteRT, or by OpenVINO where that is absent:

    detector   224 x 224, -1 to 1: for 2,254 anchors a score, a box about the face, the hips' middle and a point on the circle about the whole body
    landmarks  256 x 256, 0 to 1, a square of 1.25 body heights about one person: 39 points (33 landmarks), presence, the mask's logits, metres

A box is top, left, bottom, right, half-open bounds in pixels of the picture, as of `people.Person`; points have pixel centres at whole numbers.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gaitbridge.capture.fetched import opened
from gaitbridge.capture.video.network import open_network
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.pose import Pose
from gaitbridge.capture.video.squares import cut, placed, square_about

AROUND = 1.25  # body heights, the side of the square that is looked at
SIDE, FINDING_SIDE = 256, 224  # pixels that the networks take
STRIDES = ((8, 2), (16, 2), (32, 6))  # of the detector's anchors, and how many at a place
SURE = 0.5  # of the detector, at least
UP, DOWN, ACROSS = 0.90, 0.92, 0.35  # of the circle's radius, from the hips: a body's box
SAME = 0.3  # intersection over union of whom two anchors mean


@dataclass(frozen=True)
class Found:
    """A person found: the box of the whole body [4], by the circle about it, and the score, 0 to 1."""

    box: np.ndarray
    score: float


@dataclass(frozen=True)
class Looked:
    """What a look at one person told. chance float32 [H, W]: each pixel's, 0 to 1, on the picture's grid from `corner` (row, column) on."""

    person: Person | None  # None where nobody is there
    pose: Pose
    chance: np.ndarray
    corner: tuple[int, int]


class LearntPeople:
    """The fetched model, opened, for many threads at once. UserError where it is not fetched or damaged, or no runtime is installed."""

    def __init__(self, folder: Path | None = None, threads: int = 1) -> None:
        files = opened("people", folder)
        self._detector = open_network(*files["pose_detection.tflite"], threads)
        self._landmarks = open_network(*files["pose_landmark_full.tflite"], threads)
        self._anchors = anchors()

    def detect(self, pixels: np.ndarray, windows: np.ndarray) -> list[Found]:
        """The people in windows float [N, 4] of a picture uint8 [H, W, 3] (blue, green, red), the surest first, each once.

        A window shows people best who are 0.4 to 0.7 times as high as its longer side.
        """
        found = [one for window in np.asarray(windows, float).reshape(-1, 4) for one in self._in_window(pixels, window)]
        found.sort(key=lambda one: -one.score)
        kept: list[Found] = []
        for one in found:
            if all(overlap(one.box, other.box) < SAME for other in kept):
                kept.append(one)
        return kept

    def _in_window(self, pixels: np.ndarray, window: np.ndarray) -> list[Found]:
        """The anchors of one window that are sure, as people, those who mean the same one weighed together."""
        square = square_about(window, 1.0)
        outputs = self._detector(cut(pixels, square, FINDING_SIDE)[None] * np.float32(2.0) - np.float32(1.0))
        raw, logits = (next(value[0] for value in outputs if value.shape[2] == count) for count in (12, 1))
        sure = np.flatnonzero(logits[:, 0] > np.log(SURE / (1 - SURE)))
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[sure, 0].astype(float), -100, 100)))
        points = raw[sure, 4:8].reshape(-1, 2, 2) / FINDING_SIDE + self._anchors[sure, None]  # hips, circle: x, y
        boxes = body_boxes(points * square[2] + square[[1, 0]])
        found = []
        left = np.argsort(-scores)
        while len(left):
            same = np.array([overlap(boxes[left[0]], boxes[k]) >= SAME for k in left])
            group = left[same]
            weights = scores[group] / scores[group].sum()
            found.append(Found((boxes[group] * weights[:, None]).sum(0), float(scores[left[0]])))
            left = left[~same]
        return found

    def look(self, pixels: np.ndarray, box: np.ndarray) -> Looked:
        """Mask and pose of the person whose body fills a box float [4] of a picture uint8 [H, W, 3] (blue, green, red)."""
        square = square_about(np.asarray(box, float), AROUND)
        points, presence, logits, world = self._read(self._landmarks(cut(pixels, square, SIDE)[None]))
        ratio = square[2] / SIDE
        landmarks = points[:33, :3] * ratio
        landmarks[:, :2] += square[[1, 0]] - 0.5
        visibility = 1.0 / (1.0 + np.exp(-np.clip(np.minimum(points[:33, 3], points[:33, 4]).astype(float), -50, 50)))
        pose = Pose(landmarks.astype(np.float32), visibility.astype(np.float32), world[:33].astype(np.float32), presence)
        chance, corner = placed(logits, square, pixels.shape[:2])
        person = None if presence < SURE else middle_person(chance, corner, pose, np.asarray(box, float))
        return Looked(person, pose, chance, corner)

    @staticmethod
    def _read(outputs: list[np.ndarray]) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
        """Points [39, 5] in pixels of the input, presence, logits of the mask [256, 256] and metres [39, 3], by the outputs' sizes."""
        of_size = {value.size: value for value in outputs}
        return (of_size[39 * 5].reshape(39, 5), float(np.clip(of_size[1].reshape(()), 0.0, 1.0)), of_size[SIDE * SIDE].reshape(SIDE, SIDE),
                of_size[39 * 3].reshape(39, 3))


def anchors() -> np.ndarray:
    """Middles [2254, 2] of the detector's anchors, x and y from 0 to 1: the centres of the squares of three grids, several at each."""
    found = []
    for stride, count in STRIDES:
        middles = (np.arange(FINDING_SIDE // stride) + 0.5) * stride / FINDING_SIDE
        found.append(np.repeat(np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2), count, axis=0))
    return np.concatenate(found)


def body_boxes(points: np.ndarray) -> np.ndarray:
    """Boxes [N, 4] of whole bodies from points [N, 2, 2]: the hips' middle and a point on the circle about the body, x and y from pixels' edges."""
    hips = points[:, 0]
    radius = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    return np.stack([hips[:, 1] - UP * radius, hips[:, 0] - ACROSS * radius, hips[:, 1] + DOWN * radius, hips[:, 0] + ACROSS * radius], axis=1)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes [4]."""
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0.0, None).prod()
    return float(common / max((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common, 1e-9))


def middle_person(chance: np.ndarray, corner: tuple[int, int], pose: Pose, box: np.ndarray) -> Person | None:
    """The person whose pose it is, cut out of chances [H, W]: the parts of the mask on which their landmarks lie; None where none does."""
    whole = (chance > 0.5).view(np.uint8)
    left, top, wide, high = cv2.boundingRect(whole) if whole.size else (0, 0, 0, 0)
    if not wide:
        return None
    mask, corner = whole[top : top + high, left : left + wide], (corner[0] + int(top), corner[1] + int(left))  # less to go through
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    places = np.rint(pose.landmarks[:, :2]).astype(int) - np.array([corner[1], corner[0]])
    inside = (places >= 0).all(1) & (places[:, 0] < mask.shape[1]) & (places[:, 1] < mask.shape[0])
    votes = np.bincount(labels[places[inside, 1], places[inside, 0]], minlength=count)
    votes[0] = 0
    if not votes.any():
        return None
    areas = stats[:, cv2.CC_STAT_AREA]
    main = int(np.argmax(np.where(votes > 0, votes * areas, 0)))
    own = (votes > 0) & (areas >= 0.01 * areas[main])  # the largest of them, too
    keep = own[labels]
    rows, columns = np.flatnonzero(keep.any(1)), np.flatnonzero(keep.any(0))
    first, end = np.array([rows[0], columns[0]]), np.array([rows[-1] + 1, columns[-1] + 1])
    bounds = np.concatenate([first, end]) + np.array([*corner, *corner])
    return Person(bounds, keep[first[0] : end[0], first[1] : end[1]], pose)
