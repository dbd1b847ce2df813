"""Recordings that wait to be answered, are being answered, and were: each once, whenever the process is killed.

A job is in the database, and its recording on the disk, before it is acknowledged. Its answers and its state come in one transaction: whatever ends
the process before, the recording is read again from its start; whatever ends it after, it is answered.
"""

import json
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gaitbridge.errors import Unknown
from gaitbridge.service.database import Database
from gaitbridge.service.kept import checked

TRIES = 100  # a recording whose answering ends the process each time is given up; before, those that did not come first
COLUMNS = "number, id, kind, state, caller, options, bytes, content, received_s, started_s, finished_s, attempts, problem, summary"


@dataclass(frozen=True)
class Job:
    """A row of the table. options: what was said with the recording (`recordings.Options`); summary: what was found in all."""

    number: int
    id: str
    kind: str
    state: str
    caller: str
    options: dict[str, Any]
    bytes: int
    content: str
    received_s: float
    started_s: float | None
    finished_s: float | None
    attempts: int
    problem: str | None
    summary: dict[str, Any] | None

    @classmethod
    def of(cls, row: sqlite3.Row) -> "Job":
        """From its row."""
        held = dict(row)
        return cls(**held | {"options": json.loads(held["options"]), "summary": json.loads(held["summary"]) if held["summary"] else None})

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed")


@dataclass(frozen=True)
class Answered:
    """A walker answered: the id of what was seen, and the answer."""

    id: str
    answer: dict[str, Any]


def add(database: Database, job: str, kind: str, caller: str, options: dict[str, Any], size: int, content: str, again: bool) -> Job:
    """Put a recording into the queue: it may be acknowledged when this returns. Where the same caller has sent the same bytes with the same options,
    and that did not fail, its job is returned, unless it is to be answered `again`."""
    with database.writing() as connection:
        if not again and (known := _alike(connection, content, options, caller)) is not None:
            return known
        connection.execute("INSERT INTO jobs (id, kind, state, caller, options, bytes, content, received_s) VALUES (?, ?, 'waiting', ?, ?, ?, ?, ?)",
                           (checked(job), kind, caller, json.dumps(options, sort_keys=True), size, content, time.time()))
        return Job.of(connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (job,)).fetchone())


def _alike(connection: sqlite3.Connection, content: str, options: dict[str, Any], caller: str) -> Job | None:
    row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE content = ? AND options = ? AND caller = ? AND state != 'failed' "
                             "ORDER BY number DESC LIMIT 1", (content, json.dumps(options, sort_keys=True), caller)).fetchone()
    return None if row is None else Job.of(row)


def waiting(database: Database) -> int:
    """How many are not answered yet."""
    with database.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM jobs WHERE state IN ('waiting', 'working')").fetchone()[0])


def begin(database: Database) -> Job | None:
    """The job that has waited longest, as being worked at. Those that a process left unfinished come behind the others, in case they ended it,
    and are given up at last."""
    if not _some_wait(database):
        return None
    with database.writing() as connection:
        connection.execute("UPDATE jobs SET state = 'failed', finished_s = ?, problem = ? WHERE state = 'waiting' AND attempts >= ?",
                           (time.time(), f"the service ended {TRIES} times while it read this recording: it is damaged, hostile or too large", TRIES))
        row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE state = 'waiting' ORDER BY attempts, number LIMIT 1").fetchone()
        if row is None:
            return None
        connection.execute("UPDATE jobs SET state = 'working', started_s = ?, attempts = attempts + 1 WHERE number = ?", (time.time(), row["number"]))
    return Job.of(row)


def _some_wait(database: Database) -> bool:
    """Whether there is something to do: asked each second, it keeps no writer waiting."""
    with database.reading() as connection:
        return connection.execute("SELECT 1 FROM jobs WHERE state = 'waiting' LIMIT 1").fetchone() is not None


def put_back(database: Database, job: Job | None = None, counted: bool = False) -> None:
    """What was being worked at waits again: one job, or all that a killed process left. counted: the try counts."""
    with database.writing() as connection:
        connection.execute("UPDATE jobs SET state = 'waiting', attempts = attempts - ? WHERE state = 'working' AND (? IS NULL OR id = ?)",
                           (0 if counted else 1, job and job.id, job and job.id))


def finish(database: Database, job: Job, tracks: list[Answered], summary: dict[str, Any], holds: Callable[[], bool]) -> bool:
    """Keep the answers, in the order of `tracks`, and that it is done; False, and nothing is kept, where the job was forgotten meanwhile, or what the
    answers say does not hold any more.

    holds: whether it does, asked when nobody else can write. Who is forgotten goes from the gallery first and from these tables then: whatever comes
    between, no answer names them afterwards.
    """
    now = time.time()
    with database.writing() as connection:
        if not holds():
            return False
        done = connection.execute("UPDATE jobs SET state = 'done', finished_s = ?, summary = ? WHERE id = ? AND state = 'working'",
                                  (now, json.dumps(summary, allow_nan=False), job.id))
        if done.rowcount != 1:
            return False
        connection.executemany(
            "INSERT OR IGNORE INTO tracks (job, id, outcome, decision, answer, answered_s) VALUES (?, ?, ?, ?, ?, ?)",
            [(job.id, one.id, one.answer["outcome"], one.answer["decision"], json.dumps(one.answer, allow_nan=False), now) for one in tracks])
    return True


def fail(database: Database, job: Job, problem: str) -> None:
    """Keep that a recording cannot be answered, and why."""
    with database.writing() as connection:
        connection.execute("UPDATE jobs SET state = 'failed', finished_s = ?, problem = ? WHERE id = ? AND state = 'working'",
                           (time.time(), problem, job.id))


def is_there(database: Database, job: str) -> bool:
    """Whether there is such a job."""
    with database.reading() as connection:
        return connection.execute("SELECT 1 FROM jobs WHERE id = ?", (job,)).fetchone() is not None


def one(database: Database, job: str) -> Job:
    """A job by its id; Unknown where there is none."""
    with database.reading() as connection:
        row = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", (checked(job),)).fetchone()
    if row is None:
        raise Unknown(f"there is no job {job}: it is forgotten, or was never acknowledged; see GET /v1/jobs")
    return Job.of(row)


def newest(database: Database, before: int | None, limit: int, state: str = "") -> list[Job]:
    """Jobs, the newest first. before: those with a lower number only."""
    with database.reading() as connection:
        rows = connection.execute(f"SELECT {COLUMNS} FROM jobs WHERE (? IS NULL OR number < ?) AND (? = '' OR state = ?) "
                                  "ORDER BY number DESC LIMIT ?", (before, before, state, state, limit)).fetchall()
    return [Job.of(row) for row in rows]


def tracks_of(database: Database, job: str) -> list[dict[str, Any]]:
    """The answers of a job, in order."""
    with database.reading() as connection:
        rows = connection.execute("SELECT id, answer FROM tracks WHERE job = ? ORDER BY number", (job,)).fetchall()
    return [{"id": row["id"]} | json.loads(row["answer"]) for row in rows]
