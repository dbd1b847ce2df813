"""What became of each file, and the counts of all."""

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from typing import Any

from gaitbridge.capture.video.gates import FRAME_GATES, SEQUENCE_GATES
from gaitbridge.walks import FLOOR


@dataclass
class FileReport:
    """What became of one file. out: frames that each gate kept out; sequences: key, track, start_s in the file, frames, time.

    recording: its hash (`stores.recording_hash`); named: its people are known by name, and are not tracks; site, time: as the
    user said.
    """

    name: str
    file: str
    frames: int = 0
    rate_hz: float = 0.0
    tracks: int = 0
    people_frames: int = 0
    kept_frames: int = 0
    out: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    sequences: list[dict[str, Any]] = field(default_factory=list)
    recording: str = ""
    named: bool = False
    site: str = ""
    time: str = ""

    @classmethod
    def read(cls, held: Mapping[str, Any]) -> "FileReport":
        """A report as it was written; TypeError or KeyError where it is none."""
        return cls(**{**held, "out": Counter(held["out"]), "notes": Counter(held["notes"])})


def count_lines(reports: Rows[FileReport]) -> list[tuple[str, int]]:
    """The summary of files: what, how many. Every frame of a person is either kept or counted at the gate that kept it out."""
    out = sum((report.out for report in reports), Counter[str]())
    notes = sum((report.notes for report in reports), Counter[str]())
    lines = [("files", len(reports)), ("frames", sum(report.frames for report in reports)), ("tracks", sum(report.tracks for report in reports)),
             ("frames with a person, by track", sum(report.people_frames for report in reports)),
             ("... kept", sum(report.kept_frames for report in reports))]
    lines += [(f"... out: {words}", out[name]) for name, words in {**FRAME_GATES, **SEQUENCE_GATES}.items()]
    scores = [sequence.get("quality", {}).get("score") for report in reports for sequence in report.sequences]
    lines += [("sequences", len(scores)), (f"... below a quality of {FLOOR:g}", sum(score is not None and score < FLOOR for score in scores))]
    return lines + sorted(notes.items())


def nobody(reports: Rows[FileReport]) -> str:
    """Why there is nothing to store, in a line."""
    files = reports[0].file if len(reports) == 1 else f"{len(reports)} files"
    out = sum((report.out for report in reports), Counter[str]()).most_common(3)
    if not out:
        return (f"{files}: no people found: by movement, the camera must stand still and people move, at least --min-height pixels high; for other "
                "recordings gaitbridge models get people, or give a model of your own (--model)")
    words = {**FRAME_GATES, **SEQUENCE_GATES}
    return f"{files}: no walk is good enough: of {sum(report.people_frames for report in reports)} frames with a person, " + ", ".join(
        f"{count} are {words[name]}" for name, count in out) + "; see --preview"
