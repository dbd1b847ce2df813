"""Commands that show: report, and the demo that runs everything."""

import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gaitbridge.cli._app import Seed, app, say
from gaitbridge.cli.evaluation import evaluate
from gaitbridge.cli.simulation import simulate
from gaitbridge.cli.training import train
from gaitbridge.errors import UserError
from gaitbridge.progress import span


@app.command
def report(run: Path, *, data: Path | None = None, out: Path | None = None, picture: Path | None = None,
           map_picture: Annotated[Path | None, Parameter(name="--map")] = None) -> None:
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
    map_picture
        Write also the map of the people, a .png: a point a walk, near where the embeddings are. Needs the extra maps.
    """
    from gaitbridge.progress import progress
    from gaitbridge.report.files import read_run
    from gaitbridge.report.hero import draw_hero
    from gaitbridge.report.page import write_report
    from gaitbridge.report.people_map_plots import draw_map_of
    from gaitbridge.run_documents import remembered_store
    from gaitbridge.store import Store

    data = data or remembered_store(run)
    store = Store(data) if data else None
    if picture is not None:
        if store is None:
            raise UserError("a picture needs the store that the run was evaluated on: give it with --data")
        draw_hero(store, read_run(run, store.content_hash).retrieval, picture)
        say(f"{picture}")
    if map_picture is not None:
        draw_map_of(read_run(run, "" if store is None else store.content_hash), map_picture)
        say(f"{map_picture}")
    with progress("report", "sections") as show:
        page = write_report(run, store, out, show)
    say(f"{page}")


@app.command
def demo(out: Path = Path("demo"), *, seed: Seed = 0) -> None:
    """Simulate people, train DiffCrossGait on them, evaluate camera against LiDAR both ways, write the report. Six to seven minutes on two cores.

    Parameters
    ----------
    out
        Folder for the store and the run. Interrupted, the same command goes on where it was.
    seed
        Of the people and of the training.
    """
    from gaitbridge.run_documents import read_provenance

    store, run, ends = out / "store", out / "run", [time.monotonic()]
    if not (store / "store.json").is_file():
        simulate(store, seed=seed)
    ends.append(time.monotonic())
    if "seconds" not in read_provenance(run):
        settings = [f"seed={seed}", "validate_every=500"]  # a checkpoint half-way, validation twice
        train("diffcrossgait/tiny", data=store, out=run, resume=(run / "config.json").is_file(), overrides=settings)
    ends.append(time.monotonic())
    evaluate(run, data=store)
    report(run, data=store)
    ends.append(time.monotonic())
    simulated, trained, measured = (span(end - begin) for begin, end in pairwise(ends))
    say(f"{out}: {span(ends[-1] - ends[0])} in all: simulation {simulated}, training {trained}, evaluation and report {measured}")
