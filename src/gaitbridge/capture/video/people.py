"""From a mask of all that moves to one mask a person: cleaned, joined where a body is split."""

from dataclasses import dataclass

import cv2
import numpy as np

from gaitbridge.capture.video.pose import Pose

FEET = 0.12  # of the height
SMALLEST = 0.004  # of the area of a body of the least height, squared: specks


@dataclass
class Person:
    """One detection. box: top, left, bottom, right, the half-open bounds in pixels of the picture; mask bool [bottom - top, right - left].

    pose: in the same picture, where the learnt model looked; number: of the track, where the finder follows people itself, None of a new one;
    hidden: partly, by somebody else.
    """

    box: np.ndarray
    mask: np.ndarray
    pose: Pose | None = None
    number: int | None = None
    hidden: bool = False

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.box[2] - self.box[0])

    @property
    def area(self) -> int:
        """Pixels."""
        return int(np.count_nonzero(self.mask))


def cleaned(mask: np.ndarray) -> np.ndarray:
    """Without specks and thin things such as tape and cables, small holes closed; uint8 [H, W] of 0 and 255."""
    mask = cv2.medianBlur(mask, 3)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)))
    return np.asarray(mask)


def people_in(mask: np.ndarray, least_height: float, expected: np.ndarray) -> list[Person]:
    """The people in a cleaned mask: components, those of one body joined; none less high than `least_height`.

    expected [N, 4]: boxes in which people are expected; parts that lie in the same one are one body. A body that no box expects is
    joined of parts above each other.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    smallest = max(6.0, SMALLEST * least_height**2)
    parts = [number for number in range(1, len(stats)) if stats[number, cv2.CC_STAT_AREA] >= smallest]
    boxes = np.array([[y, x, y + h, x + w] for x, y, w, h, _ in stats[parts]], float).reshape(-1, 4)
    people = []
    for group in _groups(boxes, np.asarray(expected, float).reshape(-1, 4)):
        low, high = boxes[group, :2].min(0).astype(int), boxes[group, 2:].max(0).astype(int)
        if high[0] - low[0] < 0.5 * least_height:
            continue
        own = np.isin(labels[low[0] : high[0], low[1] : high[1]], [parts[k] for k in group])
        people.append(refined(Person(np.concatenate([low, high]), own)))
    return people


def _groups(boxes: np.ndarray, expected: np.ndarray) -> list[list[int]]:
    """Which parts [N, 4] belong together, as lists of their numbers."""
    owner = list(range(len(boxes)))

    def root(k: int) -> int:
        while owner[k] != k:
            k = owner[k]
        return k

    for box in expected:  # parts that lie in a box where a person is expected
        grown = box + 0.1 * (box[2] - box[0]) * np.array([-1.0, -0.5, 1.0, 0.5])
        inside = [k for k, part in enumerate(boxes) if _share(part, grown) > 0.8]
        inside.sort(key=lambda k: boxes[k, 0] - boxes[k, 2])  # the tallest first
        for k in inside[1:]:
            if not _two_people(boxes[k], boxes[inside[0]]):
                owner[root(k)] = root(inside[0])
    for a in range(len(boxes)):
        for b in range(a):
            if root(a) != root(b) and _stacked(boxes[a], boxes[b]):
                owner[root(a)] = root(b)
    groups: dict[int, list[int]] = {}
    for k in range(len(boxes)):
        groups.setdefault(root(k), []).append(k)
    return list(groups.values())


def _share(part: np.ndarray, box: np.ndarray) -> float:
    """How much of `part` lies in `box`, by area."""
    common = np.clip(np.minimum(part[2:], box[2:]) - np.maximum(part[:2], box[:2]), 0.0, None)
    return float(common.prod() / max((part[2:] - part[:2]).prod(), 1e-9))


def _stacked(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two parts are above each other, near, and as one no stouter than a person; each is too flat to be a person by itself."""
    upper, lower = (a, b) if a[0] <= b[0] else (b, a)
    height = max(a[2], b[2]) - min(a[0], b[0])
    width = max(a[3], b[3]) - min(a[1], b[1])
    across = min(a[3], b[3]) - max(a[1], b[1])
    narrow = min(a[3] - a[1], b[3] - b[1])
    whole = max(a[2] - a[0], b[2] - b[0])  # the taller part
    near = across > 0.5 * narrow and lower[0] - upper[2] < 0.15 * height
    return bool(near and width < 0.65 * height and whole < 0.85 * height and not _two_people(a, b))


def _two_people(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two parts are alike in height and each as slender as a person: one stands behind the other."""
    tall, wide = np.array([a[2] - a[0], b[2] - b[0]]), np.array([a[3] - a[1], b[3] - b[1]])
    return bool(tall.min() > 0.6 * tall.max() and (tall > 1.6 * wide).all())


def refined(person: Person) -> Person:
    """A body without what is too thin for its height, such as a cable that it touches; its holes filled."""
    thin = max(2, round(0.055 * person.height))
    padded = np.pad(person.mask.astype(np.uint8), thin)
    opened: np.ndarray = np.asarray(cv2.morphologyEx(padded, cv2.MORPH_OPEN, np.ones((thin, 1), np.uint8)))  # lying thin things; limbs stand
    feet = round((1 - FEET) * person.height) + thin
    opened[feet:] |= padded[feet:]  # but toes lie
    grown = np.asarray(np.minimum(cv2.dilate(opened, np.ones((3, 3), np.uint8)), padded))
    grown = np.asarray(cv2.morphologyEx(grown, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thin | 1, thin | 1))))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    if count < 2:
        return person
    largest = stats[1:, cv2.CC_STAT_AREA].max()
    keep = np.isin(labels, [k for k in range(1, count) if stats[k, cv2.CC_STAT_AREA] >= 0.05 * largest])
    holes, inverse, hole_stats, _ = cv2.connectedComponentsWithStats((~keep).astype(np.uint8), connectivity=4)
    small = [k for k in range(1, holes) if hole_stats[k, cv2.CC_STAT_AREA] < 0.02 * keep.sum() and not _touches(hole_stats[k], keep.shape)]
    keep |= np.isin(inverse, small)
    rows, columns = np.flatnonzero(keep.any(1)), np.flatnonzero(keep.any(0))
    low, high = np.array([rows[0], columns[0]]), np.array([rows[-1] + 1, columns[-1] + 1])
    corner = person.box[:2] - thin
    return Person(np.concatenate([corner + low, corner + high]), keep[low[0] : high[0], low[1] : high[1]])


def _touches(stats: np.ndarray, shape: tuple[int, ...]) -> bool:
    x, y, w, h = stats[:4]
    return bool(x == 0 or y == 0 or x + w == shape[1] or y + h == shape[0])
