"""The command of work in parts: parts."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from gaitbridge.cli._app import app, say
from gaitbridge.cli._parts import place_and_base, say_survey
from gaitbridge.errors import UserError


@app.command
def parts(out: Path, *, merge: Annotated[bool, Parameter(negative=())] = False) -> None:
    """Say which parts of a work with --part are there, which are missing and which died; merge it when all are there.

    Parameters
    ----------
    out
        What is made: the store, folder or file that the command with --part was given.
    merge
        Merge what is all there, or say that it is merged already; an error where something is missing.
    """
    from gaitbridge.parts import survey

    place = place_and_base(out)
    if place is None:
        if (out / "store.json").is_file() or out.is_file():
            say(f"{out} is whole: nothing of it is in parts")
            return
        raise UserError(f"{out}: nothing here was begun in parts: run its command with --part K/N first")
    found = survey(*place)
    say_survey(out, found)
    if found.missing and merge:
        died = [f"{one.part}" for one in found.of("died")]
        raise UserError(f"{out}: {len(found.missing)} {found.work['what']} are missing"
                        f"{', part ' + ' and '.join(died) + ' died' if died else ''}: run the parts that owe them again")
    if found.missing:
        return
    if merge:
        say(MERGING[found.work["command"]](out, place[0]))
    elif found.merged:
        say(f"{out} is whole")
    else:
        say(f"all is there, and not merged yet: gaitbridge parts {out} --merge")


def _store(out: Path, place: Path) -> str:
    """Merge a store of which nothing but shards is needed."""
    from gaitbridge.parts import read_work
    from gaitbridge.store_parts import merge_store

    return _said(out, merge_store(out, read_work(place)))


def _said(out: Path, made: dict[str, Any]) -> str:
    """What a merged store is, by its store.json."""
    sequences = sum(shard["rows"] for shard in made["shards"].values())
    return f"{out} is whole: {sequences} sequences, content {made['content_hash']}"


def _benchmark(out: Path, place: Path) -> str:
    from gaitbridge.parts import read_work
    from gaitbridge.simulation.benchmarks import merge

    return _said(out, merge(out, read_work(place)))


def _imported(out: Path, place: Path) -> str:
    from gaitbridge.data.importers._own import import_folder, own_of
    from gaitbridge.data.importers._run import import_dataset
    from gaitbridge.parts import NOTHING, read_work

    asked = read_work(place)["merging"]
    if "own" in asked:
        return _said(out, import_folder(own_of(asked["own"]), out, strict=asked["strict"], part=NOTHING).document)
    paths = {name: asked[name] and Path(asked[name]) for name in ("source", "partition", "beside")}
    return _said(out, import_dataset(**{**asked, **paths}, store=out, part=NOTHING).document)


def _videos(out: Path, place: Path) -> str:
    from gaitbridge.capture.video.run import merge

    return _said(out, merge(out).document)


def _recordings(out: Path, place: Path) -> str:
    from gaitbridge.capture.lidar.run import merge

    return _said(out, merge(out).document)


def _study(out: Path, place: Path) -> str:
    from gaitbridge.cli.study import Asked, planned, write_report
    from gaitbridge.documents import checked_shape
    from gaitbridge.parts import AGAIN, read_work

    asked = checked_shape(read_work(place)["merging"], Asked, str(place / "work.json"), AGAIN)
    write_report(planned(asked), asked["command"], Path(asked["report"]))
    return f"{out} is whole"


def _score(out: Path, place: Path) -> str:
    from gaitbridge.evaluation.scoring.in_parts import merge

    merge(place)
    return f"{out} is whole"


def _embeddings(out: Path, place: Path) -> str:
    from gaitbridge.evaluation.embedding.in_parts import merged

    return f"{merged(place)} is whole"


MERGING = {"simulate": _store, "benchmark make": _benchmark, "import": _imported, "capture video": _videos, "capture lidar": _recordings,
           "embed": _embeddings, "study": _study, "score": _score}
