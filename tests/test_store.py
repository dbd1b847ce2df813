"""The store gives back what was written, whole, and notices damage."""

import json
import multiprocessing
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy import make_toy_store, toy_sequence

from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import written_whole
from gaitbridge.store import RANGE_UNIT_M, Store, finish_store, shard_path, write_shard
from gaitbridge.types import Sequence


def test_round_trip(tmp_path: Path) -> None:
    sequences = [toy_sequence(n, "train", "normal", 0, view) for n in range(2) for view in (0, 90)]
    write_shard(tmp_path, "a", sequences)
    finish_store(tmp_path, ["a"], {"seed": 1})
    store = Store(tmp_path)
    store.verify()
    for number, sequence in enumerate(sequences):
        back = store.read(number, ["silhouettes", "range_views", "range_views_time_s"])
        assert back.labels == sequence.labels
        assert (back.arrays["silhouettes"] == sequence.arrays["silhouettes"]).all()
        assert (back.arrays["range_views_time_s"] == sequence.arrays["range_views_time_s"]).all()
        metres, wanted = back.arrays["range_views"], sequence.arrays["range_views"]
        assert (np.isnan(metres) == np.isnan(wanted)).all()
        assert np.nanmax(np.abs(metres - wanted)) <= RANGE_UNIT_M / 2 + 1e-6


def test_frames_and_order_asked_for(toy_store: Store) -> None:
    numbers = [5, 1, 3]
    frames = [{"silhouettes": np.array([4, 0])}] * 3
    for number, got in zip(numbers, toy_store.read_many(numbers, ["silhouettes"], frames), strict=True):
        whole = toy_store.read(number, ["silhouettes", "range_views"])
        assert got.labels.key == toy_store.rows[number]["key"]
        assert set(got.arrays) == {"silhouettes"}
        assert (got.arrays["silhouettes"] == whole.arrays["silhouettes"][[4, 0]]).all()


def test_one_frame_and_odd_sizes(tmp_path: Path) -> None:
    whole = toy_sequence(0, "test", "normal", 0, 0)
    odd = Sequence(replace(whole.labels, key="odd"), {"silhouettes": whole.arrays["silhouettes"][:1, :63, :41]})
    empty = Sequence(replace(whole.labels, key="empty"), {"range_views": np.full((1, 64, 44), np.nan, np.float32)})
    write_shard(tmp_path, "a", [odd, empty])
    finish_store(tmp_path, ["a"], {})
    store = Store(tmp_path)
    assert (store.read(0, ["silhouettes", "range_views"]).arrays["silhouettes"] == odd.arrays["silhouettes"]).all()
    assert np.isnan(store.read(1, ["range_views"]).arrays["range_views"]).all()
    assert store.select(modality="range_views") == [1]


def test_grey_silhouettes_come_back_as_they_were(tmp_path: Path) -> None:
    whole = toy_sequence(0, "test", "normal", 0, 0)
    grey = whole.arrays["silhouettes"].copy()
    grey[0, 10, 10:13] = (1, 128, 254)
    write_shard(tmp_path, "a", [Sequence(whole.labels, {"silhouettes": grey})])
    finish_store(tmp_path, ["a"], {})
    store = Store(tmp_path)
    assert (store.read(0, ["silhouettes"]).arrays["silhouettes"] == grey).all()
    assert (store.read(0, ["silhouettes"], {"silhouettes": np.array([1, 0])}).arrays["silhouettes"] == grey[[1, 0]]).all()


def test_same_content_same_bytes_and_hash(tmp_path: Path) -> None:
    first, second = (make_toy_store(tmp_path / name, {"train": 2}) for name in "ab")
    assert first.content_hash == second.content_hash
    for file in ("store.json", "index.parquet", "shards/p0001.arrow"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    other = make_toy_store(tmp_path / "c", {"test": 2})
    assert other.content_hash != first.content_hash


def test_select(toy_store: Store) -> None:
    numbers = toy_store.select(split="test", condition=["bag"], modality=["silhouettes", "range_views"])
    assert len(numbers) == 4 * 2
    assert {toy_store.rows[n]["condition"] for n in numbers} == {"bag"}
    with pytest.raises(UserError, match="did you mean 'condition'"):
        toy_store.select(conditions="bag")


def _mean(path: str, number: int) -> float:
    return float(Store(path).read(number, ["silhouettes"]).arrays["silhouettes"].mean())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_safe_in_other_processes(toy_store: Store, method: str) -> None:
    expected = [float(toy_store.read(n, ["silhouettes"]).arrays["silhouettes"].mean()) for n in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_mean, [(str(toy_store.path), n) for n in range(4)]) == expected


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a store"):
        Store(tmp_path)
    make_toy_store(tmp_path, {"train": 2})
    shard = shard_path(tmp_path, "p0001")
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-100])
    with pytest.raises(StoreError, match=r"p0001\.arrow has \d+ bytes instead of"):
        Store(tmp_path)
    middle = len(whole) // 2
    shard.write_bytes(whole[:middle] + bytes(b ^ 255 for b in whole[middle:middle + 64]) + whole[middle + 64:])
    with pytest.raises(StoreError, match=r"p0001\.arrow"):
        Store(tmp_path).verify()
    shard.write_bytes(whole)
    document = json.loads((tmp_path / "store.json").read_text())
    document["shards"]["p0001"]["content_hash"] = "0" * 32
    (tmp_path / "store.json").write_text(json.dumps(document))
    with pytest.raises(StoreError, match=r"p0001\.arrow is damaged \(its content hash differs\)"):
        Store(tmp_path).verify()
    shard.unlink()
    with pytest.raises(StoreError, match="is missing"):
        Store(tmp_path)
    (tmp_path / "store.json").unlink()
    with pytest.raises(StoreError, match="unfinished"):
        Store(tmp_path)


