"""The command line: parse, load, call. Everything heavy is imported by the command that needs it, so that --help is quick."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from gaitbridge import __version__
from gaitbridge.errors import UserError

app = App(name="gaitbridge", help="Recognise people by how they walk, across cameras and LiDARs.", version=__version__, version_flags=["--version"])


def say(text: object = "") -> None:
    """Print for people, tables included."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(text, soft_wrap=isinstance(text, str))


Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]


@app.command
def simulate(store: Path, *, train: int | None = None, val: int | None = None, test: int | None = None, seed: int | None = None,
             motion: str | None = None, shape: str | None = None, lidar: str | None = None, frames: int | None = None,
             conditions: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
             views: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None,
             workers: int | None = None, overrides: Settings = None) -> None:
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
        Where walks come from: parametric, parametric:FILE.json (of fit-motion), or bvh:DIR of captures, one person a subject.
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
        Processes; by default as many as there are cores.
    overrides
        Any other setting of the cohort, such as --set segmentation_error=0; may be given several times.
    """
    from gaitbridge import config
    from gaitbridge.progress import progress
    from gaitbridge.simulation.cohort import CohortConfig
    from gaitbridge.simulation.cohort import simulate as run_simulation

    document = CohortConfig().model_dump(mode="json")
    given: dict[str, Any] = {"seed": seed, "motion": motion, "shape": shape, "lidar": lidar, "frames": frames, "views": views}
    given["takes"] = [choice.split(",") for choice in conditions] if conditions else None
    document |= {name: value for name, value in given.items() if value is not None}
    document["people"] |= {name: count for name, count in (("train", train), ("val", val), ("test", test)) if count is not None}
    settings = config.checked(CohortConfig, config.overridden(document, overrides or []))
    with progress("simulate", "people") as show:
        made = run_simulation(store, settings, workers if workers is not None else os.cpu_count() or 1, show)
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
        The picture to write, a .png; by default named after the sequence.
    verify
        Read everything and compare the content hashes.
    """
    from gaitbridge.report.inspect import describe_store
    from gaitbridge.report.pictures import draw_sequence
    from gaitbridge.store import Store

    opened = Store(store)
    if verify:
        opened.verify()
        say(f"{store}: all content hashes agree")
    if sequence is None:
        for table in describe_store(opened):
            say(table)
        return
    picture = out or Path(f"{sequence.replace('/', '_')}.png")
    draw_sequence(opened, sequence, picture)
    say(f"{picture}")


@app.command
def train(recipe: str, *, data: Path, out: Path, resume: bool = False,
          overrides: Settings = None) -> None:
    """Train a recipe on a store's training people; validate on its validation people; keep the best and the last checkpoint.

    Parameters
    ----------
    recipe
        Such as diffcrossgait/tiny, or tiny where one method alone has it. `gaitbridge recipes` lists them.
    data
        The store to train on.
    out
        Folder of the run.
    resume
        Go on from the run's last checkpoint.
    overrides
        A setting, a.b=value, such as --set objective.diffusion.phases=[1,2]; may be given several times.
    """
    from gaitbridge import config
    from gaitbridge.progress import progress, silent
    from gaitbridge.store import Store
    from gaitbridge.training import config as runs
    from gaitbridge.training.loop import train as run_training

    document = config.overridden(runs.recipe(recipe).model_dump(mode="json"), overrides or [])
    settings = config.checked(runs.RunConfig, document)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun starts, one speaks
    with progress(f"train {settings.recipe}", "steps") as show:
        state = run_training(settings, Store(data), out, resume, show if first else silent)
    if not first:
        return
    found = f"best validation rank-1 {state['best']:.1f} %; " if "rank1" in state["metrics"] else ""
    say(f"{out}: {state['step']} steps in {state['seconds']:.0f} s; {found}next: gaitbridge evaluate {out} --data {data}")


