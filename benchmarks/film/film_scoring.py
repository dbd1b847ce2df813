"""How good a capture of a labelled film is. Pure functions of labels and of what `capture.video.reader.read_video` gave."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from film_labels import Box, Film, Mask

from gaitbridge.capture.tracking import assign, iou_cost
from gaitbridge.geometry.silhouette import align

SAME = 0.5  # least intersection over union of a kept box with the label of the person that it is
HOLDS = 0.8  # of a label's box: then a kept box holds that person, too
BESIDE = 1.0  # widths of the wider one, from middle to middle: side by side
ABSENT = 1.6  # labelled steps without a label: then the person has left, and who comes back is a new visit


@dataclass(frozen=True)
class Kept:
    """One frame of a track. box [4] as labels have them; place: in the track; kept: in a run that becomes a sequence."""

    track: int
    place: int
    frame: int
    box: np.ndarray
    kept: bool


@dataclass
class Score:
    """What came of one capture. Numbers count person-frames of the labelled frames, unless they say otherwise."""

    wanted: int = 0  # whole, walking, tall enough
    kept: int = 0  # of those
    beside: int = 0  # of the wanted, somebody whole stands within a width of them
    beside_kept: int = 0
    lost: list[tuple[int, str]] = field(default_factory=list)  # frame, person: wanted and not kept
    also: Counter[str] = field(default_factory=Counter)  # kept of those that are not wanted: standing, hidden, cut, small
    parts: list[tuple[int, int]] = field(default_factory=list)  # frame, track: kept, and only a part of somebody
    several: list[tuple[int, int]] = field(default_factory=list)  # frame, track: kept, and more than one person in it
    nobody: list[tuple[int, int]] = field(default_factory=list)  # frame, track: kept, and nobody there
    mixed: dict[int, list[str]] = field(default_factory=dict)  # kept tracks of more than one person
    mixed_seen: dict[int, list[str]] = field(default_factory=dict)  # the same, of all their frames, kept or not
    visits: int = 0  # of people who are wanted in at least two labelled frames of one visit
    visits_kept: int = 0  # of those with a kept frame
    pieces: int = 0  # tracks with kept frames of those visits
    tracks: int = 0
    sequences: int = 0
    frames_kept: int = 0  # all frames of all sequences


def frames_of(found: dict[str, Any], labelled: Iterable[int]) -> list[Kept]:
    """The frames of all tracks in labelled frames."""
    wanted = set(labelled)
    frames = []
    for track in found["tracks"]:
        kept = {int(place) for run in track["runs"] for place in run}
        for place, frame in enumerate(track["frame"].tolist()):
            if frame in wanted:
                frames.append(Kept(int(track["number"]), place, frame, np.asarray(track["box"][place], float) + 0.5, place in kept))
    return frames


def score(film: Film, found: dict[str, Any]) -> Score:
    """Judge what was found in a film against its labels."""
    result = Score(tracks=len(found["tracks"]), sequences=sum(len(track["runs"]) for track in found["tracks"]),
                   frames_kept=sum(len(run) for track in found["tracks"] for run in track["runs"]))
    frames = frames_of(found, film.labelled)
    whose: dict[int, list[tuple[int, str]]] = defaultdict(list)  # by track: frame, person, of kept frames
    whose_seen: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for frame in film.labelled:
        labels = [box for box in film.boxes if box.frame == frame]
        here = [one for one in frames if one.frame == frame]
        kept = [one for one in here if one.kept]
        matched = matches(labels, kept)
        _count(result, labels, kept, matched)
        for row, column in matched.items():
            whose[kept[column].track].append((frame, labels[row].person))
        for row, column in matches(labels, here).items():
            whose_seen[here[column].track].append((frame, labels[row].person))
    result.mixed, result.mixed_seen = _mixed(whose), _mixed(whose_seen)
    _visits(result, film, whose)
    return result


def matches(labels: list[Box], kept: list[Kept]) -> dict[int, int]:
    """Which label is which kept box, by place: at the least total 1 - IoU, no pair below SAME."""
    if not labels or not kept:
        return {}
    return dict(assign(iou_cost(np.stack([one.box for one in labels]), np.stack([one.box for one in kept])), 1.0 - SAME))


def _count(result: Score, labels: list[Box], kept: list[Kept], matched: dict[int, int]) -> None:
    """Add one frame."""
    for row, label in enumerate(labels):
        got = row in matched
        if not label.wanted:
            result.also[_kind(label)] += got
            continue
        beside = any(_beside(label, other) for other in labels if other is not label)
        result.wanted, result.kept = result.wanted + 1, result.kept + got
        result.beside, result.beside_kept = result.beside + beside, result.beside_kept + (beside and got)
        if not got:
            result.lost.append((label.frame, label.person))
    for column, one in enumerate(kept):
        held = [label for label in labels if label.hidden <= 0.5 and share(label.box, one.box) >= HOLDS]
        own = [labels[row] for row, other in matched.items() if other == column]
        if len({label.person for label in [*held, *own]}) > 1:
            result.several.append((one.frame, one.track))
        elif not own:
            touched = any(share(one.box, label.box) > 0.5 or share(label.box, one.box) > 0.5 for label in labels)
            (result.parts if touched else result.nobody).append((one.frame, one.track))


def _kind(label: Box) -> str:
    """Why a label is not wanted."""
    if label.cut:
        return "cut off"
    if not label.whole:
        return "hidden"
    return "small" if label.walking else "not walking"


def _beside(label: Box, other: Box) -> bool:
    """Whether another whole person is so near, at about the same height in the picture."""
    widest = max(label.box[3] - label.box[1], other.box[3] - other.box[1])
    apart = abs(label.box[[1, 3]].mean() - other.box[[1, 3]].mean())
    return bool(other.whole and apart <= BESIDE * widest + 5 and abs(label.box[2] - other.box[2]) < 0.3 * (label.box[2] - label.box[0]))


def share(part: np.ndarray, box: np.ndarray) -> float:
    """How much of `part` [4] lies in `box` [4], by area."""
    common = np.clip(np.minimum(part[2:], box[2:]) - np.maximum(part[:2], box[:2]), 0.0, None)
    return float(common.prod() / max(float((part[2:] - part[:2]).prod()), 1e-9))


def _mixed(whose: dict[int, list[tuple[int, str]]]) -> dict[int, list[str]]:
    """Tracks of more than one person, with the people in order of time."""
    people = {track: list(dict.fromkeys(person for _, person in sorted(seen))) for track, seen in whose.items()}
    return {track: names for track, names in sorted(people.items()) if len(names) > 1}


def _visits(result: Score, film: Film, whose: dict[int, list[tuple[int, str]]]) -> None:
    """Count visits, and the tracks that each fell into."""
    step = film.labelled[1] - film.labelled[0] if len(film.labelled) > 1 else 1
    for person in dict.fromkeys(box.person for box in film.boxes):
        boxes = sorted((box for box in film.boxes if box.person == person), key=lambda box: box.frame)
        ends = [k for k in range(1, len(boxes)) if boxes[k].frame - boxes[k - 1].frame > ABSENT * step]
        for visit in np.split(np.arange(len(boxes)), ends):
            if sum(boxes[k].wanted for k in visit) < 2:
                continue
            frames = {boxes[k].frame for k in visit}
            tracks = {track for track, seen in whose.items() if any(name == person and frame in frames for frame, name in seen)}
            result.visits += 1
            result.visits_kept += bool(tracks)
            result.pieces += len(tracks)


@dataclass(frozen=True)
class Overlap:
    """How well a kept silhouette covers a hand-drawn mask: IoU after the field's alignment, and in the film's own pixels; NaN where not kept."""

    person: str
    frame: int
    aligned: float
    native: float


def overlaps(film: Film, found: dict[str, Any], fine: dict[str, Any] | None = None) -> list[Overlap]:
    """The overlap with each hand-drawn mask.

    found: a capture at the size that is asked about; fine: the same film with silhouettes at least as high as its people, for the native pixels.
    """
    tracks = {track["number"]: track for track in found["tracks"]}
    result = []
    for mask in film.masks:
        one = _frame_of(film, found, mask)
        aligned = native = float("nan")
        if one is not None:
            silhouette = tracks[one.track]["silhouette"][one.place] > 0
            aligned = iou(align(mask.mask, silhouette.shape)[0] > 0, silhouette)
        fine_one = _frame_of(film, fine, mask) if fine is not None else None
        if fine is not None and fine_one is not None:
            track = next(track for track in fine["tracks"] if track["number"] == fine_one.track)
            drawn = np.zeros(film.size, bool)
            drawn[mask.top : mask.top + mask.mask.shape[0], mask.left : mask.left + mask.mask.shape[1]] = mask.mask
            native = iou(drawn, pasted(track["silhouette"][fine_one.place] > 0, track["window"][fine_one.place], film.size))
        result.append(Overlap(mask.person, mask.frame, aligned, native))
    return result


def _frame_of(film: Film, found: dict[str, Any], mask: Mask) -> Kept | None:
    """The kept frame that shows the person of a mask."""
    labels = [box for box in film.boxes if box.frame == mask.frame]
    kept = [one for one in frames_of(found, [mask.frame]) if one.kept]
    for row, column in matches(labels, kept).items():
        if labels[row].person == mask.person:
            return kept[column]
    return None


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks; 0 where both are empty."""
    return float((a & b).sum() / max(int((a | b).sum()), 1))


def pasted(silhouette: np.ndarray, window: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A silhouette bool [h, w] put back into a picture: bool [size]; window [4] is its place, pixel centres at whole numbers."""
    rows, columns = np.arange(size[0]), np.arange(size[1])
    v = np.floor((rows - window[0]) / (window[2] - window[0]) * silhouette.shape[0]).astype(int)
    u = np.floor((columns - window[1]) / (window[3] - window[1]) * silhouette.shape[1]).astype(int)
    inside_v, inside_u = (v >= 0) & (v < silhouette.shape[0]), (u >= 0) & (u < silhouette.shape[1])
    picture = np.zeros(size, bool)
    picture[np.ix_(inside_v, inside_u)] = silhouette[np.ix_(v[inside_v], u[inside_u])]
    return picture