def test_damaged_and_foreign_documents(tmp_path: Path) -> None:
    make_toy_store(tmp_path, {"train": 1})
    file = tmp_path / "store.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"version": 99}))
    with pytest.raises(StoreError, match="version 99"):
        Store(tmp_path)
    file.write_text("{half")
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path)
    file.write_text(json.dumps(document))
    (tmp_path / "index.parquet").write_bytes(b"PAR1")
    with pytest.raises(StoreError, match=r"index\.parquet"):
        Store(tmp_path)


def test_a_failed_writer_leaves_nothing(tmp_path: Path) -> None:
    def sequences() -> object:
        yield toy_sequence(0, "train", "normal", 0, 0)
        raise RuntimeError("the simulation broke")

    with pytest.raises(RuntimeError, match="broke"):
        write_shard(tmp_path, "a", sequences())  # type: ignore[arg-type]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_unknown_fields_and_out_of_range_are_refused(tmp_path: Path) -> None:
    good = toy_sequence(0, "train", "normal", 0, 0)
    with pytest.raises(ValueError, match="did you mean 'joints'"):
        write_shard(tmp_path, "a", [Sequence(good.labels, {"jonts": np.zeros((1, 2, 3))})])
    with pytest.raises(ValueError, match="131 m"):
        write_shard(tmp_path, "a", [Sequence(good.labels, {"range_views": np.full((1, 64, 44), 200, np.float32)})])
    with pytest.raises(ValueError, match="must be uint8"):
        Sequence(good.labels, {"silhouettes": np.zeros((1, 64, 44), np.float32)})


def test_shards_lie_in_the_store(tmp_path: Path) -> None:
    """A store from anywhere may name its shards as it likes; what lies elsewhere is not read, though it is there and whole."""
    store = make_toy_store(tmp_path / "a" / "walks", {"test": 1}).path
    shutil.move(store / "shards" / "p0000.arrow", tmp_path / "elsewhere.arrow")
    whole = (store / "store.json").read_text()
    for name in ("../../../elsewhere", str(tmp_path / "elsewhere")):
        (store / "store.json").write_text(whole.replace("p0000", name))
        with pytest.raises(StoreError, match=r"elsewhere\.arrow', which is not in its folder"):
            Store(store)
    (store / "store.json").write_text(whole)
    shutil.copy(tmp_path / "elsewhere.arrow", store / "shards" / "p0000.arrow")
    opened = Store(store)
    opened.rows[0]["shard"] = "../../../elsewhere"  # as a changed index would say
    with pytest.raises(StoreError, match="which is not in its folder"):
        opened.read(0, ["silhouettes"])


def test_finished_stores_hold_nothing_half_written(tmp_path: Path) -> None:
    store = tmp_path / "walks"
    (store / "shards").mkdir(parents=True)
    for left in (store / ".store.json.0a1b2c3d.part", store / "shards" / ".p0001.arrow.0a1b2c3d.part"):  # of killed writers
        left.write_text("half")
    with written_whole(store / "shards" / "p0002.arrow") as living:
        make_toy_store(store, {"test": 1})
        assert living.exists()  # another process may be at work on another shard
        assert {path.name for path in store.rglob(".*.part")} == {living.name}


def test_a_store_that_grows_is_the_old_one_until_the_new_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path, "a", [toy_sequence(0, "test", "normal", 0, 0)])
    finish_store(tmp_path, ["a"], {"n": 1})
    before = Store(tmp_path)
    write_shard(tmp_path, "b", [toy_sequence(1, "test", "normal", 0, 0)])

    def killed(path: Path) -> None:
        if path.name == "store.json":
            raise KeyboardInterrupt
        return written_whole(path)  # type: ignore[return-value]

    monkeypatch.setattr("gaitbridge.store.written_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        finish_store(tmp_path, ["a", "b"], {"n": 2})
    monkeypatch.undo()
    assert Store(tmp_path).content_hash == before.content_hash
    assert len(Store(tmp_path).rows) == 1
    finish_store(tmp_path, ["a", "b"], {"n": 2})
    assert len(Store(tmp_path).rows) == 2
    assert before.read(0, ["silhouettes"]).arrays["silhouettes"].shape == (6, 64, 44)
    (tmp_path / "store.json").write_text((tmp_path / "store.json").read_text().replace('"index": "', '"index": "../'))
    with pytest.raises(StoreError, match="not in its folder"):
        Store(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux shows them")
def test_an_open_store_leaves_no_thread_at_work(toy_store: Store) -> None:
    """One of Arrow's that gave up a Python object while the interpreter ended aborted it: "terminate called without an active exception"."""
    counting = f"""
import os
import gaitbridge.store
def threads():
    return sum("jemalloc" not in open(f"/proc/self/task/{{one}}/comm").read() for one in os.listdir("/proc/self/task"))
before = threads()
store = gaitbridge.store.Store({str(toy_store.path)!r})
assert len(store.rows) == {len(toy_store.rows)}
print(threads() - before)
"""
    done = subprocess.run([sys.executable, "-c", counting], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
