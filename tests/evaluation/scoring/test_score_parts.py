"""A score in parts is the one of one piece, number by number, whatever is asked of it."""

import json
from pathlib import Path

import pytest
from embedding_files import CASIA_B, CCPG, arrays, write

from gaitbridge.cli import main
from gaitbridge.evaluation.ranking import in_blocks

VIEWS = ("000", "090", "180")
MORE = ("--intervals", "--verification", "--open-set", "--cells")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_blocks, "DENSE_NUMBERS", 600)
    monkeypatch.setattr(in_blocks, "LEAST_ROWS", 9)


@pytest.mark.parametrize(("protocol", "types"), [("casia_b", CASIA_B), ("ccpg", CCPG)])
def test_parts_are_one_piece(protocol: str, types: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                             capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    file, whole, parted = write(tmp_path / "some.npz", **arrays(types, VIEWS)), tmp_path / "whole.json", tmp_path / "parted.json"
    words = ["score", str(file), "--protocol", protocol, *MORE]
    assert main([*words, "--out", str(whole)]) == 0
    assert main([*words, "--out", str(parted), "--part", "2/2"]) == 0
    assert not parted.exists()
    capsys.readouterr()
    assert main(["parts", str(parted)]) == 0
    assert "part 1/2 not begun" in capsys.readouterr().out
    assert main(["parts", str(parted), "--merge"]) == 2
    monkeypatch.setattr(in_blocks.AtOnce, "rows", None)  # all questions were asked of the parts
    monkeypatch.setattr(in_blocks.AtOnce, "counts", None)
    assert main([*words, "--out", str(parted), "--part", "1/2"]) == 0
    assert json.loads(parted.read_text()) == json.loads(whole.read_text())
    parted.unlink()
    assert main(["parts", str(parted), "--merge"]) == 0
    assert json.loads(parted.read_text()) == json.loads(whole.read_text())


def test_what_parts_cannot_do_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["score", str(tmp_path / "some.npz"), "--protocol", "casia_b", "--part", "1/2"]
    assert main(words) == 2
    assert "give --out" in capsys.readouterr().err
    assert main([*words, "--out", str(tmp_path / "x.json"), "--rerank", "k-reciprocal"]) == 2
    assert "without --part" in capsys.readouterr().err
