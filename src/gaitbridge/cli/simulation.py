"""Commands that make walkers: simulate, inspect, fit-motion, learn-markers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from gaitbridge import machine
from gaitbridge.cli._app import Many, PartOf, Seed, Settings, Workers, app, say, say_tables
from gaitbridge.cli._parts import say_waiting

if TYPE_CHECKING:
    from gaitbridge.store import Store

FEW_PEOPLE = 4  # are rendered in the time in which worker processes start


@app.command
def simulate(store: Path, *, train: int | None = None, val: int | None = None, test: int | None = None, seed: int | None = None,
             motion: str | None = None, shape: str | None = None, lidar: str | None = None, frames: int | None = None,
             conditions: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
             views: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
             workers: Workers | None = None, overrides: Settings = None, part: PartOf = None) -> None:
    """Simulate people walking before cameras and LiDARs. Interrupted, it goes on where it was.

    Parameters
    ----------
    store
        Folder of the store to make.
    train, val, test
        How many people to train on, to validate on, to test on; all different people.
    seed
        Same seed, same bytes.
    motion
        Where walks come from: measured (the default), parametric, parametric:FILE.json (of fit-motion), or captures, one person a subject:
        bvh:DIR, or amc:DIR of ASF and AMC files.
    shape
        person: each their own body; shared: one body for all, so that identity is motion alone.
    lidar
        velodyne-vls128, ouster-os1-128 or velodyne-vlp16.
    frames
        Frames of a sequence, at 10 Hz.
    conditions
        A take each, such as normal normal bag; several for one take with a comma: bag,clothing draws one of them for each person.
    views
        View angles in degrees with three digits, such as 000 045 090-far.
    workers
        Processes; by default as many as there are cores, and none beside this one for a few people.
    overrides
        Any other setting of the cohort, such as --set segmentation_error=0; may be given several times.
    part
        K/N: only part K of N of the people, for many machines; by default the task of a SLURM array. Whoever finishes last merges the store.
    """
    from gaitbridge import config
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress
    from gaitbridge.simulation.cohort import CohortConfig, simulate_part
    from gaitbridge.simulation.cohort import simulate as run_simulation

    document = CohortConfig().model_dump(mode="json")
    given: dict[str, Any] = {"seed": seed, "motion": motion, "shape": shape, "lidar": lidar, "frames": frames, "views": views}
    given["takes"] = [choice.split(",") for choice in conditions] if conditions else None
    document |= {name: value for name, value in given.items() if value is not None}
    document["people"] |= {name: count for name, count in (("train", train), ("val", val), ("test", test)) if count is not None}
    settings = config.checked(CohortConfig, config.overridden(document, overrides or []))
    own = chosen(part)
    if workers is None:
        workers = machine.workers() if sum(settings.people.values()) > FEW_PEOPLE * (own.of if own else 1) else 0
    with progress("simulate", "people") as show:
        made = run_simulation(store, settings, workers, show) if own is None else simulate_part(store, settings, own, workers, show)
    if made is None:
        say_waiting(store, own)
        return
    sequences = sum(shard["rows"] for shard in made["shards"].values())
    say(f"{store}: {len(made['shards'])} simulated people, {sequences} sequences, content {made['content_hash']}")


@app.command
def inspect(store: Path, sequence: str | None = None, *, out: Path | None = None, verify: bool = False) -> None:
    """Print what a store holds, or draw one of its sequences.

    Parameters
    ----------
    store
        Folder of the store.
    sequence
        Key of a sequence (person/condition-take/view), to draw it.
    out
        The picture to write: .png, or .webp or .gif for one that moves; by default a .png named after the sequence.
    verify
        Read everything and compare the content hashes.
    """
    from gaitbridge.report.inspect import describe_store
    from gaitbridge.store import Store

    opened = Store(store)
    if verify:
        opened.verify()
        say(f"{store}: all content hashes agree")
    if sequence is None:
        say_tables(*describe_store(opened))
        return
    picture = out or Path(f"{sequence.replace('/', '_')}.png")
    _draw(opened, sequence, picture)
    say(f"{picture}")


def _draw(store: "Store", sequence: str, picture: Path) -> None:
    """One sequence, still or moving by the picture's name; the walker in 3D where the store says how it was simulated."""
    from gaitbridge.progress import progress
    from gaitbridge.report.cards import walk_card, walker_strip
    from gaitbridge.report.moving_files import check_picture, write_picture
    from gaitbridge.report.pictures import draw_sequence, row_number

    moves, number = check_picture(picture), row_number(store, sequence)
    with progress("draw", "pictures") as show:
        show(0, 1, "")
        if moves:
            frames, hz = walk_card(store, number)
            write_picture(frames, picture, hz, quality=70, effort=4)
        else:
            draw_sequence(store, sequence, picture, walker=walker_strip(store, number))
        show(1, 1, "")


@app.command(name="fit-motion")
def fit_motion(captures: Path, *, out: Path) -> None:
    """Fit the statistical walk to a folder of BVH or AMC captures; use the result as --motion parametric:FILE.

    Parameters
    ----------
    captures
        Folder of .bvh files, or of .asf and .amc files, or both, named person_take; also in folders in it. What is there as both counts once.
    out
        The fitted numbers, a .json.
    """
    from gaitbridge.progress import progress
    from gaitbridge.simulation.motion._fit import fit_motion as fit

    with progress("fit", "captures") as show:
        summary = fit(captures, out, show)
    for name, value in summary.items():
        say(f"{name:32} {value}")


@app.command
def learn_markers(out: Path, *, body: str = "anny", smpl: Path | None = None, markers: Many = 64, people: Many = 150, held_out: Many = 50,
                  seed: Seed = 0) -> None:
    """Learn the virtual markers of a body model, and how its mesh follows from them, from many simulated walking bodies.

    Parameters
    ----------
    out
        The file to write, a .npz.
    body
        anny, the simulator's body, whose markers are shipped; or smpl, with --smpl.
    smpl
        An SMPL file (.npz or .pkl) from https://smpl.is.tue.mpg.de, which asks for a registration; it is read, never copied.
    markers
        How many, an even number.
    people
        Walking people to learn from.
    held_out
        Other people, on whom the errors are measured.
    seed
        Of the people.
    """
    from gaitbridge.progress import progress
    from gaitbridge.simulation.virtual_markers import learn_markers as learn

    with progress("learn markers", "") as show:
        about = learn(out, body=body, smpl=smpl, markers=markers, people=people, held_out=held_out, seed=seed, progress=show)
    say(f"{out}: {about['markers']} markers of {about['body']}, {about['non_zeros']} non-zeros a row; vertices of {held_out} people not learnt from: "
        f"convex {about['convex_mean_mm']} mm (95th percentile {about['convex_p95_mm']}), "
        f"dense {about['dense_mean_mm']} mm ({about['dense_p95_mm']})")
