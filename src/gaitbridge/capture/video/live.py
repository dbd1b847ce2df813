"""One source to walks as they end, in one pass. Made to run in a process of its own (`capture.isolated.Running`).

It emits {"kind": "open", ...} with the first picture, {"kind": "note", "words"} where something is to be said, {"kind": "walk", ...} for each track
that ends with frames good enough, and {"kind": "end", "why", "counts"} last of all: what a source that was lost had shown is there. Held at any
time: the pictures that wait for late ones (`capture.clock`), the silhouettes of the tracks that have not ended, none longer than `longest_s`, and
eight cut-outs of pictures for each of them.
"""

import os
import select
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import av
import av.error
import av.format
import av.logging
import numpy as np

from gaitbridge.capture.isolated import emit, report, stopping
from gaitbridge.capture.video.ahead import ahead
from gaitbridge.capture.video.decode import Picture, Video, film_in
from gaitbridge.capture.video.finders import finder
from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.sources import Source
from gaitbridge.capture.video.track_reader import TrackReader
from gaitbridge.errors import UserError, words_of

LIVE_FRAMES = 2**62
MOST_LACKING = 250  # pictures in a row without a time
DAMAGED_IN_A_ROW = 2000  # packets, after which nothing more is hoped for
BEHIND_S = 3.0  # where pictures wait for so long, some are left out, until the work is where the camera is
LEAK = 0.002  # seconds a second by which the camera's clock may run away from ours
MOVED_OF = 200  # pictures after which it is said that the camera moves
MOST_SHOTS = 8  # cut-outs of a person that are held
MARGIN = 0.12  # of the height, around a person's cut-out
PROTOCOLS = "rtsp,rtsps,rtp,srtp,udp,tcp,tls,http,https,crypto,hls"


def watch_source(kind: str, place: str, name: str, told: dict[str, Any], longest_s: float, stall_s: float, number: int = 0) -> None:
    """Walks of one source, emitted. told: the fields of `Settings`; number: of the open file, where it is standard input."""
    import scipy.optimize  # noqa: F401  of the tracker, now: later it would make the first pictures wait

    source = Source(kind, place, name)  # type: ignore[arg-type]
    settings = Settings(**told)
    find = finder(settings)
    video: Video = Video(place, settings.hz) if kind == "film" else LiveVideo(name, settings.hz, source=source, stall_s=stall_s, number=number)
    if kind == "film" and find.learns:  # it can be read twice
        find.learn(_reported(video.pictures()))
        video.notes.clear()
    walks = Walks(TrackReader(find, settings, longest_s), video, source.live)
    try:
        for picture in video.pictures() if kind == "input" else ahead(video.pictures()):  # standard input reports from this thread
            walks.take(picture)
            if stopping():
                break
        why = video.torn or "it ended"
    except (UserError, av.error.FFmpegError, OSError) as error:
        if kind == "film" and not walks.opened:
            raise
        why = str(error) if isinstance(error, UserError) else words_of(error)
    walks.finish()
    counts = walks.counts + Counter({words: int(count) for words, count in (video.notes + find.notes).items()})
    emit({"kind": "end", "why": why, "counts": dict(counts)})


def _reported(pictures: Iterator[Picture]) -> Iterator[Picture]:
    """The pictures; each says that the work goes on. They end where somebody asks to stop."""
    for picture in pictures:
        report(picture.number + 1, picture.number + 1, "learning the empty scene")
        if stopping():
            return
        yield picture