@app.command
def recipes() -> None:
    """List the recipes."""
    from gaitbridge.training.config import recipes as known

    for name, function in known().items():
        say(f"{name:36} {(function.__doc__ or '').splitlines()[0]}")


@app.command
def learn_markers(out: Path, *, body: str = "anny", smpl: Path | None = None, markers: int = 64, people: int = 150, held_out: int = 50,
                  seed: int = 0) -> None:
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


@app.command
def reconstruct(run: Path, store: Path, sequence: str | None = None, *, out: Path | None = None, mesh: str = "", files: str = "glb") -> None:
    """Reconstruct 3D bodies from silhouettes with a run that has a 3D branch: arrays, meshes and a picture, beside the truth where it is known.

    Parameters
    ----------
    run
        Folder of the run, such as one of meshgait/tiny.
    store
        The store whose silhouettes are taken.
    sequence
        Key of a sequence (person/condition-take/view); without it all test sequences, or all there are, as arrays alone.
    out
        Folder to write to; by default `bodies` in the run's folder.
    mesh
        How vertices follow from the points: convex, confidence or dense; by default as the run was trained.
    files
        Kind of the mesh files of a sequence, one a frame: glb, ply or none.
    """
    from gaitbridge.errors import nearest
    from gaitbridge.evaluation.bodies_file import write_walk
    from gaitbridge.inference import bodies
    from gaitbridge.inference.session import load
    from gaitbridge.progress import progress
    from gaitbridge.report.bodies import draw_bodies
    from gaitbridge.report.mesh_files import write_meshes
    from gaitbridge.report.pictures import row_number
    from gaitbridge.store import Store

    if files not in (kinds := ("glb", "ply", "none")):
        raise UserError(f"unknown kind of mesh files {files!r}: {nearest(files, kinds)}")
    opened, model, folder = Store(store), load(run), out or run / "bodies"
    read_out = model.read_out
    if sequence is None:
        numbers = [n for n in opened.select(split="test") or range(len(opened.rows)) if opened.rows[n]["silhouettes_frames"]]
        if not numbers:
            raise UserError(f"{store} has no silhouettes to reconstruct from")
        with progress("reconstruct", "sequences") as show:
            for done, number in enumerate(numbers, 1):
                walk = bodies.walk_of(model, opened, number, mesh, heatmaps=False)
                write_walk(walk, bodies.draw_folder(folder, opened.rows[number]["key"]).with_suffix(".npz"))
                show(done, len(numbers), "")
        say(f"{folder}: bodies of {len(numbers)} sequences")
        return
    walk = bodies.walk_of(model, opened, row_number(opened, sequence), mesh)
    place = bodies.draw_folder(folder, sequence)
    write_walk(walk, place / "bodies.npz")
    recovered, truth = walk.bodies["recovered"], walk.bodies.get("truth")
    draw_bodies(walk.silhouettes, recovered, truth, read_out, place / "bodies.png", title=sequence)
    if files != "none":
        with progress("write meshes", "folders") as show:
            for done, (name, body) in enumerate(walk.bodies.items(), 1):
                write_meshes(body, walk.triangles, place / name, files)
                show(done, len(walk.bodies), "")
    say(f"{place}: bodies.npz, bodies.png" + ("" if files == "none" else f", a .{files} a frame"))


