"""The command watch: sources that go on, and their walks answered as they end."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gaitbridge.cli._app import app
from gaitbridge.errors import UserError


@app.command
def watch(
    *sources: Annotated[str, Parameter(name="SOURCE", allow_leading_hyphen=True)], gallery: str, reject: float = 0.01,
    least_quality: float = 0.2, webhook: str = "", out: Path = Path("watched"),
    once: bool = False, site: str = "", model: Path | None = None, hz: float | None = None,
    people: Literal["auto", "movement", "learnt", "model"] = "auto", background: Literal["mog2", "knn"] = "mog2", segmenter: Path | None = None,
    segmenter_class: int | None = None,
    min_height: float = 48.0, min_seconds: float = 1.0, gap_seconds: float = 1.5, longest_seconds: float = 30.0, fov_deg: float = 60.0,
    settle_seconds: float = 3.0, stall_seconds: float = 10.0, memory_mb: float = 2000.0,
) -> None:  # fmt: skip
    """Watch streams, cameras and folders, and say of each walk who it was, or nobody: a line of JSON each, when the walk has ended.

    Killed and started again with the same --out, it answers what had finished, and nothing twice. Ctrl-C finishes what has begun.

    Parameters
    ----------
    sources
        rtsp:// or http:// streams, cameras of this machine (/dev/video0), folders that fill up with films, films, or - for standard input.
    gallery
        The gallery of those who may be named.
    reject
        How often somebody who is not enrolled may be given a name, whoever's (false-positive identification rate, for as many people as are
        enrolled). Refused where nothing calibrated can state it.
    least_quality
        Walks of less quality are answered as unfit, without asking.
    webhook
        An address to post each answer to; signed where GAITBRIDGE_WEBHOOK_SECRET is set.
    out
        The folder of the journal: walks.jsonl, pictures, and what waits.
    once
        Read each source to its end and stop; by default streams are opened again and folders looked into for ever.
    site
        Name of the place, held against what was calibrated on.
    model
        The run, if it was moved since the gallery was made.
    hz
        Pictures a second, for sources that do not say it or say it wrongly.
    people
        How people are found: movement (the camera stands still, people do not touch), learnt (the model that `gaitbridge models get people` fetches),
        model (--segmenter). auto is learnt where it was fetched.
    background
        The model of the empty scene for movement: mog2 or knn.
    segmenter
        An ONNX model of yours that segments or detects people, as of `capture video --model`.
    segmenter_class
        Its number of the class person, where it knows several.
    min_height
        Pixels that a person must be high.
    min_seconds
        A walk is at least so long.
    gap_seconds
        A person out of sight for so long has gone: the walk is answered.
    longest_seconds
        A person in sight for longer is answered in pieces of this length.
    fov_deg
        How wide the lens sees, for the estimate of the view.
    settle_seconds
        A film of a folder is whole when it has not changed for so long.
    stall_seconds
        A stream from which nothing comes for so long is opened again.
    memory_mb
        Memory that reading a source may take.
    """
    if find_spec("av") is None:
        raise UserError("films and streams are read by PyAV, which is not installed: pip install 'gaitbridge[video]' (its wheel carries FFmpeg with "
                        "GPL parts)")
    from dataclasses import replace

    from gaitbridge.capture.video.run import segmenter as named
    from gaitbridge.capture.video.settings import Settings
    from gaitbridge.capture.video.sources import source_of
    from gaitbridge.cli._gallery import run_of
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.kinds import Kind
    from gaitbridge.names import canonical
    from gaitbridge.printing import say_json, tell
    from gaitbridge.service.answering import Answerer
    from gaitbridge.service.watch import check
    from gaitbridge.service.watch import watch as go
    from gaitbridge.service.watching import Options

    for name, value, least in (("--hz", 10.0 if hz is None else hz, 0.1), ("--min-height", min_height, 16), ("--min-seconds", min_seconds, 0.2),
                               ("--gap-seconds", gap_seconds, 0.2), ("--longest-seconds", longest_seconds, 2),
                               ("--settle-seconds", settle_seconds, 0.1), ("--stall-seconds", stall_seconds, 1), ("--memory-mb", memory_mb, 100)):
        if not least <= value < 1e9:
            raise UserError(f"{name} {value:g}: give {least:g} or more")
    if not 5 <= fov_deg <= 170:
        raise UserError(f"--fov-deg {fov_deg:g}: give 5 to 170")
    if not 0 < reject < 1:
        raise UserError(f"--reject {reject:g}: give a rate between 0 and 1, such as 0.01")
    watched = [source_of(word) for word in sources]
    check(watched)
    opened = Gallery(gallery)
    run = run_of(opened, model)
    size = getattr(run.network.config, "size", None) or (64, 44)
    settings = Settings(size=tuple(size), hz=hz, people=people, background=background, model=str(segmenter or ""),
                        model_class=-1 if segmenter_class is None else segmenter_class, min_height_px=min_height, min_s=min_seconds,
                        gap_s=gap_seconds, fov_deg=fov_deg)
    if segmenter is not None and not segmenter.is_file():
        raise UserError(f"{segmenter} is missing: check --segmenter")
    settings = replace(settings, people=settings.found_by)
    kind = Kind(kind="captured", sites=(canonical(site),) if site else (), segmenters=(named(settings),))
    answerer = Answerer(opened, run, reject, kind, least_quality)
    options = Options(settings, longest_seconds, stall_seconds, settle_seconds, memory_mb, once)
    tell(f"watching {', '.join(source.name for source in watched)}; answers also in {out}/walks.jsonl")
    go(watched, answerer, out, options, say_json, webhook)