class Walks:
    """Takes the pictures of a source and emits its walks. counts: what became of pictures and of tracks without a good frame."""

    def __init__(self, reader: TrackReader, video: Video, live: bool) -> None:
        self.reader, self.video, self.live = reader, video, live
        self.opened = False
        self.counts: Counter[str] = Counter()
        self._shots: dict[int, Shots] = {}  # of each track
        self._first_s = 0.0
        self._told = False
        self._late = Lateness()

    def take(self, picture: Picture) -> None:
        """One picture."""
        if not self.opened:
            self.opened, self._first_s = True, picture.time_s
            emit({"kind": "open", "height": self.video.size[0], "width": self.video.size[1], "codec": self.video.codec})
        self.counts["pictures"] += 1
        report(picture.number + 1, picture.number + 1)
        if self.live and self._late.of(picture.time_s, picture.part, time.time()) > BEHIND_S and picture.number % 8:
            self.counts["pictures left out, as the work was behind the camera"] += 1
            return
        ended = self.reader.take(picture, self.video.size)
        if self.reader.frames >= MOVED_OF and self.reader.moved > 0.5 * self.reader.frames and not self.reader.finder.moves and not self._told:
            self._told = True
            emit({"kind": "note", "words": "the camera moves: people are found by movement before a camera that stands still; see --people learnt"})
        self._look(picture)
        self._emit(ended)

    def finish(self) -> None:
        """No picture follows."""
        self._emit(self.reader.finish())

    def _look(self, picture: Picture) -> None:
        """Keep what some of the people look like in this picture."""
        for number, followed in self.reader.follower.found.items():
            if not followed.seen or (seen := followed.seen[-1]).frame != picture.number:
                continue
            self._shots.setdefault(number, Shots()).look(picture, seen.box)

    def _emit(self, ended: list[dict[str, Any]]) -> None:
        for track in ended:
            shot = self._shots.pop(track["number"], Shots()).best(track)
            if not track["runs"]:
                self.counts["tracks without a walk"] += 1
                (reason, _), *_ = Counter(track["reason"].tolist()).most_common(1)
                self.counts[f"of them {(FRAME_GATES | SEQUENCE_GATES)[reason]}"] += 1
                continue
            self.counts["walks"] += 1
            times = track["time_s"]
            first, last = float(times[track["runs"][0][0]]), float(times[track["runs"][-1][-1]])
            # Of a camera by our own clock; of a film from its first picture.
            shift = self._late.offset_s if self.live else -self._first_s
            emit({"kind": "walk", "start_s": first + shift, "end_s": last + shift, "shot": shot, "size": list(self.video.size), "track": track})


class Shots:
    """Cut-outs of one person from pictures spread over their track, few however long it is."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, np.ndarray]] = []
        self._every, self._seen = 2, 0

    def look(self, picture: Picture, box: np.ndarray) -> None:
        """One picture in which they are at `box`."""
        if self._seen % self._every == 0:
            self.kept.append((picture.number, cut_out(picture.pixels, box)))
            if len(self.kept) >= MOST_SHOTS:
                self.kept, self._every = self.kept[::2], 2 * self._every
        self._seen += 1

    def best(self, track: dict[str, Any]) -> np.ndarray:
        """The largest from a frame that was good enough to ask by; else any; uint8 [0, 0, 3] of none."""
        good = set(np.concatenate([track["frame"][run] for run in track["runs"]]).tolist()) if track["runs"] else set[int]()
        chosen = [shot for number, shot in self.kept if number in good] or [shot for _, shot in self.kept]
        return max(chosen, key=len, default=np.zeros((0, 0, 3), np.uint8))


class Lateness:
    """How long pictures wait before they are worked on: by the least delay seen so far between a camera's clock and ours."""

    def __init__(self) -> None:
        self.offset_s = 0.0  # from the camera's clock to ours
        self._part = -1
        self._last_s = 0.0

    def of(self, time_s: float, part: int, now_s: float) -> float:
        """Seconds since a picture of this time could have been here, by the least delay of its part."""
        if part != self._part:
            self.offset_s, self._part = now_s - time_s, part
        else:
            self.offset_s = min(self.offset_s + LEAK * max(0.0, now_s - self._last_s), now_s - time_s)
        self._last_s = now_s
        return now_s - time_s - self.offset_s


