"""A command launched in parts makes what it makes in one piece."""

from pathlib import Path

import published_trees
import pytest

from gaitbridge.cli import main
from gaitbridge.store import Store


def test_an_import_by_two_processes_is_that_of_one(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    published_trees.casia_b(tmp_path / "casia")
    asked = ["import", "casia_b", "casia", "OUT", "--val", "1", "--workers", "0"]
    assert main([word.replace("OUT", "whole") for word in asked]) == 0
    assert main(["launch", "--on", "processes:2", *[word.replace("OUT", "merged") for word in asked]]) == 0
    merged = Store(tmp_path / "merged").document["content_hash"]
    assert merged == Store(tmp_path / "whole").document["content_hash"]
    assert f"content {merged}" in capfd.readouterr().out
    assert not (tmp_path / "merged.launch").exists()
