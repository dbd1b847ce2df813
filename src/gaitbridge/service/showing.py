"""What the service keeps that shows a person or says their name: walkers who were given it, walkers their templates were made of, evidence in
the answers of others."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gaitbridge.files import settle
from gaitbridge.service.database import Database
from gaitbridge.service.intents import Intent, done, marks
from gaitbridge.service.kept import Kept

AT_ONCE = 400  # values of one question to the database
Track = tuple[str, str]  # job and track


def tracks_showing(database: Database, names: Sequence[str], templates: Sequence[str] = ()) -> list[Track]:
    """The walkers that were given one of these names, or of which one of these templates was made."""
    found: dict[Track, None] = {}
    with database.reading() as connection:
        for question, values in (("SELECT job, id FROM tracks WHERE decision IN ({})", names),
                                 ("SELECT job, track AS id FROM sources WHERE template IN ({})", templates)):
            for at in range(0, len(values), AT_ONCE):
                some = values[at : at + AT_ONCE]
                found.update(((row["job"], row["id"]), None) for row in connection.execute(question.format(marks(some)), list(some)))
    return list(found)


def names_here(database: Database, evidence: bool = True) -> list[str]:
    """The names that answers give; evidence: and those that stand as evidence in answers about anybody."""
    question = "SELECT decision AS name FROM tracks WHERE decision IS NOT NULL"
    if evidence:
        question += " UNION SELECT json_extract(hit.value, '$.person') FROM tracks, json_each(tracks.answer, '$.hits') AS hit"
    with database.reading() as connection:
        return [row["name"] for row in connection.execute(f"SELECT DISTINCT name FROM ({question}) WHERE name IS NOT NULL ORDER BY name")]


def evidence_of(database: Database, name: str) -> list[str]:
    """The ids of the templates that stand in answers under a name."""
    with database.reading() as connection:
        rows = connection.execute("SELECT DISTINCT json_extract(hit.value, '$.template_id') AS id "
                                  "FROM tracks, json_each(tracks.answer, '$.hits') AS hit "
                                  "WHERE instr(tracks.answer, ?) AND json_extract(hit.value, '$.person') = ?", (json.dumps(name)[1:-1], name))
        return [row["id"] for row in rows]


def drop_tracks(kept: Kept, tracks: Sequence[Track]) -> None:
    """Remove the files of walkers: the bytes are gone when this returns. Their rows stay."""
    for job, track in tracks:
        kept.drop_track(job, track)
    settle({kept.results / job for job, _ in tracks})


def forget_here(database: Database, kept: Kept, names: Sequence[str], templates: Sequence[str], intent: Intent | None = None) -> int:
    """Remove all that shows these people: files, answers, their names in answers of others, recordings that then show nobody. How many walkers."""
    tracks = tracks_showing(database, names, templates)
    drop_tracks(kept, tracks)
    with database.writing() as connection:
        for job, track in tracks:
            connection.execute("DELETE FROM tracks WHERE job = ? AND id = ?", (job, track))
        _rewrite(connection, names, lambda answer: _without(answer, names, templates))
        empty = [job for job in dict.fromkeys(job for job, _ in tracks)
                 if connection.execute("SELECT 1 FROM tracks WHERE job = ?", (job,)).fetchone() is None]
        for job in empty:
            connection.execute("DELETE FROM jobs WHERE id = ?", (job,))
        if intent is not None:
            done(connection, intent)
    for job in empty:
        kept.drop(job)
    database.scrub()
    return len(tracks)


def rename_here(database: Database, before: str, after: str, intent: Intent) -> None:
    """Give a person another name in all answers."""
    with database.writing() as connection:
        connection.execute("UPDATE tracks SET decision = ? WHERE decision = ?", (after, before))
        _rewrite(connection, [before], lambda answer: _renamed(answer, before, after))
        done(connection, intent)
    database.scrub()


def _rewrite(connection: sqlite3.Connection, names: Sequence[str], change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the answers in which one of the names stands."""
    for number, answer in list(_saying(connection, names)):
        made = change(answer)
        if made != answer:
            connection.execute("UPDATE tracks SET answer = ? WHERE number = ?", (json.dumps(made, allow_nan=False), number))


def _saying(connection: sqlite3.Connection, names: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    seen = set()
    for name in names:
        for row in connection.execute("SELECT number, answer FROM tracks WHERE instr(answer, ?)", (json.dumps(name)[1:-1],)).fetchall():
            if row["number"] not in seen:
                seen.add(row["number"])
                yield row["number"], json.loads(row["answer"])


def _without(answer: dict[str, Any], names: Sequence[str], templates: Sequence[str]) -> dict[str, Any]:
    """An answer without people: neither among its hits nor in its words."""
    gone = set(templates)
    hits = [hit for hit in answer.get("hits", []) if hit.get("person") not in names and hit.get("template_id") not in gone]
    said = [words for words in answer.get("warnings", []) if not any(_word(name).search(words) for name in names)]
    return answer | {"hits": hits, "warnings": said}


def _renamed(answer: dict[str, Any], before: str, after: str) -> dict[str, Any]:
    hits = [hit | {"person": after} if hit.get("person") == before else hit for hit in answer.get("hits", [])]
    said = [_word(before).sub(lambda _: after, words) for words in answer.get("warnings", [])]
    decision = after if answer.get("decision") == before else answer.get("decision")
    return answer | {"hits": hits, "warnings": said, "decision": decision}


def _word(name: str) -> re.Pattern[str]:
    """A name that stands by itself in words."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
