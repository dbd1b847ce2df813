"""One person to one shard, in a worker process, and a report beside it of what was found."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from gaitbridge.data.importers._dataset import Reading
from gaitbridge.data.importers._source import Source
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import write_json
from gaitbridge.store import shard_path, write_shard
from gaitbridge.types import Sequence

FOLDER = ".import"  # of the store: the plan and the reports


@dataclass(frozen=True)
class Job:
    """What all workers share."""

    source: Source
    store: Path
    fields: frozenset[str]
    frames: str
    strict: bool

    def of(self, person: str) -> "Job":
        """What a worker needs for one person."""
        return replace(self, source=self.source.of(person))


@dataclass
class Report:
    """What became of a person: sequences kept (type/view), how many have each field, what was left out and why, what was odd but kept."""

    person: str
    split: str
    kept: list[str] = field(default_factory=list)
    fields: Counter[str] = field(default_factory=Counter)
    left_out: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Keys in the store."""
        return [f"{self.person}/{name}" for name in self.kept]


def report_path(store: Path, person: str) -> Path:
    """Where a person's report lies."""
    return store / FOLDER / f"{person}.json"


def import_person(job: Job, person: str, split: str) -> Report:
    """Write the shard of a person (none where no sequence is left) and their report. UserError at the first problem where `job.strict`."""
    report = Report(person, split)
    shard = write_shard(job.store, person, _read(job, report))
    if not report.kept:
        shard.unlink(missing_ok=True)  # another may do the same person
    write_json(vars(report), report_path(job.store, person))  # after the shard: a person is done who has both
    return report


def finished(job: Job, person: str, split: str) -> Report | None:
    """The report of a person who is done, for the same split and without a problem; None where there is something to do."""
    report = reported(job, person, split)
    return None if report is None or report.problems else report


def reported(job: Job, person: str, split: str) -> Report | None:
    """The report of a person for the same split, whose shard is there if anything was kept; None where there is no such."""
    path = report_path(job.store, person)
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        report = Report(**found | {"fields": Counter(found["fields"])}) if found else None
    except (ValueError, TypeError, KeyError):
        return None  # damaged: make it again
    if report is None or report.split != split or (report.kept and not shard_path(job.store, person).is_file()):
        return None
    return report


def _read(job: Job, report: Report) -> Iterator[Sequence]:
    for place in job.source.places(report.person):
        if isinstance(place, str):
            _problem(job, report, place)
            continue
        reading = Reading(place, job.fields, job.frames)
        try:
            sequence = _sequence(job, report, reading)
        except StoreError:
            raise
        except UserError as error:
            report.left_out += 1
            _problem(job, report, str(error))
            continue
        except (ValueError, TypeError, ArithmeticError, MemoryError, OSError) as error:
            report.left_out += 1
            _problem(job, report, f"{place.folders[0]} cannot be read ({type(error).__name__}: {error}): get its files from the source again")
            continue
        report.kept.append(f"{place.kind}/{place.view}")
        report.fields.update(list(sequence.arrays))
        report.notes += reading.notes
        yield sequence


def _sequence(job: Job, report: Report, reading: Reading) -> Sequence:
    labels = job.source.labels(reading, report.split)
    return Sequence(labels, job.source.read(reading))


def _problem(job: Job, report: Report, text: str) -> None:
    if job.strict:
        raise StrictError(text)
    report.problems.append(text)


class StrictError(UserError):
    """The first problem of an import that stops at the first."""


