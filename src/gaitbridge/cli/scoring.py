"""Commands about scoring: score, compare, protocols, tables."""

from pathlib import Path
from typing import Literal

from gaitbridge.cli._app import PartOf, Seed, app, say, say_tables
from gaitbridge.cli._parts import say_waiting
from gaitbridge.errors import UserError


@app.command
def score(
    embeddings: Path, *, protocol: str, distance: Literal["euclidean", "cosine"] | None = None, rounding: Literal["published", "exact"] = "published",
    gallery: Path | None = None, partition: Path | None = None, probe_modality: Literal["camera", "lidar"] | None = None,
    gallery_modality: Literal["camera", "lidar"] | None = None, rerank: Literal["none", "k-reciprocal"] = "none", intervals: bool = False,
    verification: bool = False, open_set: bool = False, cells: bool = False, seed: Seed = 0, json: bool = False,
    format: Literal["text", "markdown", "latex"] = "text", out: Path | None = None, part: PartOf = None,
) -> None:
    """Score a file of embeddings under a protocol: the numbers of the field's standard toolkit, and the exact ones beside them.

    Parameters
    ----------
    embeddings
        A .npz with `embeddings` [n, C, K], `labels`, `types`, `views` (and `modalities`), or one that `gaitbridge evaluate` wrote.
    protocol
        Who is compared with whom: a name of `gaitbridge protocols`, or a JSON file of your own.
    distance
        By default the one the file says it is meant for, else euclidean.
    rounding
        published: as the field's standard toolkit rounds on its way; exact: not at all. The exact numbers are given either way.
    gallery
        Take the gallery from this file, for two sensors in two files.
    partition
        The dataset's partition, a JSON with PROBE_SET, for protocols that take their probes from it.
    probe_modality, gallery_modality
        Take only rows of this sensor, where the file says whose they are.
    rerank
        k-reciprocal: re-rank by shared neighbours (Zhong et al., CVPR 2017; k1 20, k2 6, lambda 0.3).
    intervals
        Give 95 % bootstrap intervals over people.
    verification
        Give equal error rate and true accepts at fixed false accepts, one sequence against one, with the curve in the JSON.
    open_set
        Give the false-negative identification rate where at most 10, 1 and 0.1 % of strangers are given a name, people held out as not enrolled.
    cells
        Give rank-1 by pair of views.
    seed
        Of the bootstrap.
    json
        Print one JSON document instead of tables.
    format
        Of the tables: text, markdown or latex.
    out
        Write the JSON document to this file, too; `gaitbridge tables` makes tables of it.
    part
        K/N: only part K of N of the blocks of probes, for many machines; by default the task of a SLURM array. Whoever finishes last writes --out.
    """
    from gaitbridge.data.protocols import load_protocol
    from gaitbridge.data.protocols.partition import read_probe_set
    from gaitbridge.evaluation.embedding.file import read_any
    from gaitbridge.evaluation.ranking.reranking import METHODS
    from gaitbridge.evaluation.scoring.compared import Request
    from gaitbridge.evaluation.scoring.document import Deeper, document
    from gaitbridge.evaluation.scoring.in_parts import Asked, score_part
    from gaitbridge.files import write_json
    from gaitbridge.parts import chosen
    from gaitbridge.printing import say_json
    from gaitbridge.progress import progress

    if (own := chosen(part)) is not None:
        if out is None or rerank != "none":
            raise UserError("a score in parts is written to a file: give --out FILE.json" if out is None else
                            "re-ranking needs all distances at once: score with --rerank in one piece, without --part")
        deeper = {"intervals": intervals, "verification": verification, "cells": cells, "seed": seed, "open_set": open_set}
        files = [None if path is None else str(path) for path in (gallery, partition)]
        asked = Asked(embeddings=str(embeddings), protocol=protocol, distance=distance, rounding=rounding, gallery=files[0], partition=files[1],
                      probe_modality=probe_modality or "", gallery_modality=gallery_modality or "", deeper=deeper, here=str(Path.cwd()))
        with progress("score", "blocks") as show:
            whole = score_part(out, asked, own, show)
        if whole is None:
            say_waiting(out, own)
        elif json:
            say_json(whole, indent=1)
        else:
            _show(whole, format)
        return
    rule = load_protocol(protocol)
    probes = read_any(embeddings)
    others = None if gallery is None else read_any(gallery)
    listed = None if partition is None else read_probe_set(partition)
    with progress("score", "probes") as show:
        request = Request(rule, distance or probes.distance, others, listed, probe_modality or "", gallery_modality or "", METHODS.get(rerank),
                          progress=show)
        made = document(probes, request, rounding, Deeper(intervals, verification, cells, seed, open_set))
    if out is not None:
        write_json(made, out)
    if json:
        say_json(made, indent=1)
    else:
        _show(made, format)


def _show(document: dict[str, object], form: str) -> None:
    """Tables of a score's document, with what was compared above them."""
    from gaitbridge.printing import console, say_lines
    from gaitbridge.report.table_text import score_note, score_tables, written

    tables = score_tables(document)
    if form != "text":
        say_lines(written(tables, form, score_note(document)))
        return
    sides = [document[f"{side}_modality"] or "not said" for side in ("probe", "gallery")]
    say(f"probe     {document['probe']} (sensor: {sides[0]})")
    say(f"gallery   {document['gallery']} (sensor: {sides[1]})")
    say(f"excluded  {document['excluded']}")
    width = console().width
    say_tables(*(part.to_rich() for table in tables for part in table.narrowed(width)))
    notes = document["notes"]
    for note in notes if isinstance(notes, list) else []:
        say(f"note: {note}")


