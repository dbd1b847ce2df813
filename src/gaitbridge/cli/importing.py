"""Commands that bring in the public datasets: import, datasets."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gaitbridge import machine
from gaitbridge.cli._app import Workers, app, say, say_tables

SHOWN = 20  # problems on the screen; all are in the file


@app.command(name="import")
def import_(dataset: str, source: Path, store: Path, *, partition: Path | None = None, val: int = 0, frames: str | None = None,
            fields: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, beside: Path | None = None,
            strict: Annotated[bool, Parameter(negative=())] = False, workers: Workers | None = None) -> None:
    """Import a public gait dataset to a store. Interrupted, it goes on where it was.

    Parameters
    ----------
    dataset
        Its name, such as casia_b; `gaitbridge datasets` lists them.
    source
        Folder of the dataset, whose sequences lie as person/type/view.
    store
        Folder of the store to make.
    partition
        The dataset's own JSON with TRAIN_SET and TEST_SET, where the ids alone do not say who is for training.
    val
        So many of the training people, the last by id, are kept for validation.
    frames
        SUSTech1K: sync (camera and LiDAR frame by frame; the default) or all (each at its own rate).
    fields
        Only these fields, such as silhouettes range_views.
    beside
        A second folder of the same layout, whose files are taken with those of the first, such as SMPL kept apart from silhouettes.
    strict
        Stop at the first problem; otherwise a sequence with a problem is left out, and all problems are listed at the end.
    workers
        Processes; by default as many as there are cores.
    """
    from gaitbridge.data.importers._run import DETAILS, import_dataset
    from gaitbridge.progress import progress
    from gaitbridge.report.tables import TextTable

    with progress("import", "people") as show:
        done = import_dataset(dataset, source, store, partition=partition, val=val, frames=frames, fields=fields, beside=beside, strict=strict,
                              workers=workers if workers is not None else machine.workers(), progress=show)
    counts = tuple((line.what, f"{line.found:,}", "" if line.published is None else f"{line.published:,}", line.remark) for line in done.lines)
    say_tables(TextTable(f"{dataset} in {store}", ("what", "found", "published", "remark"), counts).to_rich())
    for problem in done.problems[:SHOWN]:
        say(problem)
    if done.problems:
        more = f", {len(done.problems) - SHOWN} more" if len(done.problems) > SHOWN else ""
        say(f"problems: {len(done.problems)}{more}; all are in {store / DETAILS}; mend the files and run the same again, it reads those people anew")
    say(f"{store}: content {done.document['content_hash']}")


@app.command
def datasets(name: str | None = None) -> None:
    """List the public datasets that can be imported, or say all of one: source, terms, layout, split.

    Parameters
    ----------
    name
        A dataset.
    """
    from gaitbridge import plugins
    from gaitbridge.data.importers._person import IMPORTERS

    for known in plugins.names(IMPORTERS) if name is None else [name]:
        facts = plugins.load(IMPORTERS, known).DATASET
        if name is None:
            people = sum(facts.people.values())
            say(f"{known:12} {facts.name}: {people:,} people; {', '.join(facts.fields)}")
            continue
        for title, text in (("name", facts.name), ("paper", facts.citation), ("apply at", facts.apply), ("terms", facts.licence),
                            ("layout", facts.layout), ("split", facts.split), ("fields", ", ".join(facts.fields))):
            say(f"{title:9} {text}")
