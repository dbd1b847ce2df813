"""The command identify: a film with the names of those who walk in it."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from gaitbridge.cli._app import app, say
from gaitbridge.cli._quality import LeastQuality
from gaitbridge.errors import UserError
from gaitbridge.walks import FLOOR


@app.command
def identify(
    gallery: Annotated[str, Parameter(name="GALLERY")], film: Path, *, out: Path, reject: float = 0.01, json: bool = False,
    hide_nobody: Annotated[bool, Parameter(negative=())] = False, least_quality: LeastQuality = FLOOR, model: Path | None = None, site: str = "",
    people: Literal["auto", "movement", "learnt"] = "auto", hz: float | None = None, background: Literal["mog2", "knn"] = "mog2",
    min_height: float = 48.0, min_seconds: float = 1.0, gap_seconds: float = 1.5, stall_seconds: float = 120.0, memory_mb: float = 4000.0,
) -> None:  # fmt: skip
    """Write a film once more with boxes, silhouettes, and names or "nobody": it plays in a browser. No store is left behind.

    Parameters
    ----------
    gallery
        The gallery of those who may be named. It must be calibrated.
    film
        The film; see `gaitbridge capture video` for what it may be.
    out
        The .mp4 to write.
    reject
        How often somebody who is not enrolled may be given a name, whoever's (false-positive identification rate).
    json
        Write what was found also to a .json beside it.
    hide_nobody
        Make who was not named unrecognisable, as far as they were found.
    least_quality
        Walks of less quality are not judged; 0 judges all.
    model
        The run, if it was moved since the gallery was made.
    site
        Name of the place, held against what was calibrated on.
    people
        How people are found: movement, learnt (after `gaitbridge models get people`), or auto.
    hz
        Pictures a second, for films that do not say it or say it wrongly.
    background
        The model of the empty scene: mog2 or knn.
    min_height
        Pixels that a person must be high.
    min_seconds
        A walk is at least so long.
    gap_seconds
        A person out of sight for so long is not taken for the same again.
    stall_seconds
        Give the film up where reading does not go on for so long.
    memory_mb
        Memory that reading may take.
    """
    if find_spec("av") is None:
        raise UserError("films are read by PyAV, which is not installed: pip install 'gaitbridge[video]' (its wheel carries FFmpeg with GPL parts)")
    from gaitbridge.capture.video.run import segmenter
    from gaitbridge.capture.video.settings import Settings
    from gaitbridge.cli._gallery import run_of
    from gaitbridge.files import check_out, write_json
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.kinds import Kind
    from gaitbridge.names import canonical
    from gaitbridge.printing import tell
    from gaitbridge.progress import progress
    from gaitbridge.service.answering import Answerer
    from gaitbridge.service.identify import identify_film, lines_of

    for name, value, least in (("--hz", 10.0 if hz is None else hz, 0.1), ("--min-height", min_height, 16), ("--min-seconds", min_seconds, 0.2),
                               ("--gap-seconds", gap_seconds, 0), ("--stall-seconds", stall_seconds, 1), ("--memory-mb", memory_mb, 100)):
        if not least <= value < 1e9:
            raise UserError(f"{name} {value:g}: give {least:g} or more")
    if not 0 < reject < 1:
        raise UserError(f"--reject {reject:g}: give a rate between 0 and 1, such as 0.01")
    beside = out.with_suffix(".json")
    if json:
        check_out(f"--json: {beside}", beside)
    opened = Gallery(gallery)
    run = run_of(opened, model)
    size = getattr(run.network.config, "size", None) or (64, 44)
    settings = Settings(size=tuple(size), hz=hz, people=people, background=background, min_height_px=min_height, min_s=min_seconds,
                        gap_s=gap_seconds)
    kind = Kind(kind="captured", sites=(canonical(site),) if site else (), segmenters=(segmenter(settings),))
    done = identify_film(film, out, Answerer(opened, run, reject, kind, least_quality), settings, hide_nobody=hide_nobody, stall_s=stall_seconds,
                         megabytes=memory_mb, bars=progress)
    for warning in sorted({warning for walk in done.walks for warning in walk.get("warnings", ())}):
        tell(f"warning: {warning}")
    for line in lines_of(done.walks):
        say(line)
    if json:
        write_json({"film": canonical(film.name), "gallery": opened.place, "reject": reject, "walks": done.walks}, beside)
        say(f"{beside}: {len(done.walks)} walks")
    named = sum(walk["outcome"] == "named" for walk in done.walks)
    say(f"{out}: {done.pictures} pictures, {done.tracks} tracks, {len(done.walks)} with a walk, {named} named")