@app.command
def evaluate(run: Path, *, data: Path, protocol: str = "simulated", probe: str | None = None, gallery: str | None = None,
             out: Path | None = None, seed: int = 0) -> None:
    """Evaluate a run on people it has never seen: both directions across the sensors, and each sensor alone.

    Parameters
    ----------
    run
        Folder of the run.
    data
        The store to evaluate on.
    protocol
        Who is compared with whom; `gaitbridge protocols` lists them.
    probe, gallery
        Print only this direction: camera or lidar each.
    out
        Folder of embeddings and results; by default `evaluation` in the run's folder (`evaluation-NAME` for a store it was not trained on).
    seed
        Of the bootstrap.
    """
    import json

    from gaitbridge.data.protocols import load_protocol
    from gaitbridge.evaluation.embed import embed_store, modality_name
    from gaitbridge.evaluation.score import write_evaluation
    from gaitbridge.inference.session import load
    from gaitbridge.progress import progress
    from gaitbridge.report.tables import print_tables
    from gaitbridge.store import Store, write_json

    wanted = [modality_name(side) if side else None for side in (probe, gallery)]
    rule, store, model = load_protocol(protocol), Store(data), load(run)
    probes, mates = rule.choose(store.rows)
    trained_on = json.loads((run / "provenance.json").read_text()).get("data_hash")
    folder = out or run / ("evaluation" if store.content_hash == trained_on else f"evaluation-{data.resolve().name}")
    known = {"run": str(run), "recipe": model.config.recipe, "checkpoint": model.folder.name, "data": str(data), "protocol": protocol}
    for modality in model.modalities:
        with progress(f"embed {modality.replace('_', ' ')}", "sequences") as show:
            embed_store(model.embed, store, sorted({*probes, *mates}), modality, folder / f"{modality}.npz", known, progress=show)
    with progress("score", "passes") as show:
        show(0, 2, "")
        if (found := model.diagnostics(store, probes, seed)) is not None:
            write_json(found[1], folder / found[0])
        show(1, 2, "")
        rows = write_evaluation(folder, store, rule, seed, folder)
        show(2, 2, "")
    _evaluate_bodies(model, store, sorted({*probes, *mates}), seed, folder)
    short = {"silhouettes": "camera", "range_views": "lidar"}
    chosen = [short[side] if side else None for side in wanted]
    print_tables([row for row in rows if chosen[0] in (None, row.probe_modality) and chosen[1] in (None, row.gallery_modality)])
    say(f"{folder / 'results.json'}, results.csv: {len(rows)} rows")


def _evaluate_bodies(model: Any, store: Any, numbers: list[int], seed: int, folder: Path) -> None:
    """How wrong the 3D bodies are that a network with heatmaps recovers, what it costs, and one walk to look at; nothing for other networks."""
    from gaitbridge.evaluation.bodies_file import write_walk
    from gaitbridge.evaluation.cost import write_cost
    from gaitbridge.evaluation.reconstruction import write_reconstruction
    from gaitbridge.inference import bodies
    from gaitbridge.progress import progress
    from gaitbridge.report.hero import hero_sequence
    from gaitbridge.report.reconstruction_tables import print_reconstruction

    if getattr(model.config.network, "heatmaps", None) is None:
        return
    with progress("measure cost", "networks") as show:
        show(0, 1, "")
        if (found := bodies.costs_beside_plain(model)) is not None:
            write_cost(found, folder)
        show(1, 1, "")
    if model.config.objective.reconstruction is None:
        return
    with progress("measure bodies", "sequences") as show:
        rows = bodies.measure_bodies(model, store, numbers, seed, show)
    if rows:
        write_reconstruction(rows, folder)
        print_reconstruction(rows)
        write_walk(bodies.walk_of(model, store, hero_sequence(store)), folder / "walk.npz")


@app.command
def compare(a: str, b: str, *, data: Path, protocol: str = "simulated", out: Path | None = None, seed: int = 0) -> None:
    """Compare two runs, or two groups of runs that differ in their seed, on the same probes: differences with intervals over people.

    Parameters
    ----------
    a, b
        Folders of evaluated runs; several of a group with commas between them. Differences are b - a.
    data
        The store they were evaluated on.
    protocol
        The protocol they were evaluated under.
    out
        Folder for comparison.json and comparison.csv; without it nothing is written.
    seed
        Of the bootstrap.
    """
    from gaitbridge.evaluation.paired import compare_runs, write_paired
    from gaitbridge.progress import progress
    from gaitbridge.report.tables import print_paired
    from gaitbridge.store import Store

    sides = [[Path(word) for word in side.split(",")] for side in (a, b)]
    with progress("compare", "runs") as show:
        rows = compare_runs(sides[0], sides[1], Store(data), protocol, seed=seed, progress=show)
    print_paired(rows)
    if out is not None:
        write_paired(rows, out)
        say(f"{out / 'comparison.json'}, comparison.csv: {len(rows)} rows")


