"""A film, and who walks in it: the film with names or "nobody", without a store left behind. What it says is what capture and the gallery say."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gaitbridge.capture.isolated import run_isolated
from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES
from gaitbridge.capture.video.run import READER
from gaitbridge.capture.video.settings import Settings
from gaitbridge.errors import UserError
from gaitbridge.files import check_out, written_whole
from gaitbridge.names import canonical
from gaitbridge.printing import per_cent
from gaitbridge.progress import Progress, silent
from gaitbridge.service.answering import Answerer
from gaitbridge.service.at_once import once

PAINTER = "gaitbridge.capture.video.named:write_named"  # not imported here: heavy
Bars = Callable[[str, str], AbstractContextManager[Progress]]  # title and unit to a bar


@dataclass(frozen=True)
class Identified:
    """What was found in a film: a document a track with a good walk, in order of time; of how many tracks; how many pictures were written."""

    walks: list[dict[str, Any]]
    tracks: int
    pictures: int


def identify_film(
    film: Path, out: Path, answerer: Answerer, settings: Settings, *, hide_nobody: bool = False, stall_s: float = 120.0, megabytes: float = 4000.0,
    bars: Bars = lambda title, unit: nullcontext(silent),
) -> Identified:  # fmt: skip
    """Write `out`, an .mp4 of the film with boxes, silhouettes, names or "nobody", and rates.

    hide_nobody: who was not named is made unrecognisable. bars: makes a progress bar of a title and a unit. UserError where the film cannot be read
    or `out` not be written; then nothing is left.
    """
    if not film.is_file():
        raise UserError(f"{film} is {'a folder' if film.is_dir() else 'missing'}: give a film")
    if out.suffix.lower() != ".mp4":
        raise UserError(f"--out {out}: end its name in .mp4")
    check_out(f"--out {out}", out, [film])
    with bars("read", "frames") as show:
        found = run_isolated(READER, film, asdict(settings), seconds=stall_s, megabytes=megabytes, progress=show)
    tracks = found["tracks"]
    said: dict[int, dict[str, Any]] = {}
    with bars("identify", "tracks") as show:
        for number, track in enumerate(tracks):
            said[number] = _said(answerer, film, track, found["first_s"])
            show(number + 1, len(tracks), "")
    said = dict(enumerate(once(list(said.values()))))
    names = sorted({one["decision"] for one in said.values() if one["decision"] is not None})
    drawn = [{name: track[name] for name in ("frame", "box", "window", "silhouette", "reason")}
             | {"words": words_of(said[number]), "person": names.index(said[number]["decision"]) if said[number]["decision"] is not None else -1}
             for number, track in enumerate(tracks)]
    with bars("draw", "pictures") as show, written_whole(out) as temporary:
        pictures = run_isolated(PAINTER, film, drawn, temporary, found["rate_hz"], settings.hz, hide_nobody, seconds=stall_s, megabytes=megabytes,
                                progress=show)
    walks = [one for one in said.values() if one["runs"]]
    return Identified(sorted(walks, key=lambda one: (one["start_s"], one["track"])), len(tracks), int(pictures))


def _said(answerer: Answerer, film: Path, track: dict[str, Any], first_s: float) -> dict[str, Any]:
    """What is said of one track: as `watch` says it of a walk, or why there is none."""
    name = canonical(film.name)
    if not track["runs"]:
        reasons = Counter(reason for reason in track["reason"].tolist() if reason)
        why = {**FRAME_GATES, **SEQUENCE_GATES}.get(reasons.most_common(1)[0][0], "") if reasons else ""
        return {"outcome": "unfit", "decision": None, "problem": why, "runs": 0, "track": track["number"]}
    start, end = (float(track["time_s"][track["runs"][run][place]]) - first_s for run, place in ((0, 0), (-1, -1)))
    return answerer.answer({"track": track, "source": name, "film": name, "live": False, "start_s": start, "end_s": end})


def words_of(said: dict[str, Any]) -> list[str]:
    """What stands above somebody: who they are, or nobody, and how often a stranger comes as near."""
    if said["outcome"] == "unfit":
        return []
    bound = "at most " if said["rate_is_bound"] or said["extrapolated"] else ""
    return [said["decision"] or "nobody", f"{bound}{per_cent(said['rate'])} of strangers as near"]


def lines_of(walks: Sequence[dict[str, Any]]) -> list[str]:
    """A line a walk, for people."""
    lines = []
    for one in walks:
        when = f"{one['start_s']:7.1f} to {one['end_s']:.1f} s"
        score = one["quality"]["score"]
        quality = "" if score is None else f", quality {score:.2f}"
        if one["outcome"] == "unfit":
            lines.append(f"{when}  not judged: {one['problem']}")
        else:
            who, rate = words_of(one)
            lines.append(f"{when}  {who}; {rate} to one of {one['people']} enrolled{quality}")
    return lines
