"""Pass 1: what is written is what comes back, and damage is named."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_store import make_store

from gaitbridge import __version__
from gaitbridge.errors import StoreError, UserError
from gaitbridge.evaluation.embedding.file import read_embeddings, read_provenance
from gaitbridge.evaluation.embedding.from_store import embed_store, write_embeddings
from gaitbridge.store import Store
from gaitbridge.types import Embeddings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make_store(tmp_path_factory.mktemp("embed") / "store", people=3, missing=("p0001/bag-0/045",))


def mean_pixel(silhouettes: list[np.ndarray] | None = None, range_views: list[np.ndarray] | None = None) -> Embeddings:
    """A network that can be checked by hand: the mean of the pixels, in all parts."""
    sequences = silhouettes or range_views or []
    means = [np.nanmean(frames.astype(np.float32)) for frames in sequences]
    return Embeddings(np.asarray(means, np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32), "cosine", "", "abc")


def test_embeddings_come_back_in_the_order_asked_for(store: Store, tmp_path: Path) -> None:
    numbers, seen = [7, 3, 20, 0, 11], []

    def progress(done: int, total: int, note: str) -> None:
        seen.append((done, total))

    made = embed_store(mean_pixel, store, numbers, "camera", tmp_path / "e.npz", {"run": "r1"}, batch=2, progress=progress)
    back = read_embeddings(tmp_path / "e.npz")
    assert back.keys == made.keys == tuple(store.rows[number]["key"] for number in numbers)
    for number, value in zip(numbers, back.values, strict=True):
        assert value[0, 0] == pytest.approx(store.read(number, ["silhouettes"]).arrays["silhouettes"].mean(), rel=1e-5)
    assert (back.distance, back.modality, back.weights_hash) == ("cosine", "silhouettes", "abc")
    assert seen == [(2, 5), (4, 5), (5, 5)]
    about = read_provenance(tmp_path / "e.npz")
    assert about["run"] == "r1"
    assert about["data_hash"] == store.content_hash
    assert about["code_version"] == __version__


def test_sequences_without_the_modality_are_left_out_and_listed(store: Store, tmp_path: Path) -> None:
    made = embed_store(mean_pixel, store, range(len(store.rows)), "lidar", tmp_path / "e.npz", {})
    assert len(made) == len(store.rows) - 1
    assert read_provenance(tmp_path / "e.npz")["left_out"] == ["p0001/bag-0/045"]
    only = [store.row_of_key["p0001/bag-0/045"]]
    with pytest.raises(UserError, match="none of 1 sequences has range_views"):
        embed_store(mean_pixel, store, only, "lidar", tmp_path / "none.npz", {})


def test_a_mistake_leaves_no_file(store: Store, tmp_path: Path) -> None:
    def diverged(silhouettes: list[np.ndarray]) -> Embeddings:
        return Embeddings(np.full((len(silhouettes), 2, 2), np.inf, np.float32), weights_hash="abc")

    with pytest.raises(UserError, match=r"p0000/normal-0/000 is not finite"):
        embed_store(diverged, store, [0, 1], "camera", tmp_path / "e.npz", {})
    with pytest.raises(UserError, match="did you mean 'camera'"):
        embed_store(mean_pixel, store, [0], "camara", tmp_path / "e.npz", {})
    with pytest.raises(ValueError, match="1 embeddings for 2 sequences"):
        embed_store(lambda silhouettes: mean_pixel(silhouettes[:1]), store, [0, 1], "camera", tmp_path / "e.npz", {})
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = write_embeddings(Embeddings(np.ones((1, 2, 2), np.float32), keys=("k",)), tmp_path / "e.npz", {})
    whole = path.read_bytes()
    with pytest.raises(UserError, match=r"missing\.npz is missing"):
        read_embeddings(tmp_path / "missing.npz")
    for damage in (
        whole[: len(whole) // 2],
        b"",
        b"not a zip",
        whole.replace("modality".encode("utf-32-le"), "modaliti".encode("utf-32-le")),
    ):
        path.write_bytes(damage)
        with pytest.raises(StoreError, match=r"e\.npz.* damaged .*embed the store again"):
            read_embeddings(path)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    with (tmp_path / "e.npz").open("wb") as file:
        np.savez(file, values=np.asarray([{"a": 1}], dtype=object), keys=np.asarray(["k"]), provenance=np.asarray(json.dumps({})))
    with pytest.raises(StoreError, match="damaged"):
        read_embeddings(tmp_path / "e.npz")
