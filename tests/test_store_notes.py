"""A store is finished from the notes of whoever wrote its shards: it is the same as from reading them, and of a changed shard no note counts."""

import os
import shutil
from pathlib import Path

import pytest
from toy import toy_sequence

from gaitbridge import store as stores
from gaitbridge.errors import StoreError
from gaitbridge.store import Store, finish_store, shard_path, write_shard
from gaitbridge.store_notes import PLACE

NAMES = ("a", "b")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A store of two shards that is not finished."""
    for number, name in enumerate(NAMES):
        write_shard(tmp_path, name, [toy_sequence(number, "test", "normal", 0, view) for view in (0, 90)])
    return tmp_path


def finished(store: Path) -> tuple[bytes, bytes]:
    finish_store(store, NAMES, {"n": 1})
    return (store / "store.json").read_bytes(), (store / "index.parquet").read_bytes()


def as_read(store: Path, beside: Path) -> tuple[bytes, bytes]:
    """What the store is when all of its shards are read."""
    shutil.copytree(store / "shards", beside / "shards")
    return finished(beside)


def no_reading(path: Path) -> None:
    raise AssertionError(f"{path} was read")


def test_by_notes_as_by_reading(written: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = as_read(written, tmp_path_factory.mktemp("read"))
    monkeypatch.setattr(stores, "_scan_shard", no_reading)
    assert finished(written) == wanted
    assert not (written / PLACE).exists()
    monkeypatch.undo()
    Store(written).verify()


def test_a_shard_that_was_changed_is_read(written: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of the same size, at another time."""
    path, other = shard_path(written, "a"), tmp_path_factory.mktemp("other")
    write_shard(other, "a", [toy_sequence(5, "test", "normal", 0, view) for view in (0, 90)])
    data = shard_path(other, "a").read_bytes()
    path.write_bytes(data)
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert finished(written) == as_read(written, tmp_path_factory.mktemp("read"))
    assert [row["person"] for row in Store(written).rows] == ["p0005", "p0005", "p0001", "p0001"]


def test_a_damaged_shard_is_found(written: Path) -> None:
    path = shard_path(written, "a")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(StoreError, match=r"a\.arrow is damaged"):
        finished(written)


def test_one_that_pretends_to_be_unchanged_is_found_by_verifying(written: Path) -> None:
    path = shard_path(written, "a")
    before, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    finished(written)
    with pytest.raises(StoreError, match=r"a\.arrow is damaged"):
        Store(written).verify()


@pytest.mark.parametrize("words", [b"", b"no note", b"cut"])
def test_a_damaged_note_is_none(written: Path, words: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    note = written / PLACE / "a.arrow"
    note.write_bytes(note.read_bytes()[:200] if words == b"cut" else words)
    assert finished(written) == as_read(written, tmp_path_factory.mktemp("read"))


def test_a_note_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / PLACE).write_text("in the way")
    write_shard(tmp_path, "a", [toy_sequence(0, "test", "normal", 0, 0)])
    assert finish_store(tmp_path, ["a"], {})["shards"]["a"]["rows"] == 1
