"""Commands that bring in the public datasets, or a folder of one's own: import, datasets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from gaitbridge import machine
from gaitbridge.cli._app import PartOf, Workers, app, say, say_tables
from gaitbridge.cli._parts import say_waiting
from gaitbridge.errors import UserError

if TYPE_CHECKING:
    from gaitbridge.data.importers._own import Own
    from gaitbridge.data.importers._run import Imported
    from gaitbridge.parts import Part

SHOWN = 20  # problems on the screen; all are in the file
importing = App(name="import", help="Make a store of a public gait dataset, or of a folder of your own (`import folder`). Interrupted, it goes on "
                                    "where it was.")
app.command(importing)


@importing.default
def import_(dataset: str, source: Path, store: Path, *, partition: Path | None = None, val: int = 0, frames: str | None = None,
            fields: Annotated[list[str] | None, Parameter(negative=(), consume_multiple=True)] = None, beside: Path | None = None,
            strict: Annotated[bool, Parameter(negative=())] = False, workers: Workers | None = None, part: PartOf = None) -> None:
    """Import a public gait dataset to a store. Interrupted, it goes on where it was.

    Parameters
    ----------
    dataset
        Its name, such as casia_b; `gaitbridge datasets` lists them. For data of your own: `gaitbridge import folder --help`.
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
    part
        K/N: only part K of N of the people, for many machines; by default the task of a SLURM array. Whoever finishes last merges the store.
    """
    from gaitbridge.data.importers._run import import_dataset
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress

    own_part = chosen(part)
    with progress("import", "people") as show:
        done = import_dataset(dataset, source, store, partition=partition, val=val, frames=frames, fields=fields, beside=beside, strict=strict,
                              workers=workers if workers is not None else machine.workers(), progress=show, part=own_part)
    _say_imported(done, dataset, store, own_part)


@importing.command
def folder(root: Path, store: Path | None = None, *, layout: str, modality: str = "silhouettes",
           also: Annotated[list[str] | None, Parameter(negative=())] = None, labels: Path | None = None, split: Path | None = None, val: int = 0,
           protocol: str | None = None, licence: str = "own data, terms not stated", name: str = "",
           size: Literal["64x64", "64x44", "128x128", "128x88"] = "64x64", align: Literal["auto", "always", "never"] = "auto",
           list: Annotated[bool, Parameter(negative=())] = False, strict: Annotated[bool, Parameter(negative=())] = False,
           workers: Workers | None = None, part: PartOf = None) -> None:
    """Import a folder of your own to a store: files found by a pattern, with your labels, licence, split and protocol.

    Parameters
    ----------
    root
        The folder.
    store
        Folder of the store to make; --list needs none.
    layout
        Where files lie below ROOT, such as '{person}/{type}/{view}/*.pkl' or '{person}-{condition}-{take}/{view}/*.png'. Fields: person, type, view,
        condition, take, camera, lidar, split, session, sequence, view_deg, distance_m, camera_hz, lidar_hz. * is anything within a name, ** any
        folders. Pictures that differ by * alone are the frames of one sequence.
    modality
        What the files hold: silhouettes, range_views (metres), points (metres), depth_pictures, pose_heatmaps, smpl or keypoints (COCO's 17).
    also
        MODALITY=PATTERN: files of another modality of the same sequences, by the same fields; may be given several times.
    labels
        A CSV with more of what is known: columns that the pattern names (or a column `path`) say whose line it is, the others are fields as above.
    split
        Who is for training and who for the test: a JSON with TRAIN_SET and TEST_SET, or a CSV with the columns person and split. By default as
        {split} or its column say, else all are for the test.
    val
        So many of the training people, the last by name, are kept for validation.
    protocol
        Who is compared with whom: a JSON of your own or a name of `gaitbridge protocols`. It is kept in the store, and `evaluate` uses it.
    licence
        Under which terms the data may be used, in a line; it is kept with every sequence.
    name
        What the data are called; by default as the folder is.
    size
        Of silhouettes that are aligned, height x width.
    align
        auto: silhouettes that are neither 64 x 64 nor 64 x 44 are cropped to the person, brought to one height and centred; always, or never.
    list
        Only say what would be imported, and read the first sequence as a trial.
    strict
        Stop at the first problem; otherwise a sequence with a problem is left out, and all problems are listed at the end.
    workers
        Processes; by default as many as there are cores.
    part
        K/N: only part K of N of the people, for many machines; by default the task of a SLURM array. Whoever finishes last merges the store.
    """
    from gaitbridge.data.importers._own import Own, import_folder, parsed_layouts
    from gaitbridge.parts import chosen
    from gaitbridge.progress import progress

    own_part = chosen(part)
    height, width = map(int, size.split("x"))
    layouts = parsed_layouts(layout, modality, also or ())
    own = Own(root, layouts, labels, split, protocol, " ".join(licence.split()), name, val, (height, width), align)
    if list:
        _say_listed(own)
        return
    if store is None:
        raise UserError("say where the store goes: gaitbridge import folder ROOT STORE --layout ... (or --list, to look before)")
    with progress("import", "people") as show:
        done = import_folder(own, store, strict=strict, workers=workers if workers is not None else machine.workers(), progress=show, part=own_part)
    _say_imported(done, str(root), store, own_part)


def _say_imported(done: "Imported", what: str, store: Path, part: "Part | None") -> None:
    """The summary of an import, and its problems; of a part that it is done."""
    if not done.document:
        say_waiting(store, part)
        return
    from gaitbridge.data.importers._run import DETAILS
    from gaitbridge.report.tables import TextTable

    counts = tuple((line.what, f"{line.found:,}", "" if line.published is None else f"{line.published:,}", line.remark) for line in done.lines)
    say_tables(TextTable(f"{what} in {store}", ("what", "found", "published", "remark"), counts).to_rich())
    for problem in done.problems[:SHOWN]:
        say(problem)
    if done.problems:
        more = f", {len(done.problems) - SHOWN} more" if len(done.problems) > SHOWN else ""
        say(f"problems: {len(done.problems)}{more}; all are in {store / DETAILS}; mend the files and run the same again, it reads those people anew")
    say(f"{store}: content {done.document['content_hash']}")


def _say_listed(own: "Own") -> None:
    """What an import of one's own folder would take."""
    from gaitbridge.data.importers._own import listed
    from gaitbridge.report.tables import TextTable

    found = listed(own)
    more = f" (the first {SHOWN} of {len(found.rows):,})" if len(found.rows) > SHOWN else ""
    say_tables(TextTable(f"{own.root}{more}", found.header, tuple(found.rows[:SHOWN]), 4).to_rich())
    for problem in found.problems[:SHOWN]:
        say(f"problem: {problem}")
    for line in found.lines:
        say(f"{line.what}: {line.found:,}{f' ({line.remark})' if line.remark else ''}")
    people = len({row[0].split("/")[0] for row in found.rows})
    say(f"{len(found.rows):,} sequences of {people:,} people, problems: {len(found.problems)}; read as a trial: {found.tried or 'none'}")


@app.command
def datasets(name: str | None = None) -> None:
    """List the datasets that can be imported, or say all of one: source, terms, layout, split.

    Parameters
    ----------
    name
        A dataset.
    """
    from gaitbridge import plugins
    from gaitbridge.data.importers._source import IMPORTERS

    for known in plugins.names(IMPORTERS) if name is None else [name]:
        facts = plugins.load(IMPORTERS, known).DATASET
        if name is None:
            people = sum(facts.people.values())
            say(f"{known:12} {facts.name}: {people:,} people; {', '.join(facts.fields)}")
            continue
        for title, text in (("name", facts.name), ("paper", facts.citation), ("apply at", facts.apply), ("terms", facts.licence),
                            ("layout", facts.layout), ("split", facts.split), ("fields", ", ".join(facts.fields))):
            say(f"{title:9} {text}")
