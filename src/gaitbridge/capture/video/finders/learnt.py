"""People by the learnt model: the detector where something moves that is not followed, and over the picture; mask and pose of each by a look.

For each picture:
    1. look at everybody who is expected, where they are expected
    2. two looks at one person: whose is it
    3. detect where something moves that was not looked at, and in a few windows of a scan; look at whom was found
    4. somebody found who was followed before and lost: who
    5. pixels that two claim go to the surer
"""

import math
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

import cv2
import numpy as np

from gaitbridge.capture.video.appearance import colours, unlike
from gaitbridge.capture.video.attention import BODIES, Moving, Scan
from gaitbridge.capture.video.camera import Camera
from gaitbridge.capture.video.decode import Picture
from gaitbridge.capture.video.finders import Expected
from gaitbridge.capture.video.learnt import Found, LearntPeople, Looked, overlap
from gaitbridge.capture.video.people import Person
from gaitbridge.capture.video.settings import Settings
from gaitbridge.machine import threads

PRESENT = 0.5
SAME = 0.45  # intersection over union of masks: two looks at one person
ALIKE = 0.35  # of appearances: one person's at most
CLEARLY = 0.1  # by so much must one be more alike than the other
ODD, ODD_ALONE, ODD_S = 0.08, 0.25, 0.35  # somebody is so much less like themselves than usual, with others near and alone, where it is the light;
# for so long: then it is somebody else
SWAPPED = 0.04  # of two near each other each is so much more like the other: they changed places
TROUBLE_S = 1.0  # for so long it is in doubt who is who
LEARN_S = 1.0  # in which what somebody looks like is learnt
LOST_PIXELS = 0.12  # of a mask, to another's: partly hidden
AGAIN_S, FORGOTTEN_S = 0.1, 3.0  # a place where nobody was found is tried again, each time after twice as long; such places are forgotten
SIDES = (BODIES, 3.0, 1.5, 2.5)  # of windows, by how often a place was tried: heights of what moves
TRIES, CALM_TRIES = 25.0, 12.0  # windows a second in which people are detected: while nobody is followed or the camera moves, and otherwise
FIRST = 24.0  # windows that are looked through at once where a scene begins
SCANS = 4.0  # of them over the whole picture, where what moves wants all


class People(Protocol):
    """What is needed of `LearntPeople`; looks may come from several threads at once."""

    def detect(self, pixels: np.ndarray, windows: np.ndarray) -> list[Found]: ...

    def look(self, pixels: np.ndarray, box: np.ndarray) -> Looked: ...


@dataclass(eq=False)
class Candidate:
    """Somebody seen in this picture. number: of the track, None of a new one; residual: body heights from where they were expected."""

    person: Person
    looked: Looked
    appearance: np.ndarray
    number: int | None = None
    residual: float = 0.0
    odd: bool = False  # not like themselves


@dataclass(eq=False)
class Known:
    """What is remembered of a track: its looks while it stood alone, its newest heights, how unlike itself it usually is, and since when more."""

    appearance: np.ndarray
    usual: float = 0.12
    odd_since_s: float | None = None
    trouble_s: float = -math.inf  # when somebody else was last so near that they may have been taken for one another
    heights: deque[float] = field(default_factory=lambda: deque(maxlen=15))


