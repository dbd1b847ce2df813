"""What concerns the gallery and the service's tables together, such as forgetting: written down first, so that it is carried on after a kill.

The gallery is changed first, then the files, then the tables; the intent goes with the tables' change, in one transaction. Each step may be repeated.
"""

import json
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gaitbridge.service.database import Database


@dataclass(frozen=True)
class Intent:
    """One that is not done yet. what: forget or rename; document: of whom."""

    number: int
    what: str
    document: dict[str, Any]


def begin(database: Database, what: str, **document: Any) -> Intent:
    """Write an intent down: on the disk when this returns."""
    with database.writing() as connection:
        connection.execute("INSERT INTO intents (what, document, since_s) VALUES (?, ?, ?)", (what, json.dumps(document), time.time()))
        number = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    return Intent(int(number), what, document)


def left(database: Database) -> list[Intent]:
    """Those that are not done, oldest first."""
    with database.reading() as connection:
        rows = connection.execute("SELECT number, what, document FROM intents ORDER BY number").fetchall()
    return [Intent(row["number"], row["what"], json.loads(row["document"])) for row in rows]


def done(connection: sqlite3.Connection, intent: Intent) -> None:
    """Let go of an intent, within the transaction that does the last of it."""
    connection.execute("DELETE FROM intents WHERE number = ?", (intent.number,))


def withdrawn(database: Database, intent: Intent) -> None:
    """Let go of an intent of which nothing was done."""
    with database.writing() as connection:
        done(connection, intent)
    database.scrub()


def marks(values: Sequence[object]) -> str:
    """As many question marks as there are values, for `IN (...)`."""
    return ", ".join("?" * len(values))