@app.command
def tables(source: Path, *, format: Literal["text", "markdown", "latex"] = "markdown", out: Path | None = None) -> None:
    """Print the tables of an evaluated run, or of a score's JSON, for a page or a paper.

    Parameters
    ----------
    source
        Folder of an evaluated run (or its evaluation folder), or a .json that `gaitbridge score --out` wrote.
    format
        text, markdown or latex.
    out
        Write them to this file instead.
    """
    from gaitbridge.evaluation.results import read_rows
    from gaitbridge.evaluation.scoring.written import read_scores
    from gaitbridge.files import written_whole
    from gaitbridge.printing import say_lines
    from gaitbridge.report.result_tables import condition_tables, footnote, main_table, open_set_tables
    from gaitbridge.report.table_text import score_note, score_tables, written

    if source.suffix == ".json" and source.name != "results.json":
        document = read_scores(source)
        made, words = score_tables(document), score_note(document)
    else:
        places = [source, source / "results.json", source / "evaluation" / "results.json"]
        rows = read_rows(next((place for place in places if place.is_file()), places[-1]))
        made, words = [main_table(rows), *condition_tables(rows), *open_set_tables(rows)], footnote(rows)
    text = written(made, format, words)
    if out is None:
        say_lines(text)
        return
    with written_whole(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    say(f"{out}")


@app.command
def compare(a: str, b: str, *, data: Path | None = None, protocol: str | None = None, distance: Literal["euclidean", "cosine"] | None = None,
            partition: Path | None = None, out: Path | None = None, seed: Seed = 0) -> None:
    """Compare two runs, or two files of embeddings, on the same probes: differences with intervals over people, a paired test, and of runs the
    settings in which they differ.

    Parameters
    ----------
    a, b
        Folders of evaluated runs, or files of embeddings (.npz); several of a group, which differ in their seed, with commas between them.
        Differences are b - a.
    data
        The store that the runs were evaluated on; files need none.
    protocol
        The protocol they were evaluated under, or are to be scored under; by default the store's own, or the one that files say they were made for.
    distance
        Of files: by default the one they say they are meant for, else euclidean.
    partition
        The dataset's partition, a JSON with PROBE_SET, for protocols that take their probes from it; by default as the store was imported.
    out
        Folder for comparison.json and comparison.csv; without it nothing is written.
    seed
        Of the bootstrap.
    """
    from gaitbridge.data.protocols import chosen_protocol, load_protocol
    from gaitbridge.data.protocols.partition import read_probe_set
    from gaitbridge.evaluation.comparing.paired import compare_files, compare_runs, protocol_of_files, write_paired
    from gaitbridge.evaluation.embedding.labels import probe_set_of
    from gaitbridge.progress import progress
    from gaitbridge.report.result_tables import print_paired
    from gaitbridge.store import Store

    sides = [[Path(word) for word in side.split(",")] for side in (a, b)]
    files = [path.suffix == ".npz" for side in sides for path in side]
    if any(files) != all(files):
        raise UserError(f"{a} and {b}: compare files with files, or runs with runs")
    listed = None if partition is None else read_probe_set(partition)
    with progress("compare", "files" if all(files) else "runs") as show:
        if all(files):
            rule = load_protocol(protocol or protocol_of_files([path for side in sides for path in side]))
            rows = compare_files(sides[0], sides[1], rule, distance=distance, partition=listed, seed=seed, progress=show)
        elif data is None:
            raise UserError("runs are compared on the store they were evaluated on: give it with --data")
        else:
            store = Store(data)
            rule = chosen_protocol(protocol, store.document["about"], str(data))
            rows = compare_runs(sides[0], sides[1], store, rule, probe_set=probe_set_of(store, listed), seed=seed, progress=show)
    print_paired(rows)
    if not any(files):
        _say_settings(sides[0], sides[1])
    if out is not None:
        write_paired(rows, out)
        say(f"{out / 'comparison.json'}, comparison.csv: {len(rows)} rows")


def _say_settings(a: list[Path], b: list[Path]) -> None:
    """In which settings the runs of two sides differ."""
    from gaitbridge.report.tables import TextTable
    from gaitbridge.training.described import differences_of_runs

    found = differences_of_runs(a, b)
    if found is None:
        say("settings: not known of all runs")
    elif not found:
        say("settings: the same on both sides")
    else:
        say_tables(TextTable("They differ in", ("setting", "a", "b"), tuple((one.name, one.a, one.b) for one in found), 3).to_rich())


@app.command
def protocols(name: str | None = None, *, json: bool = False) -> None:
    """List the protocols, or say all of one.

    Parameters
    ----------
    name
        Of a protocol, or a JSON file of your own.
    json
        Print the protocol as a document, to begin one of your own with.
    """
    from gaitbridge.data.protocols import document_of, known_protocols, load_protocol
    from gaitbridge.printing import say_json

    if json:
        if name is None:
            raise UserError("say which protocol to print: gaitbridge protocols NAME --json")
        say_json(document_of(load_protocol(name)), indent=1)
        return
    if name is None:
        for one in known_protocols().values():
            say(f"{one.name:22} probe: {one.probe.in_words()}; gallery: {one.gallery.in_words()}")
        return
    for line in load_protocol(name).described():
        say(line)
