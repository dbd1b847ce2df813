"""The service's own tables: SQLite in one file, beside the gallery. Who writes, writes a whole transaction, on the disk when it ends.

Tables come by numbered steps (`migrations/`), each applied once. What is deleted is overwritten; `scrub` also takes it out of the log beside the
file, for what is forgotten must leave no byte.
"""

import queue
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path

from gaitbridge.errors import Busy, StoreError, UserError

PATIENCE_S = 30.0
FOLDER = "service"  # in the gallery's, where no other is given
STEPS = files("gaitbridge.service.migrations")


class Database:
    """The database of a file, made where it is missing. Safe for threads: each use has a connection of its own. StoreError where it is damaged or
    of a newer version, or the disk is full."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        with self._in_words():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
        self._migrate()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database within the block."""
        with self._in_words(), self._connection() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction: on the disk when the block ends, undone where it raises. One writer at a time; never one in another."""
        with self._in_words(), self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def scrub(self) -> None:
        """Take what was deleted out of the log beside the file, too. Waits for those who read."""
        until = time.monotonic() + PATIENCE_S
        with self._in_words(), self._connection() as connection:
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > until:
                    raise Busy(f"{self.file} is read by others for {PATIENCE_S:g} s: what was deleted is still in its log; try again")
                time.sleep(0.01)

    def close(self) -> None:
        """Close what is idle; what is in use closes itself."""
        while not self._idle.empty():
            self._idle.get().close()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connected()
        try:
            yield connection
        except sqlite3.Error:
            connection.close()
            raise
        except BaseException:
            self._idle.put(connection)
            raise
        self._idle.put(connection)

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON", "temp_store = MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _migrate(self) -> None:
        steps = {int(step.name.partition("_")[0]): step for step in STEPS.iterdir() if step.name.endswith(".sql")}
        with self.writing() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_s REAL NOT NULL)")
            done = {row["number"] for row in connection.execute("SELECT number FROM migrations")}
            if unknown := done - steps.keys():
                raise StoreError(f"{self.file} was written by a newer version (step {max(unknown)}): install that one, or restore an older copy")
            for number in sorted(steps.keys() - done):
                for statement in statements(steps[number].read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, steps[number].name, time.time()))

    def check(self) -> None:
        """StoreError where the file is damaged, or cannot be written."""
        with self.reading() as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise StoreError(f"{self.file} is damaged ({found}): restore it from a copy")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise Busy(f"{self.file} is being written by another for more than {PATIENCE_S:g} s: try again") from error
            raise StoreError(f"{self.file}: {error}; free some space, or look who may write there") from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"{self.file} is damaged ({error}): restore it from a copy") from error


def statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: within one transaction, unlike `executescript`."""
    held = ""
    for line in script.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def backup(file: Path, out: Path) -> None:
    """A whole copy of a database that may be in use."""
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(out)) as copy:
        source.backup(copy)


def folder_of(gallery: str, folder: Path | None) -> Path:
    """Where a service keeps its own: as asked, else within the gallery's. UserError where the gallery is on a server and none is named."""
    if folder is not None:
        return folder
    if "://" in gallery:
        raise UserError(f"{gallery} is on a server: say with --state DIR where the service keeps its own database and recordings")
    return Path(gallery) / FOLDER