class Learnt:
    """See `Finder`."""

    learns, apart, moves = False, True, True

    def __init__(self, settings: Settings, people: People | None = None) -> None:
        self.people_model = people or LearntPeople()
        self.pool = ThreadPoolExecutor(threads()) if threads() > 1 else None  # for looks at several people of one picture
        self.least_height = settings.min_height_px
        self.notes: Counter[str] = Counter()
        self.moving = Moving()
        self.scan: Scan | None = None
        self.due = self.scans = 0.0  # windows to detect in, and those of the scan
        self.last_s: float | None = None
        self.known: dict[int, Known] = {}
        self.dropped: set[int] = set()  # tracks that do not go on: who they are is unsure
        self.failed: list[tuple[float, np.ndarray, float, int]] = []  # when, where in the scene, how high, how often

    def learn(self, pictures: Iterator[Picture]) -> int:
        """Nothing: it was learnt before."""
        return 0

    def people(self, picture: Picture, expected: Sequence[Expected], camera: Camera) -> list[Person] | None:
        """Everybody who can be seen, each with mask, pose and the number of their track."""
        pixels = picture.pixels
        live = {one.number for one in expected}
        passed = 0.0 if self.last_s is None else float(np.clip(picture.time_s - self.last_s, 0.0, 0.2))
        self.last_s = picture.time_s
        self.known = {number: known for number, known in self.known.items() if number in live}
        self.dropped &= live
        going = [one for one in expected if one.number not in self.dropped]
        each = self.pool.map if self.pool is not None and len(going) > 1 else map  # in order, either way
        seen = self._each_once([one for one in each(lambda one: self._followed(pixels, one), going) if one is not None])
        for one in seen:
            self._recognise(one, any(_near(one, other) for other in seen if other is not one), picture.time_s)
        lost = [one for one in going if one.number not in {candidate.number for candidate in seen}]
        for found in self._found(picture, camera, seen, passed):
            found.number = self._who(found, lost, picture.time_s)
            lost = [one for one in lost if one.number != found.number]
            seen.append(found)
        self._tell_apart(seen, picture.time_s)
        self._contest(seen)
        self._remember(seen, passed)
        return [one.person for one in seen]

    # 1. who is expected

    def _followed(self, pixels: np.ndarray, one: Expected) -> Candidate | None:
        """A look where somebody is expected; None where they are not to be seen."""
        if one.unseen_s > 0.25:
            return None  # to be found again by detection: a look sees somebody where there is one, whoever it is
        known = self.known.get(one.number)
        height = max(one.box[2] - one.box[0], 1.0)
        if known is not None and known.heights:
            height = float(np.median(known.heights))
        box = body_box(one, height)
        candidate = self._look(pixels, box)
        if candidate is None:
            return None
        middle, wanted = _middle(candidate.person.box), _middle(one.box)
        candidate.residual = float(np.linalg.norm((middle - wanted) * np.array([0.5, 1.0])) / height)
        ratio = (candidate.person.box[2] - candidate.person.box[0]) / height
        if candidate.residual > 0.35 or not 0.6 < ratio < 1.5:
            return None
        candidate.number = one.number
        return candidate

    def _look(self, pixels: np.ndarray, box: np.ndarray) -> Candidate | None:
        looked = self.people_model.look(pixels, box)
        person = looked.person
        if person is None or looked.pose.presence < PRESENT or person.height < 0.5 * self.least_height:
            return None
        return Candidate(person, looked, colours(pixels, person.box, person.mask))

    # 2. two looks at one

    def _each_once(self, seen: list[Candidate]) -> list[Candidate]:
        """Each person once: of tracks that have come to one person the one whom they are most like; who is unsure is followed no longer."""
        kept: list[Candidate] = []
        for one in seen:
            twin = next((other for other in kept if same(one, other)), None)
            if twin is None:
                kept.append(one)
                continue
            worse = [self._doubt(candidate) for candidate in (twin, one)]
            if worse[1] < worse[0]:
                kept[kept.index(twin)] = one
            if abs(worse[0] - worse[1]) < CLEARLY:  # nobody can say who was hidden and who is seen
                kept[kept.index(one if worse[1] < worse[0] else twin)].number = None
                self.dropped |= {number for number in (one.number, twin.number) if number is not None}
        return kept

    def _recognise(self, one: Candidate, others: bool, time_s: float) -> None:
        """Whether somebody looks as they did. Who does not is taken for partly hidden at first, then for somebody else: that track has ended."""
        known = self._known(one)
        if known is None or one.number is None:
            return
        more = ODD if others or time_s - known.trouble_s < TROUBLE_S else ODD_ALONE
        more *= 1.0 if known.odd_since_s is None else 0.5  # who was odd must be quite like themselves again
        one.odd = unlike(known.appearance, one.appearance) > known.usual + more
        if not one.odd:
            known.odd_since_s = None
        elif known.odd_since_s is None:
            known.odd_since_s = time_s
        elif time_s - known.odd_since_s >= ODD_S:
            self.dropped.add(one.number)
            one.number, one.odd = None, False

    def _doubt(self, candidate: Candidate) -> float:
        """How little a candidate is like their track."""
        known = self.known.get(-1 if candidate.number is None else candidate.number)
        return (unlike(known.appearance, candidate.appearance) if known is not None else 1.0) + candidate.residual

    # 3. new ones

    def _found(self, picture: Picture, camera: Camera, seen: list[Candidate], passed: float) -> list[Candidate]:
        """People who were not expected. passed: seconds since the picture before."""
        pixels, time_s = picture.pixels, picture.time_s
        if self.scan is None:
            self.scan = Scan(pixels.shape[:2], self.least_height)
        self.failed = [one for one in self.failed if 0 <= time_s - one[0] < FORGOTTEN_S]
        calm = bool(seen) and not camera.moves  # then the scan is for those who stand still
        self.due, self.scans = min(self.due + passed * (CALM_TRIES if calm else TRIES), 5.0), self.scans + passed * SCANS
        fresh: list[Candidate] = []
        masks = [(one.person.box, one.person.mask) for one in seen]
        for box in self.moving.boxes(camera, time_s, masks, self.least_height, self.due >= 1.0):
            if self.due < 1.0:
                break
            window, times = self._window(box, camera, time_s)
            if window is None:
                continue
            self.due -= 1.0
            found = self._detected(pixels, window, seen + fresh)
            fresh += found
            if not found:
                self.failed.append((time_s, _middle(box) - camera.place, box[2] - box[0], times + 1))
        if self.scan.next == 0 or camera.cut:  # a new scene: many at once, of tall people first
            self.due, self.scan.next = FIRST, 0
        while self.scans >= 1.0 or (self.due >= 1.0 and (not calm or self.scan.next < FIRST)):
            self.due, self.scans = self.due - 1.0, max(self.scans - 1.0, 0.0)
            fresh += self._detected(pixels, self.scan.take(), seen + fresh)
        return fresh

    def _window(self, box: np.ndarray, camera: Camera, time_s: float) -> tuple[np.ndarray | None, int]:
        """Where to detect because of a box that moves, and how often that failed there of late; None where it is to be left for now."""
        middle, height = _middle(box), max(box[2] - box[0], 0.6 * (box[3] - box[1]), 0.5 * self.least_height)
        near = [one for one in self.failed if np.abs(one[1] - (middle - camera.place)).max() < 0.25 * max(height, one[2])]
        times = max((one[3] for one in near), default=0)
        if near and time_s - max(one[0] for one in near) < AGAIN_S * 2.0 ** min(times - 1, 4):
            return None, times
        side = height * SIDES[times % len(SIDES)]
        return np.concatenate([middle - side / 2, middle + side / 2]), times

    def _detected(self, pixels: np.ndarray, window: np.ndarray, others: list[Candidate]) -> list[Candidate]:
        """People in a window who are none of the others."""
        new: list[Candidate] = []
        for found in self.people_model.detect(_without(pixels, [one.person for one in others], window), window[None]):
            height = found.box[2] - found.box[0]
            if height < 0.8 * self.least_height or any(overlap(found.box, upright(one.person.box)) > 0.6 for one in others + new):
                continue
            candidate = self._look(pixels, found.box)
            if candidate is not None and not any(same(candidate, one) for one in others + new):
                new.append(candidate)
        return new

    # 4. found again

    def _who(self, found: Candidate, lost: list[Expected], time_s: float) -> int | None:
        """Which of the lost tracks somebody is; None where it is none of them, or not sure."""
        fits = []
        for one in lost:
            known = self.known.get(one.number)
            height = max(one.box[2] - one.box[0], 1.0)
            away = float(np.linalg.norm(_middle(found.person.box) - _middle(one.box)) / height)
            ratio = abs(np.log(found.person.height / height))
            if known is not None and away < 0.35 + 0.6 * min(one.unseen_s, 1.0) and ratio < 0.3:
                fits.append((unlike(known.appearance, found.appearance), one.number))
        fits.sort()
        if not fits or fits[0][0] > min(ALIKE, self.known[fits[0][1]].usual + ODD) or (len(fits) > 1 and fits[1][0] - fits[0][0] < CLEARLY):
            return None
        return fits[0][1]

    def _tell_apart(self, seen: list[Candidate], time_s: float) -> None:
        """Those near each other, of whom one may have taken the other's place: each track goes to whom it is like; where that is unsure, it ends."""
        for a, one in enumerate(seen):
            for other in seen[:a]:
                if not _near(one, other):
                    continue
                for mine, yours in ((one, other), (other, one)):
                    known = self._known(mine)
                    if known is None or self._known(yours) is not None:
                        continue
                    own, others = unlike(known.appearance, mine.appearance), unlike(known.appearance, yours.appearance)
                    if others < own - SWAPPED:
                        mine.number, yours.number = None, mine.number
                        mine.odd = False
                    elif others < own + SWAPPED and time_s - known.trouble_s < TROUBLE_S and mine.number is not None:
                        self.dropped.add(mine.number)
                        mine.number = None
                first, second = self._known(one), self._known(other)
                if first is not None and second is not None:
                    right = unlike(first.appearance, one.appearance) + unlike(second.appearance, other.appearance)
                    wrong = unlike(first.appearance, other.appearance) + unlike(second.appearance, one.appearance)
                    if wrong < right - SWAPPED:
                        self.dropped |= {number for number in (one.number, other.number) if number is not None}
                        one.number = other.number = None
                for mine in (one, other):
                    known = self._known(mine)
                    if known is not None and (mine.odd or mine.residual > 0.12 or overlap(one.person.box, other.person.box) > 0.15):
                        known.trouble_s = time_s

    def _known(self, one: Candidate) -> Known | None:
        """What is known of somebody's track; None of a new one, of whom too little is known."""
        known = self.known.get(-1 if one.number is None else one.number)
        return known if known is not None and len(known.heights) >= 3 else None

    # 5. whose pixels

    def _contest(self, seen: list[Candidate]) -> None:
        """Pixels that two claim go to the surer; who loses many is partly hidden."""
        areas = [one.person.area for one in seen]
        for a in range(len(seen)):
            for b in range(a):
                _divide(seen[a], seen[b])
        for one, area in zip(seen, areas, strict=True):
            hidden = one.person.area < (1 - LOST_PIXELS) * area
            one.person = replace(_tight(one.person), number=one.number, hidden=hidden or one.odd)

    def _remember(self, seen: list[Candidate], passed: float) -> None:
        """What tracks look like, while they are alone."""
        for one in seen:
            if one.number is None:
                continue
            others = [_grown(other.person.box) for other in seen if other is not one]
            clear = not one.person.hidden and not one.odd
            alone = clear and all(overlap(_grown(one.person.box), box) == 0 for box in others)
            known = self.known.get(one.number)
            if known is None:
                known = self.known[one.number] = Known(one.appearance)
            elif alone or len(known.heights) < 5:
                share = 1.0 - np.exp(-passed / LEARN_S) if len(known.heights) >= 5 else 0.3
                known.usual += share * (unlike(known.appearance, one.appearance) - known.usual)
                known.appearance = np.sqrt((1 - share) * known.appearance**2 + share * one.appearance**2)
            if clear:
                known.heights.append(float(one.person.height))


