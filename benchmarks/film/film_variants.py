"""Harder films made of the labelled ones, with their labels: a camera that pans or shakes, cuts, another rate, two people beside each other.

What is changed is known exactly, so that the labels need no new hand: boxes move with the picture, and are cut where it ends.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from film_labels import Box, Film

from gaitbridge.files import written_whole

Offsets = Callable[[int], tuple[float, float]]
STRANGE = 24.0  # difference of a pixel from the empty scene, of 255, that is a person
MARGIN_PX = 4


@dataclass(frozen=True)
class Variant:
    """A film to capture. told: settings of the capture that differ; what: in words, with what is to come out."""

    name: str
    path: Path
    film: Film | None
    what: str
    told: dict[str, Any] = field(default_factory=dict)


def pictures(path: Path, first: int = 0, last: int | None = None) -> Iterator[np.ndarray]:
    """Pictures first .. last - 1 of a film: uint8 [H, W, 3], blue green red."""
    with av.open(str(path)) as container:
        for number, frame in enumerate(container.decode(container.streams.video[0])):
            if last is not None and number >= last:
                return
            if number >= first:
                yield frame.to_ndarray(format="bgr24")


def write(path: Path, made: Iterable[np.ndarray], rate_hz: float) -> Path:
    """A film of pictures, of all but lossless H.264; one that is there already is taken as it is."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as temporary, av.open(str(temporary), "w", format="matroska") as container:
        stream: Any = None
        for picture in made:
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1001), options={"crf": "12", "preset": "ultrafast"})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")))
        container.mux(stream.encode(None))
    return path


def part(film: Film, first: int, last: int, name: str) -> Film:
    """The labels of frames first .. last - 1, counted from `first`, which is a labelled one."""
    masks = [replace(mask, frame=mask.frame - first) for mask in film.masks if first <= mask.frame < last]
    boxes = [replace(box, frame=box.frame - first) for box in film.boxes if first <= box.frame < last]
    return replace(film, clip=name, frames=last - first, labelled=[k - first for k in film.labelled if first <= k < last], boxes=boxes, masks=masks)


def moved(film: Film, offset: Offsets, size: tuple[int, int]) -> Film:
    """The labels seen through a window of `size` whose corner lies at offset(frame): down, right."""
    boxes = []
    for box in film.boxes:
        shift = np.array([*offset(box.frame), *offset(box.frame)])
        inside = np.clip(box.box - shift, 0.0, [*size, *size])
        whole, seen = np.prod(box.box[2:] - box.box[:2]), np.prod(inside[2:] - inside[:2])
        if seen > 0.1 * whole:
            boxes.append(replace(box, box=inside, cut=box.cut or bool(seen < 0.97 * whole)))
    return replace(film, size=size, boxes=boxes, masks=[])


def through_window(path: Path, film: Film, out: Path, name: str, first: int, last: int, offset: Offsets, size: tuple[int, int]) -> Variant:
    """A film as a camera with a smaller picture sees it whose corner lies at offset(frame) of the original."""
    def made() -> Iterator[np.ndarray]:
        for k, picture in enumerate(pictures(path, first, last)):
            down, right = offset(k)
            yield cv2.warpAffine(picture, np.array([[1, 0, -right], [0, 1, -down]], float), (size[1], size[0]), flags=cv2.INTER_CUBIC)

    labels = moved(part(film, first, last, name), offset, size)
    return Variant(name, write(out / f"{name}.mkv", made(), film.rate_hz), labels, "")


def even(length: float) -> int:
    """The next smaller even number, as video wants."""
    return int(length) // 2 * 2


def pan(path: Path, film: Film, out: Path, first: int, last: int, px_a_frame: float) -> Variant:
    """The camera turns: the picture moves to the left by so much a frame."""
    across = px_a_frame * (last - first)
    size = even(film.size[0]), even(film.size[1] - across - 2)
    made = through_window(path, film, out, f"{film.clip}-pan", first, last, lambda k: (0.0, px_a_frame * k), size)
    return replace(made, what=f"pan of {px_a_frame:g} px a frame: the same people, nobody else")


def shake(path: Path, film: Film, out: Path, first: int, last: int, most_px: float, seed: int = 0) -> Variant:
    """The camera trembles: each picture is off by up to so much, up or down and to a side."""
    off = np.random.default_rng(seed).uniform(-most_px, most_px, (last - first, 2)) + most_px
    size = even(film.size[0] - 2 * most_px), even(film.size[1] - 2 * most_px)
    made = through_window(path, film, out, f"{film.clip}-shake", first, last, lambda k: (float(off[k, 0]), float(off[k, 1])), size)
    return replace(made, what=f"shake of {most_px:g} px: the same people, nobody else")


