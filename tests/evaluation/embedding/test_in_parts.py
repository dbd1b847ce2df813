"""Embeddings in parts are those of one go, whoever made which part and wherever it was stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaitbridge.errors import UserError
from gaitbridge.evaluation.embedding.file import read_embeddings, read_provenance
from gaitbridge.evaluation.embedding.from_store import embed_store
from gaitbridge.evaluation.embedding.in_parts import embed_in_parts, merged
from gaitbridge.parts import Part
from gaitbridge.store import Store
from gaitbridge.types import Embeddings


def embed(**arrays: Any) -> Embeddings:
    """The mean picture, in 11 parts."""
    values = np.stack([array.astype(np.float32).mean(0)[:, ::4].copy() for array in arrays["silhouettes"]])
    return Embeddings(values, "euclidean", "silhouettes", "w")


class Stopping:
    """An embedding that is stopped after some calls."""

    def __init__(self, calls: int) -> None:
        self.left, self.made = calls, 0

    def __call__(self, **arrays: Any) -> Embeddings:
        if not self.left:
            raise KeyboardInterrupt
        self.left, self.made = self.left - 1, self.made + 1
        return embed(**arrays)


def in_parts(store: Store, out: Path, by: Any = embed, numbers: list[int] | None = None, **settings: Any) -> int:
    return embed_in_parts(by, store, numbers or list(range(len(store.rows))), "camera", out, {"run": "r"}, "w", part=7, **settings)


def test_parts_are_one_go(toy_store: Store, tmp_path: Path) -> None:
    whole = embed_store(embed, toy_store, range(len(toy_store.rows)), "camera", tmp_path / "whole.npz", {"run": "r"})
    assert in_parts(toy_store, tmp_path / "out.npz") == 0
    found = read_embeddings(tmp_path / "out.npz")
    assert found.keys == whole.keys
    assert np.array_equal(found.values, whole.values)
    assert read_provenance(tmp_path / "out.npz") == read_provenance(tmp_path / "whole.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npz", "whole.npz"]  # no parts are left


def test_stopped_it_goes_on(toy_store: Store, tmp_path: Path) -> None:
    parts = -(-len(toy_store.rows) // 7)
    first = Stopping(3)
    with pytest.raises(KeyboardInterrupt):
        in_parts(toy_store, tmp_path / "out.npz", first)
    assert not (tmp_path / "out.npz").exists()
    second = Stopping(100)
    assert in_parts(toy_store, tmp_path / "out.npz", second) == 0
    assert (first.made, second.made) == (3, parts - 3)


def test_processes_share_the_parts_and_the_last_puts_them_together(toy_store: Store, tmp_path: Path) -> None:
    parts = -(-len(toy_store.rows) // 7)
    assert in_parts(toy_store, tmp_path / "out.npz", share=Part(2, 2)) == parts - parts // 2
    assert not (tmp_path / "out.npz").exists()
    assert in_parts(toy_store, tmp_path / "out.npz", share=Part(1, 2)) == 0
    assert len(read_embeddings(tmp_path / "out.npz")) == len(toy_store.rows)


def test_what_is_there_is_not_made_again_nor_overwritten(toy_store: Store, tmp_path: Path) -> None:
    assert in_parts(toy_store, tmp_path / "out.npz") == 0
    assert in_parts(toy_store, tmp_path / "out.npz", Stopping(0)) == 0
    with pytest.raises(UserError, match="of another network, modality or store"):
        in_parts(toy_store, tmp_path / "out.npz", numbers=[0, 1])
    (tmp_path / "other.npz").write_text("something")
    with pytest.raises(UserError, match="is no file of embeddings"):
        in_parts(toy_store, tmp_path / "other.npz")
    assert (tmp_path / "other.npz").read_text() == "something"


def test_twice_the_same_part_at_once(toy_store: Store, tmp_path: Path) -> None:
    """The second copy begins while the first is at its first group, and does all of it."""
    in_parts(toy_store, tmp_path / "whole.npz")
    out, second = tmp_path / "out.npz", Stopping(100)

    class Slowly:
        at_once = False

        def __call__(self, **arrays: Any) -> Embeddings:
            if not Slowly.at_once:
                Slowly.at_once = True
                assert in_parts(toy_store, out, second) == 0
            return embed(**arrays)

    assert in_parts(toy_store, out, Slowly()) == 0
    assert second.made == -(-len(toy_store.rows) // 7)
    assert out.read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npz", "whole.npz"]


def test_parts_whose_last_one_died_before_it_merged(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_parts(toy_store, tmp_path / "whole.npz")
    monkeypatch.setattr("gaitbridge.evaluation.embedding.in_parts._put_together", None)  # a stand-in for a kill
    with pytest.raises(TypeError):
        in_parts(toy_store, tmp_path / "out.npz")
    monkeypatch.undo()
    place = next(tmp_path.glob(".out.npz.*.parts"))
    assert merged(place).read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.npz", "whole.npz"]
