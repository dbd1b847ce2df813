"""Commands that capture from video: capture video."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gaitbridge.cli._app import PartOf, say, say_tables
from gaitbridge.cli._capture import capture
from gaitbridge.cli._parts import say_waiting
from gaitbridge.errors import UserError


@capture.command
def video(
    *files: Annotated[Path, Parameter(name="FILE")], hz: float | None = None, size: str = "64x44",
    people: Literal["auto", "movement", "learnt", "model"] = "auto", background: Literal["mog2", "knn"] = "mog2",
    model: Path | None = None, model_class: int | None = None, person: str = "", site: str = "", time: str = "", licence: str = "",
    min_height: float = 48.0, min_seconds: float = 1.0, gap_seconds: float = 1.5, fov_deg: float = 60.0, preview: Path | None = None,
    sheet: Path | None = None, stall_seconds: float = 120.0, memory_mb: float = 4000.0, append: bool = False,
    part: PartOf = None,
) -> None:  # fmt: skip
    """Take walking people from videos to a store: gaitbridge capture video FILE... STORE. Interrupted, it goes on with the file it was at.

    Parameters
    ----------
    files
        Videos (of a camera that stands still, unless people are found by a model), and last the folder of the store to make.
    hz
        Pictures a second, for films that do not say it (bare .h264 and the like) or say it wrongly.
    size
        Height x width of the silhouettes.
    people
        How people are found: movement (the camera stands still, people do not touch), learnt (the model that `gaitbridge models get people` fetches:
        any camera, people beside and before each other, with their poses), model (--model). auto is learnt where it was fetched.
    background
        The model of the empty scene for movement: mog2 or knn.
    model
        An ONNX model of yours that segments or detects people, instead; see docs/capture.md for what it takes and gives.
    model_class
        Its number of the class person, where it knows several.
    person
        Who walks, in recordings of one person; without it each track is a person of its own.
    site
        Name of the place or camera; by default the file's.
    time
        When the recording began, such as 2026-05-01T14:30:00+02:00.
    licence
        Under which the recording may be used; it stays with the sequences.
    min_height
        Pixels that a person must be high.
    min_seconds
        A sequence is at least so long.
    gap_seconds
        A person out of sight for so long is not taken for the same again.
    fov_deg
        How wide the lens sees, for the estimate of the view.
    preview
        Write what was found, drawn into the film: an .mp4, or an .html that holds everything.
    sheet
        Write a .png with the silhouettes, a row a sequence.
    stall_seconds
        Give a file up that does not go on for so long.
    memory_mb
        Memory that reading a file may take.
    append
        Add the files to a finished store that was captured with the same settings; what is in it already is not added again.
    part
        K/N: only part K of N of the files, for many machines; by default the task of a SLURM array. Whoever finishes last merges the store.
    """
    if find_spec("av") is None:
        raise UserError("videos are read by PyAV, which is not installed: pip install 'gaitbridge[video]' (its wheel carries FFmpeg with GPL parts)")
    from gaitbridge.capture.stores import Told
    from gaitbridge.capture.video.reports import count_lines
    from gaitbridge.capture.video.run import capture_videos
    from gaitbridge.capture.video.settings import Settings
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress
    from gaitbridge.report.inspect import quality_words
    from gaitbridge.report.tables import TextTable

    if len(files) < 2:
        raise UserError("give one or more videos and, last, the store to make: gaitbridge capture video FILE... STORE")
    for name, value, least in (("--hz", 10.0 if hz is None else hz, 0.1), ("--min-height", min_height, 16), ("--min-seconds", min_seconds, 0.2),
                               ("--gap-seconds", gap_seconds, 0), ("--stall-seconds", stall_seconds, 1), ("--memory-mb", memory_mb, 100)):
        if not least <= value < 1e9:
            raise UserError(f"{name} {value:g}: give {least:g} or more")
    if not 5 <= fov_deg <= 170:
        raise UserError(f"--fov-deg {fov_deg:g}: give 5 to 170")
    settings = Settings(size=_size(size), hz=hz, people=people, background=background, model=str(model or ""),
                        model_class=-1 if model_class is None else model_class, min_height_px=min_height, min_s=min_seconds,
                        gap_s=gap_seconds, fov_deg=fov_deg)
    own = chosen(part)
    with progress("capture", "frames read") as show:
        done = capture_videos(files[:-1], files[-1], settings, Told(person, site, time, licence), preview=preview, sheet=sheet,
                              stall_s=stall_seconds, megabytes=memory_mb, append=append, part=own, progress=show)
    if not done.document:
        say_waiting(files[-1], own)
        return
    rows = tuple((what, f"{count:,}") for what, count in count_lines(done.reports))
    say_tables(TextTable(f"captured to {files[-1]}", ("what", "count"), rows).to_rich())
    scores = [sequence["quality"]["score"] for report in done.reports for sequence in report.sequences if "quality" in sequence]
    say(f"quality of the walks: {quality_words(scores)}")
    say(f"{files[-1]}: content {done.document['content_hash']}")


def _size(text: str) -> tuple[int, int]:
    """Height and width of a text such as 64x44."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and 16 <= int(part) <= 512 for part in parts):
        raise UserError(f"--size {text!r}: write height x width in pixels, such as 64x44 or 64x64")
    return int(parts[0]), int(parts[1])