def excerpt(path: Path, film: Film, out: Path, first: int, last: int, called: str = "excerpt") -> Variant:
    """A few frames of a film, alone."""
    name = f"{film.clip}-{called}"
    seconds = (last - first - 1) / film.rate_hz
    file = write(out / f"{name}.mkv", pictures(path, first, last), film.rate_hz)
    return Variant(name, file, part(film, first, last, name), f"{seconds:.2g} s alone: who walks in it is found", {"min_s": min(1.0, seconds)})


def faster(path: Path, film: Film, rate_hz: float) -> Variant:
    """The same pictures at another rate: 60 Hz looks like a fast walk."""
    name = f"{film.clip}-{rate_hz:g}hz"
    return Variant(name, path, replace(film, clip=name, rate_hz=rate_hz, masks=[]), f"played at {rate_hz:g} Hz: as before", {"hz": rate_hz})


def cuts(path: Path, film: Film, other: Path, out: Path, first: int, last: int, seconds: float) -> Variant:
    """A film that is cut to another scene and back every so many seconds; labels where it is the first."""
    name, length = f"{film.clip}-cuts", round(seconds * film.rate_hz)

    def strange_at(k: int) -> bool:  # labelled frames lie amid the pieces
        return (k + length // 2) // length % 2 == 1

    def made() -> Iterator[np.ndarray]:
        others = pictures(other)
        for k, picture in enumerate(pictures(path, first, last)):
            if not strange_at(k):
                yield picture[: even(film.size[0]), : even(film.size[1])]
            else:
                yield cv2.resize(next(others), (even(film.size[1]), even(film.size[0])), interpolation=cv2.INTER_AREA)

    labels = part(film, first, last, name)
    here = [k for k in labels.labelled if not strange_at(k)]
    labels = replace(labels, labelled=here, boxes=[box for box in labels.boxes if box.frame in here], masks=[])
    return Variant(name, write(out / f"{name}.mkv", made(), film.rate_hz), labels, f"a cut every {seconds:g} s: nobody goes on through it")


def beside(path: Path, film: Film, out: Path, first: int, last: int, person: str, gap_px: int) -> Variant:
    """A walker twice: a copy walks beside them, at so many pixels between the outlines. Labelled frames between must show them whole and alone."""
    name = f"{film.clip}-beside-{gap_px}"
    empty = np.median(np.stack(list(pictures(path))[::16]), axis=0).astype(np.float32)
    known = {box.frame: box.box for box in film.boxes if box.person == person}
    widest = max(known[k][3] - known[k][1] for k in range(first, last) if k in known)
    shift = int(np.ceil(widest)) + gap_px

    def box_at(frame: int) -> np.ndarray:
        steps = sorted(known)
        return np.array([np.interp(frame, steps, [known[k][side] for k in steps]) for side in range(4)])

    def made() -> Iterator[np.ndarray]:
        for k, picture in enumerate(pictures(path, first, last)):
            yield _doubled(picture, empty, box_at(first + k), shift)

    labels = part(film, first, last, name)
    copies = [Box(f"{person}2", box.frame, box.box + np.array([0, shift, 0, shift])) for box in labels.boxes if box.person == person]
    labels = replace(labels, boxes=[*labels.boxes, *copies], masks=[])
    file = write(out / f"{name}.mkv", made(), film.rate_hz)
    return Variant(name, file, labels, f"two beside each other, {gap_px} px between them: both")


def _doubled(picture: np.ndarray, empty: np.ndarray, box: np.ndarray, shift: int) -> np.ndarray:
    """A picture with the person of a box drawn once more, `shift` pixels to the right."""
    low = np.maximum(np.round(box[:2]).astype(int) - MARGIN_PX, 0)
    high = np.minimum(np.round(box[2:]).astype(int) + MARGIN_PX, [picture.shape[0], picture.shape[1] - shift])
    here = np.s_[low[0] : high[0], low[1] : high[1]]
    there = np.s_[low[0] : high[0], low[1] + shift : high[1] + shift]
    strange = (np.abs(picture[here] - empty[here]).max(2) > STRANGE).astype(np.uint8)
    strange = cv2.morphologyEx(strange, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0
    result = picture.copy()
    result[there][strange] = picture[here][strange]
    return result
