"""The demo says what it took, and begins nothing anew that is there."""

from pathlib import Path
from typing import Any

import pytest

from gaitbridge.cli import reporting


def test_the_demo_prints_its_time_and_simulates_and_trains_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:
    called: list[str] = []

    def simulate(store: Path, **_: Any) -> None:
        called.append("simulate")
        store.mkdir(parents=True)
        (store / "store.json").write_text("{}")

    def train(recipe: str, *, out: Path, resume: bool, **_: Any) -> None:
        called.append(f"train {recipe}, resume {resume}")
        out.mkdir(parents=True)
        (out / "provenance.json").write_text('{"seconds": 1.0}')

    for name, stand_in in {"simulate": simulate, "train": train, "evaluate": lambda *_, **__: called.append("evaluate"),
                           "report": lambda *_, **__: called.append("report")}.items():
        monkeypatch.setattr(reporting, name, stand_in)
    reporting.demo(tmp_path / "demo")
    reporting.demo(tmp_path / "demo")
    assert called == ["simulate", "train diffcrossgait/tiny, resume False", "evaluate", "report", "evaluate", "report"]
    said = " ".join(capsys.readouterr().out.split())
    assert said.count("0 s in all: simulation 0 s, training 0 s, evaluation and report 0 s") == 2
