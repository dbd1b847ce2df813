"""The import of a dataset: a plan, one shard a person by worker processes, a summary, and the store.

Everything is a pure function of the source and the options: the same bytes with any number of workers, and after any interruption. Run again,
it keeps the people who are done and reads anew those who had a problem.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gaitbridge import plugins
from gaitbridge.data.importers import _tree
from gaitbridge.data.importers._dataset import Dataset
from gaitbridge.data.importers._partition import Partition, partition_of, splits
from gaitbridge.data.importers._person import FOLDER, Job, Report, finished, import_person, report_path, reported
from gaitbridge.data.importers._source import PublishedTree
from gaitbridge.data.importers._summary import Line, lines_of, probe_lines
from gaitbridge.errors import StoreError, UserError, nearest
from gaitbridge.files import alone, in_turn, sweep, write_json
from gaitbridge.parts import PLACE, Part, Work, doing
from gaitbridge.progress import Progress, silent
from gaitbridge.store import finish_store
from gaitbridge.store_plans import begin, leave_nothing
from gaitbridge.workers import each

DETAILS = "import.json"  # beside store.json: every problem and every oddity, with its file
KILLED = "a worker process was killed (out of memory?): what is finished is kept, run the same again, with fewer --workers"


@dataclass(frozen=True)
class Imported:
    """What an import gave: the store's document, the summary, all problems. Of a part, as long as others are missing: an empty document."""

    document: dict[str, Any]
    lines: list[Line]
    problems: list[str]


def import_dataset(
    dataset: str, source: Path, store: Path, *, partition: Path | None = None, val: int = 0, frames: str | None = None,
    fields: Iterable[str] | None = None, beside: Path | None = None, strict: bool = False, workers: int = 0, progress: Progress = silent,
    part: Part | None = None,
) -> Imported:
    """Import the tree `source` of a dataset to a store.

    partition: a file that says who is for training and who for the test, where the ids do not; val: so many of the training people, the last
    by id, become val; frames: a choice of the dataset's; fields: only these; beside: a second tree of the same layout, whose files are taken
    with those of the first; strict: stop at the first problem; workers: processes, 0 for none; part: import that alone.
    UserError for mistakes, at the first problem where strict, and where no sequence can be used.
    """
    roots = (source,) if beside is None else (source, beside)
    tree = PublishedTree(dataset, roots)
    facts = tree.facts
    division = partition_of(tree.module, partition)
    kinds = _fields(facts, fields), _frames(facts, frames)
    found = _tree.people(roots, facts.layout)
    job, people = Job(replace(tree, spelt=_tree.spelt_otherwise(found)), store, *kinds, strict), list(found)
    wanted = splits(division, people, val)
    if not wanted:
        raise UserError(f"{source}: none of its {len(people)} folders ({', '.join(people[:3])}) is a person whom {division.name} divides "
                        f"({facts.name} is split {facts.split}): give the folder whose sequences lie as {facts.layout}")
    again = {"dataset": dataset, "source": str(source.absolute()), "partition": partition and str(partition.absolute()), "val": val, "frames": frames,
             "fields": sorted(kinds[0]), "beside": beside and str(beside.absolute()), "strict": strict}
    return carried_out(Plan(dataset, job, roots, division, val, people, again=again), wanted, workers, progress, part)


@dataclass(frozen=True)
class Plan:
    """An import that is about to begin. people: all who are there, also those of no split; more: for the plan on disk, about: for store.json."""

    name: str
    job: Job
    roots: tuple[Path, ...]
    division: Partition
    val: int
    people: list[str]
    more: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()  # of the summary, beside what all imports say
    again: Mapping[str, Any] = field(default_factory=dict)  # what was asked for, for whoever merges parts


def carried_out(plan: Plan, wanted: Mapping[str, str], workers: int, progress: Progress, part: Part | None = None) -> Imported:
    """Import the people `wanted` (with their split), or one part of them. UserError where nothing can be used, which leaves nothing behind."""
    job = plan.job
    if part is not None:
        return _part(plan, wanted, workers, progress, part)
    with alone(job.store):
        _start(plan)
        reports = _imported(job, dict(sorted(wanted.items())), workers, progress)
        problems = [problem for report in reports for problem in report.problems]
        if not any(report.kept for report in reports):
            leave_nothing(job.store, FOLDER)
            more = f" (problems in all: {len(problems)})" if len(problems) > 1 else ""
            raise UserError(f"{plan.roots[0]}: no sequence can be used: {problems[0]}{more}")
        return _finish(plan, reports)


