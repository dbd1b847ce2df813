"""The command quickstart: people who pass are filmed and scanned, enrolled from the scans, and found in the film; with a page to look at."""

from __future__ import annotations

import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from gaitbridge.cli._app import Seed, app, say
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from gaitbridge.simulation.passing import Passing

NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn")
SEED = 2026
LIDAR, LIDAR_VIEW, LIDAR_M = "velodyne-vls128", 50.0, (6.5, 2.0)  # which; from where it sees who passes; how far away and how high
CAMERA_VIEW, CAMERA_M, SIZE, FOV_DEG = 65.0, (6.5, 1.9), (640, 360), 60.0
WAY_M, GAP_S, HZ, SECTOR_DEG = 6.0, 1.0, 10.0, 70.0
YARD_TAKE, GATE_TAKE = 0, 1  # the walks that the LiDAR and the camera see: two of one day, in the same clothes
REJECT = 0.05
MEASURED = ("over 18 seeds of this scene 53 of 72 people enrolled were given their name, 1 another's, 18 none, and 2 of 36 strangers a name, where "
            "5 % are stated; at a stated 1 %, 34 of 72 and none of 36. So it holds for films of simulated people like these; on your own site, "
            "calibrate on your own cameras")  # docs/models.md
Few = Annotated[int, Parameter(validator=Number(gte=1, lte=len(NAMES)))]


@app.command
def quickstart(out: Path = Path("quickstart"), *, enrolled: Few = 4, strangers: Annotated[int, Parameter(validator=Number(gte=0, lte=20))] = 2,
               seed: Seed = SEED) -> None:  # fmt: skip
    """Capture, enrol and search in under a minute, on a film and scans that the simulator makes: each command is printed, then run. Synthetic.

    Parameters
    ----------
    out
        Folder to make: recordings, stores, the gallery, and index.html to look at.
    enrolled
        How many people the LiDAR sees and the gallery knows.
    strangers
        How many more the camera sees, whom nobody knows.
    seed
        Of the people.
    """
    if find_spec("av") is None:
        raise UserError("films are read by PyAV, which is not installed: pip install 'gaitbridge[video]' (its wheel carries FFmpeg with GPL parts)")
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is there already: choose another folder")
    from gaitbridge.cli.capture import video
    from gaitbridge.cli.capture_lidar import lidar
    from gaitbridge.cli.gallery import create, enrol, search
    from gaitbridge.report.quickstart_page import write_page
    from gaitbridge.store import Store

    began = time.monotonic()
    yard, gate, scans, film = out / "yard", out / "gate", out / "yard.npz", out / "gate.mp4"
    known = str(out / "known")
    people = _recorded(scans, film, seed, enrolled, strangers)
    _told(f"capture lidar {scans} {yard} --site yard")
    lidar(scans, yard, site="yard")
    _told(f"gallery create {known}")
    create(known)
    tracks = _tracks(Store(yard), people[:enrolled])
    for name, track in zip(NAMES, tracks, strict=False):
        if track:
            _told(f"gallery enrol {known} {yard} --person {name} --where person={track}")
            enrol(known, yard, person=name, where=[f"person={track}"])
    _told(f"capture video {film} {gate} --site gate --people movement")
    video(film, gate, site="gate", people="movement")
    _told(f"gallery search {known} {gate} --reject {REJECT:g} --top 2")
    search(known, gate, reject=REJECT, top=2)
    answers = _filmed(film, Store(gate), _answers(known, Store(gate), people, enrolled))
    page = write_page(out / "index.html", film, Store(gate), Store(yard), answers, dict(zip(NAMES, tracks, strict=False)), REJECT, MEASURED)
    right = sum(one["decision"] == one["truth"] for one in answers)
    say()
    took = time.monotonic() - began
    say(f"{page}: look at it. {right} of {len(answers)} answers are right (the simulator knows); all is synthetic; {took:.0f} s in all")
    say(f"how it goes as a rule: {MEASURED}")
    say(f"next: gaitbridge identify {known} {film} --out {out / 'named.mp4'} --people movement --reject {REJECT:g}; then your own film in its place")


def _told(command: str) -> None:
    say()
    say(f"$ gaitbridge {command}")


