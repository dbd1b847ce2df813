"""The service's tables: steps applied once, transactions whole, deleted bytes gone, and mistakes in words."""

import sqlite3
import threading
from pathlib import Path

import pytest

from gaitbridge.errors import StoreError
from gaitbridge.service.database import STEPS, Database

JOB = "INSERT INTO jobs (id, kind, state, caller, options, bytes, content, received_s) VALUES (?, 'film', 'waiting', 'me', '{}', 1, 'c', 0)"


def test_steps_have_numbers_of_their_own_and_are_applied_once(tmp_path: Path) -> None:
    names = [step.name for step in STEPS.iterdir() if step.name.endswith(".sql")]
    assert len({name.partition("_")[0] for name in names}) == len(names) > 0
    for _ in range(2):
        database = Database(tmp_path / "service.db")
        with database.reading() as connection:
            assert sorted(row["name"] for row in connection.execute("SELECT name FROM migrations")) == sorted(names)
        database.close()
    assert (tmp_path / "service.db").stat().st_mode & 0o77 == 0


def test_a_newer_versions_file_is_refused(tmp_path: Path) -> None:
    with Database(tmp_path / "a.db").writing() as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_later.sql', 0)")
    with pytest.raises(StoreError, match="newer version"):
        Database(tmp_path / "a.db")


def test_a_transaction_is_whole_or_not_at_all(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")

    def twice() -> None:
        with database.writing() as connection:
            connection.execute(JOB, ("one",))
            connection.execute(JOB, ("one",))

    with pytest.raises(sqlite3.IntegrityError):
        twice()
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone()[0] == 0


def test_many_threads_write_one_after_another(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")

    def write(number: int) -> None:
        for k in range(5):
            with database.writing() as connection:
                connection.execute(JOB, (f"{number}-{k}",))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone()[0] == 30


def test_what_is_deleted_leaves_no_byte(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db")
    with database.writing() as connection:
        connection.execute(JOB, ("a needle in the hay",))
    with database.writing() as connection:
        connection.execute("DELETE FROM jobs")
    database.scrub()
    assert not [path for path in tmp_path.iterdir() if b"needle in the hay" in path.read_bytes()]


def test_a_damaged_file_is_said_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all " * 300)
    with pytest.raises(StoreError, match="is damaged"):
        Database(tmp_path / "a.db")


def test_no_two_steps_have_one_number() -> None:
    numbers = [step.name.partition("_")[0] for step in STEPS.iterdir() if step.name.endswith(".sql")]
    assert len(numbers) == len(set(numbers))