def body_box(one: Expected, height: float) -> np.ndarray:
    """Where somebody's whole body is expected: of the height that they had of late, about the middle of their landmarks."""
    middle = _middle(one.box)
    return np.array([middle[0] - height / 2, middle[1] - 0.2 * height, middle[0] + height / 2, middle[1] + 0.2 * height])


def upright(box: np.ndarray) -> np.ndarray:
    """A box of the shape that detection gives: 0.39 times as wide as high."""
    middle, half = (box[1] + box[3]) / 2, 0.195 * (box[2] - box[0])
    return np.array([box[0], middle - half, box[2], middle + half])


def same(one: Candidate, other: Candidate) -> bool:
    """Whether two looks saw one person: by masks, or by the places of shoulders and hips."""
    a, b = one.person, other.person
    low, high = np.maximum(a.box[:2], b.box[:2]).astype(int), np.minimum(a.box[2:], b.box[2:]).astype(int)
    if (high <= low).any():
        return False
    common = int((_part(a, low, high) & _part(b, low, high)).sum())
    if common > SAME * (a.area + b.area - common) or common > 0.8 * min(a.area, b.area):
        return True
    trunk = [11, 12, 23, 24]
    assert a.pose is not None
    assert b.pose is not None
    apart = np.linalg.norm(a.pose.landmarks[trunk, :2].mean(0) - b.pose.landmarks[trunk, :2].mean(0))
    return bool(apart < 0.08 * max(a.height, b.height) and abs(np.log(a.height / b.height)) < 0.25)