def cut_out(pixels: np.ndarray, box: np.ndarray) -> np.ndarray:
    """A copy of the picture around a box (top, left, bottom, right): uint8 [h, w, 3]."""
    margin = MARGIN * float(box[2] - box[0])
    top, left = np.maximum(np.floor(box[:2] - margin), 0).astype(int)
    bottom, right = np.ceil(box[2:] + margin).astype(int)
    return pixels[top:bottom, left:right].copy()


@dataclass
class LiveVideo(Video):
    """A video that comes from elsewhere: a stream, a camera, or standard input. It is read once, and has no end that is known."""

    source: Source | None = None
    stall_s: float = 10.0
    number: int = 0
    most_frames: int = LIVE_FRAMES

    def _opened(self) -> AbstractContextManager[Any]:
        return self._open()

    @contextmanager
    def _open(self) -> Iterator[Any]:
        av.logging.set_level(av.logging.PANIC)
        assert self.source is not None
        kind, name = self.source.kind, self.source.name
        try:
            if kind == "input":
                container = av.open(Waiting(self.number), mode="r", options={"protocol_whitelist": "none"})
            elif kind == "camera":
                container = av.open(self.source.place, mode="r", format="v4l2", timeout=self.stall_s)
            else:
                options = {"protocol_whitelist": PROTOCOLS, "rtsp_flags": "prefer_tcp"}
                container = av.open(self.source.place, mode="r", options=options, timeout=self.stall_s)
                if _has_no_times(container):  # such as motion JPEG: then the times are of the arrival, from the first bytes on
                    container.close()
                    options["use_wallclock_as_timestamps"] = "1"
                    container = av.open(self.source.place, mode="r", options=options, timeout=self.stall_s)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            words = str(getattr(error, "strerror", "") or error).lower()
            raise UserError(f"{name} cannot be opened ({_words(words)})") from error
        with container:
            yield film_in(container, name)

    def _frames(self, stream: Any) -> Iterator[Any]:
        """Decoded frames, until the source ends; damaged packets are counted, and only very many in a row end it."""
        in_a_row = 0
        packets = stream.container.demux(stream)
        while in_a_row < DAMAGED_IN_A_ROW:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                self.torn = _words(str(getattr(error, "strerror", "") or error).lower())
                return
            if packet is None:
                return
            try:
                for frame in packet.decode():
                    in_a_row = 0
                    yield frame
            except (av.error.FFmpegError, ValueError):
                self.notes["damaged packets"] += 1
                in_a_row += 1
        self.torn = f"{DAMAGED_IN_A_ROW} damaged packets in a row"

    def _timed(self, stream: Any) -> Iterator[tuple[float, Any]]:
        """Frames and their times; of a live stream that has none, when each came."""
        assert self.source is not None
        by_arrival = self.source.live and self.hz is None and _has_no_times(stream.container)
        lacking = 0
        for number, frame in enumerate(self._frames(stream)):
            if by_arrival and frame.pts is not None:
                yield float(frame.pts * frame.time_base), frame
            elif self.hz is None and self.source.live and frame.pts is None:  # the first ones, until the sender has told its clock
                lacking += 1
                if lacking > MOST_LACKING:
                    self.torn = "its pictures have no times: say --hz, how many a second it has"
                    return
            else:
                lacking = 0
                yield self._time(frame, stream, number), frame


def _has_no_times(container: Any) -> bool:
    """Whether a container's format has no times, so that FFmpeg makes some up."""
    return bool(container.format.flags & av.format.Flags.no_timestamps.value)


def _words(words: str) -> str:
    """FFmpeg's words for a read that was given up, in ours."""
    return "nothing came for too long" if "immediate exit" in words or "timed out" in words else words


class Waiting:
    """An open file that others fill, such as a pipe: says that the work goes on while nothing comes, and ends where somebody asks to stop."""

    def __init__(self, number: int) -> None:
        self.number = number

    def read(self, count: int) -> bytes:
        """Up to so many bytes; none at the end."""
        while not stopping():
            if select.select([self.number], [], [], 0.25)[0]:
                return os.read(self.number, count)
            report(0, 0)
        return b""