@app.command
def protocols() -> None:
    """List the protocols."""
    from gaitbridge.data.protocols import PROTOCOLS

    for name, rule in PROTOCOLS.items():
        say(f"{name:16} probe: {rule.probe.in_words()}; gallery: {rule.gallery.in_words()}")


@app.command
def demo(out: Path = Path("demo"), *, seed: int = 0) -> None:
    """Simulate people, train DiffCrossGait on them, evaluate camera against LiDAR both ways, write the report. Some ten minutes on two cores.

    Parameters
    ----------
    out
        Folder for the store and the run. Interrupted, the same command goes on where it was.
    seed
        Of the people and of the training.
    """
    store, run = out / "store", out / "run"
    if not (store / "store.json").is_file():
        simulate(store, seed=seed)
    finished = (run / "provenance.json").is_file() and '"seconds"' in (run / "provenance.json").read_text()
    if not finished:
        train("diffcrossgait/tiny", data=store, out=run, resume=(run / "config.json").is_file(), overrides=[f"seed={seed}"])
    evaluate(run, data=store)
    report(run, data=store)


@app.command
def report(run: Path, *, data: Path | None = None, out: Path | None = None, picture: Path | None = None) -> None:
    """Write a run's report, one self-contained HTML page.

    Parameters
    ----------
    run
        Folder of the run.
    data
        The store it was evaluated on, for the pictures; by default the place that the run remembers.
    out
        The page; by default report.html in the run's folder.
    picture
        Write also one picture, a .png: a walker as both sensors see it, and a retrieval row.
    """
    import json

    from gaitbridge.progress import progress
    from gaitbridge.report.hero import draw_hero
    from gaitbridge.report.page import write_report
    from gaitbridge.store import Store

    file = run / "provenance.json"
    if data is None and file.is_file():
        remembered = Path(json.loads(file.read_text()).get("data", ""))
        data = remembered if (remembered / "store.json").is_file() else None
    store = Store(data) if data else None
    if picture is not None:
        if store is None:
            raise UserError("a picture needs the store that the run was evaluated on: give it with --data")
        found = run / "evaluation" / "retrieval.json"
        draw_hero(store, json.loads(found.read_text()) if found.is_file() else None, picture)
        say(f"{picture}")
    with progress("report", "pages") as show:
        show(0, 1, "")
        page = write_report(run, store, out)
        show(1, 1, "")
    say(f"{page}")


@app.command(name="fit-motion")
def fit_motion(captures: Path, *, out: Path) -> None:
    """Fit the statistical walk to a folder of BVH captures; use the result as --motion parametric:FILE.

    Parameters
    ----------
    captures
        Folder of .bvh files, named person_take.bvh.
    out
        The fitted numbers, a .json.
    """
    from gaitbridge.progress import progress
    from gaitbridge.simulation.motion._fit import fit_motion as fit

    with progress("fit", "captures") as show:
        summary = fit(captures, out, show)
    for name, value in summary.items():
        say(f"{name:32} {value}")


def _fail(message: str, code: int = 2) -> int:
    print(f"gaitbridge: {message}", file=sys.stderr)
    return code


def main(arguments: list[str] | None = None) -> int:
    """Run a command; 0 if it went well, 2 for a mistake of the user or the machine (one line on standard error), 130 if interrupted."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _fail(" ".join(str(error).split()))
    except UserError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        return _fail("interrupted; what was finished is kept: run the same command again to go on (train: with --resume)", 130)
    return 0


def entry() -> Any:
    """The console script."""
    sys.exit(main())