def _recorded(scans: Path, film: Path, seed: int, enrolled: int, strangers: int) -> list[Passing]:
    """Make the LiDAR's recording of those who are to be enrolled, and the film of all; who passes in the film, in order."""
    import numpy as np

    from gaitbridge.files import written_whole
    from gaitbridge.geometry import transforms
    from gaitbridge.geometry.camera import Camera
    from gaitbridge.progress import progress
    from gaitbridge.report.filming import pictures, write_film
    from gaitbridge.simulation import passing
    from gaitbridge.simulation.scene import LOOK_AT_M
    from gaitbridge.simulation.sensors.spinning_lidar import open_lidar
    from gaitbridge.simulation.settings import CohortConfig

    everybody = range(enrolled + strangers)
    config = CohortConfig(seed=seed, people={"test": len(everybody)}, takes=(("normal",), ("normal",)))
    say(f"{enrolled} simulated people pass a LiDAR, then they and {strangers} strangers pass a camera: {scans}, {film}")
    model = open_lidar(LIDAR)
    with progress("scan", "scans") as show:
        yard = passing.one_by_one(config, range(enrolled), YARD_TAKE, WAY_M, GAP_S)
        total, made = int((yard[-1].ends_s + 1) * model.rate_hz), []
        for scan in passing.scans(yard, model, passing.lidar_pose(LIDAR_VIEW, *LIDAR_M, model), SECTOR_DEG, seed):
            made.append(scan)
            show(len(made), total, "")
    about: dict[str, Any] = {"time_s": np.array([at for at, _ in made]), "elevations_deg": np.array(model.elevations_deg),
                             "azimuth_step_deg": np.array(model.azimuth_step_deg)}  # fmt: skip
    with written_whole(scans) as temporary, temporary.open("wb") as file:
        arrays = about | {f"scan_{number:05d}": points for number, (_, points) in enumerate(made)}
        np.savez(file, **arrays)
    gate = passing.one_by_one(config, everybody, GATE_TAKE, WAY_M, GAP_S)
    pose = transforms.look_at(passing.place_of(CAMERA_VIEW, *CAMERA_M), np.array([0.0, 0.0, LOOK_AT_M]))
    with progress("film", "pictures") as show:
        write_film(pictures(gate, Camera.from_fov(FOV_DEG, *SIZE), pose, HZ, seed), int((gate[-1].ends_s + 1) * HZ), film, HZ, show)
    return gate


def _tracks(store: Any, people: list[Passing]) -> list[str]:
    """The tracks of a store in the order of their time: one each of those who passed, who came one after the other."""
    files = [walk for file in store.document["about"]["files"] for walk in file.get("walks") or file.get("sequences") or ()]
    begins: dict[str, float] = {}
    for walk in files:
        person = str(walk["key"]).partition("/")[0]
        begins[person] = min(begins.get(person, float("inf")), float(walk["start_s"]))
    found = sorted(begins, key=lambda person: begins[person])
    return (found + [""] * len(people))[: len(people)]


def _answers(known: str, store: Any, people: list[Passing], enrolled: int) -> list[dict[str, Any]]:
    """What the gallery says of each track, as `gallery search --reject` does, beside who it is."""
    from gaitbridge.gallery.gallery import Gallery
    from gaitbridge.gallery.kinds import kind_of
    from gaitbridge.inference.loading import run_of
    from gaitbridge.inference.stored import stored_walks

    opened = Gallery(known)
    run = run_of(opened)
    starts = {walk["key"]: float(walk["start_s"]) for file in store.document["about"]["files"] for walk in file["sequences"]}
    made: dict[str, list[int]] = {}
    for number, row in enumerate(store.rows):
        made.setdefault(row["person"], []).append(number)
    answers = []
    for track, numbers in made.items():
        embedded, _ = stored_walks(run, store, "camera", numbers, least_quality=0)
        (found,) = opened.identify([embedded], REJECT, top=2, kind=kind_of(store.document["about"]))
        middle = starts[store.rows[numbers[0]]["key"]] + 0.5
        place = next((at for at, one in enumerate(people) if one.begins_s - GAP_S < middle <= one.ends_s), len(people))
        truth = NAMES[place] if place < enrolled else None
        answers.append({"track": track, "numbers": numbers, "decision": found.decision, "truth": truth, "start_s": middle, "rate": found.rate,
                        "nearest": [(hit.person, hit.distance) for hit in found.hits], "provenance": found.provenance,
                        "warnings": list(found.warnings)})  # fmt: skip
    return sorted(answers, key=lambda one: one["start_s"])


def _filmed(film: Path, store: Any, answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers, each with the part of the film's picture uint8 [H, W, 3] that shows the walker in the middle of the walk."""
    import numpy as np

    from gaitbridge.capture.video.decode import Video

    wanted = []
    for one in answers:
        held = store.read(one["numbers"][0], ["silhouettes_time_s", "silhouettes_box"]).arrays
        middle = len(held["silhouettes_time_s"]) // 2
        wanted.append((one["start_s"] - 0.5 + float(held["silhouettes_time_s"][middle]), held["silhouettes_box"][middle]))
    first, found = None, [np.empty((0, 0, 3), np.uint8)] * len(answers)
    for picture in Video(film, None).pictures():
        first = picture.time_s if first is None else first
        for place, (time_s, box) in enumerate(wanted):
            if abs(picture.time_s - first - time_s) <= 0.5 / HZ:
                high, wide = picture.pixels.shape[:2]
                tall, middle = box[2] - box[0], (box[1] + box[3]) / 2
                rows = slice(max(0, int(box[0] - 0.3 * tall)), min(high, int(box[2] + 0.25 * tall)))
                columns = slice(max(0, int(middle - 0.9 * tall)), min(wide, int(middle + 0.9 * tall)))
                found[place] = np.ascontiguousarray(picture.pixels[rows, columns, ::-1])
    return [one | {"picture": picture if picture.size else None} for one, picture in zip(answers, found, strict=True)]