def _part(plan: Plan, wanted: Mapping[str, str], workers: int, progress: Progress, part: Part) -> Imported:
    """Import one part of the people; whoever finds that of all the others something is there finishes the store."""
    job = plan.job
    items = {person: [report_path(Path(), person).as_posix()] for person in sorted(wanted)}
    work = Work(command="import", what="people", items=items, result="store.json", merging=dict(plan.again))
    with alone(job.store, together=True):
        _start(plan)
        with doing(job.store / PLACE, job.store, work, part) as done:
            _imported(job, {person: wanted[person] for person in done.in_order()}, workers, done.following(progress))
            if done.missing():
                return Imported({}, [], [])
            with in_turn(job.store / PLACE / "merging.lock"):
                reports = [reported(job, person, wanted[person]) for person in items]
                if lost := [person for person, report in zip(items, reports, strict=True) if report is None]:
                    raise StoreError(f"{job.store}: the shard or the report of {lost[0]} is lost or damaged: run the part that owes it again")
                whole = [report for report in reports if report is not None]
                if not any(report.kept for report in whole):
                    raise UserError(f"{plan.roots[0]}: no sequence can be used: {whole[0].problems[0]}: delete {job.store} and ask for others")
                return _finish(plan, whole)


def _fields(facts: Dataset, fields: Iterable[str] | None) -> frozenset[str]:
    chosen = frozenset(facts.fields if fields is None else fields)
    if unknown := sorted(chosen - set(facts.fields)):
        raise UserError(f"{facts.name} has no field {unknown[0]!r}: {nearest(unknown[0], facts.fields)}")
    if not chosen:
        raise UserError(f"--fields names none: {nearest('', facts.fields)}")
    return chosen


def _frames(facts: Dataset, frames: str | None) -> str:
    if frames is None:
        return facts.frames[0] if facts.frames else ""
    if frames not in facts.frames:
        known = f"choose {' or '.join(facts.frames)}" if facts.frames else "it has one kind of frames, leave --frames out"
        raise UserError(f"{facts.name} has no frames {frames!r}: {known}")
    return frames


def _start(plan: Plan) -> None:
    """Write the plan, or check that the one in the folder is this one."""
    job, store = plan.job, plan.job.store.resolve()
    for root in plan.roots:
        if store == root.resolve() or root.resolve() in store.parents:
            raise UserError(f"{job.store} lies within {root}: choose a place for the store outside of the dataset")
    document = {"gaitbridge": version("gaitbridge"), "dataset": plan.name, "source": [str(root.resolve()) for root in plan.roots],
                "partition": plan.division.about(), "val": plan.val, "frames": job.frames, "fields": sorted(job.fields)}
    # in a folder of its own: a report is named after its person, and a person may be called plan
    begin(job.store, job.store / FOLDER / "plan" / "plan.json", document | dict(plan.more), "an import", "imported")


def _imported(job: Job, wanted: Mapping[str, str], workers: int, progress: Progress) -> list[Report]:
    """A report for each person, those who were done among them, in the order of ids."""
    reports = {person: report for person, split in wanted.items() if (report := finished(job, person, split))}
    todo = [(job.of(person), person, split) for person, split in wanted.items() if person not in reports]
    if todo:
        (job.store / "store.json").unlink(missing_ok=True)  # unfinished from here on
    sweep(job.store / "shards")  # of workers that were killed: none stands in the way of room
    left_out = 0
    progress(len(reports), len(wanted), "")
    with closing(each(_import_missing, todo, workers, what=_what, killed=KILLED)) as results:
        for report in results:
            reports[report.person] = report
            left_out += len(report.problems)
            progress(len(reports), len(wanted), f"problems: {left_out}" if left_out else "")
    return [reports[person] for person in sorted(reports)]


def _import_missing(job: Job, person: str, split: str) -> Report:
    """What a worker process does; another may have done it meanwhile."""
    return finished(job, person, split) or import_person(job, person, split)


def _what(job: Job, person: str, split: str) -> str:
    """A worker's task in words."""
    return f"work on {person}"


def _finish(plan: Plan, reports: list[Report]) -> Imported:
    job, facts = plan.job, plan.job.source.facts
    probes, about_probes = probe_lines(reports, plan.division)
    lines = lines_of(facts, reports, plan.people, plan.division) + about_probes + list(plan.lines)
    problems = [problem for report in reports for problem in report.problems]
    notes = [{"kind": kind, "where": where} for report in reports for kind, where in report.notes]
    write_json({"problems": problems, "notes": notes}, job.store / DETAILS)
    about = {
        "kind": "imported", "dataset": plan.name, "citation": facts.citation, "gaitbridge": version("gaitbridge"), "frames": job.frames,
        "fields": sorted(job.fields), "val": plan.val, "partition": plan.division.about(), "problems": len(problems), "probe_set": probes,
        "summary": [asdict(line) for line in lines],
    }  # fmt: skip
    if plugins.used():
        about["plugins"] = plugins.used()
    document = finish_store(job.store, [report.person for report in reports if report.kept], about | dict(plan.about))
    return Imported(document, lines, problems)