def _near(one: Candidate, other: Candidate) -> bool:
    """Whether two people are within half a body height of touching, at about one height in the picture."""
    if abs(_middle(one.person.box)[0] - _middle(other.person.box)[0]) > 0.6 * max(one.person.height, other.person.height):
        return False
    reach = 0.25 * max(one.person.height, other.person.height) * np.array([-1.0, -1.0, 1.0, 1.0])
    return overlap(one.person.box + reach, other.person.box + reach) > 0


def _divide(one: Candidate, other: Candidate) -> None:
    """Pixels that both claim, to the surer."""
    a, b = one.person, other.person
    low, high = np.maximum(a.box[:2], b.box[:2]).astype(int), np.minimum(a.box[2:], b.box[2:]).astype(int)
    if (high <= low).any():
        return
    first, second = _part(a, low, high), _part(b, low, high)
    both = first & second
    if both.any():
        wins = _chance(one.looked, low, high) >= _chance(other.looked, low, high)
        first[both & ~wins] = False  # views into the masks
        second[both & wins] = False


def _without(pixels: np.ndarray, people: list[Person], window: np.ndarray) -> np.ndarray:
    """A picture in which people within a window are painted over: the detector sees those beside and behind them."""
    inside = [person for person in people if (np.minimum(person.box[2:], window[2:]) > np.maximum(person.box[:2], window[:2])).all()]
    if not inside:
        return pixels
    painted = pixels.copy()
    for person in inside:
        margin = max(2, round(0.03 * person.height))
        top, left = person.box[:2].astype(int) - margin
        mask = cv2.dilate(np.pad(person.mask.astype(np.uint8), margin), np.ones((2 * margin + 1, 2 * margin + 1), np.uint8)) > 0
        low = np.maximum([-top, -left], 0)
        part = painted[max(top, 0) : top + mask.shape[0], max(left, 0) : left + mask.shape[1]]
        mask = mask[low[0] : low[0] + part.shape[0], low[1] : low[1] + part.shape[1]]
        if mask.any() and not mask.all():
            part[mask] = part[~mask].mean(0)
    return painted


def _part(person: Person, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    corner = person.box[:2].astype(int)
    return person.mask[low[0] - corner[0] : high[0] - corner[0], low[1] - corner[1] : high[1] - corner[1]]


def _chance(looked: Looked, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return looked.chance[low[0] - looked.corner[0] : high[0] - looked.corner[0], low[1] - looked.corner[1] : high[1] - looked.corner[1]]


def _tight(person: Person) -> Person:
    """With the bounds of what the mask still holds; as it is where nothing is left."""
    rows, columns = np.flatnonzero(person.mask.any(1)), np.flatnonzero(person.mask.any(0))
    if not len(rows):
        return person
    bounds = np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])
    box = bounds + np.tile(person.box[:2], 2)
    return replace(person, box=box, mask=person.mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _middle(box: np.ndarray) -> np.ndarray:
    return np.asarray((box[:2] + box[2:]) / 2)


def _grown(box: np.ndarray) -> np.ndarray:
    return box + 0.05 * (box[2] - box[0]) * np.array([-1.0, -1.0, 1.0, 1.0])
