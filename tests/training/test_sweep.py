"""A sweep trains one run with other settings, keeps what is finished, names what failed, and ends with a table."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from gaitbridge.cli import main
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing.swept import SweptRow, best_validation
from gaitbridge.report.sweep import sweep_table
from gaitbridge.store import Store
from gaitbridge.training import study
from gaitbridge.training.given import settings_given
from gaitbridge.training.sweep import arm_name, grid_of, listed_in, plan_sweep, run_sweep

TOY = ("steps=2", "validate_every=1", "data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]",
       "network.blocks=[1,1]", "network.strides=[2,2]", "network.stem_stride=1", "network.bins=[8]", "network.embedding=16", "precision=float32")


def test_a_grid_is_all_combinations() -> None:
    assert grid_of(["a.b=1e-3,3e-3", "c=[1,2],[3]"]) == [
        ("a.b=0.001", "c=[1,2]"), ("a.b=0.001", "c=[3]"), ("a.b=0.003", "c=[1,2]"), ("a.b=0.003", "c=[3]")]
    assert grid_of(['name="x,y",adam']) == [('name="x,y"',), ("name=adam",)]
    for wrong, words in ((["a"], "write it as a.b=value,value"), (["a=1,"], "write it as"), (["a=1", "a=2"], "names a twice")):
        with pytest.raises(UserError, match=words):
            grid_of(wrong)


def test_a_list_has_an_arm_a_line(tmp_path: Path) -> None:
    file = tmp_path / "arms"
    file.write_text("# mine\noptimiser.learning_rate=1e-3  data.frames=4 # as published\n\ndata.frames=2\n")
    assert listed_in(file) == [("optimiser.learning_rate=0.001", "data.frames=4"), ("data.frames=2",)]
    file.write_text("data.frames=2\nframes 3\n")
    with pytest.raises(UserError, match="line 2: 'frames' is no setting"):
        listed_in(file)


def test_arms_have_names_that_folders_may_have() -> None:
    assert arm_name(("a.b=0.001", "c=[1,2]")) == "a.b=0.001,c=[1,2]"
    names = {arm_name((f"start_from={place}/run",)) for place in ("x", "é", "../..", "y" * 300, "y" * 301)}
    assert len(names) == 5
    assert all("/" not in name and len(name) < 140 and name.isascii() for name in names)


def called_here(command: Sequence[str], log: Path, what: str, running: object) -> None:
    """A command of a study, in this process: the tests of studies call them as they are."""
    if code := main(list(command)):
        raise study.CommandFailed(f"{what} ended with code {code}", "a batch needs 40 people")


def test_it_trains_names_failures_and_goes_on_where_it_was(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    """An arm that needs more people than there are fails; the other is kept, and called no second time."""
    monkeypatch.setattr(study, "call", called_here)
    words = ["sweep", "gaitbase/tiny", "--data", str(toy_store.path), "--out", str(tmp_path / "out"), "--grid", "data.people_per_batch=4,40"]
    words += [word for setting in TOY if "people_per_batch" not in setting for word in ("--set", setting)]
    assert main(words) == 2
    assert "1 of 2 runs failed (data.people_per_batch=40-s0)" in capsys.readouterr().err.splitlines()[-1]
    assert "a batch needs 40 people" in (tmp_path / "out" / "sweep.md").read_text()
    rows = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert [(row["seed"], row["failure"] == "", row["best"] is not None) for row in rows] == [(0, True, True), (0, False, False)]
    with (tmp_path / "out" / "sweep.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2
    log = [json.loads(line) for line in (tmp_path / "out" / "data.people_per_batch=4-s0" / "log.jsonl").read_text().splitlines()]
    assert rows[0]["best"] == max(line["metrics"]["rank1"] for line in log if line["kind"] == "validation")

    done = tmp_path / "out" / "data.people_per_batch=4-s0"
    assert main(["train", "--from", str(done), "--data", str(toy_store.path), "--out", str(tmp_path / "again"), "--set", "steps=1"]) == 0
    assert json.loads((tmp_path / "again" / "config.json").read_text()) == json.loads((done / "config.json").read_text()) | {"steps": 1}
    assert main(["train", "--data", str(toy_store.path), "--out", str(tmp_path / "none")]) == 2
    assert "name a recipe" in capsys.readouterr().err

    document, common = settings_given(recipe="gaitbase/tiny"), [one for one in TOY if "people_per_batch" not in one]
    plan = plan_sweep(grid_of(["data.people_per_batch=4,40"]), document, toy_store, tmp_path / "out", settings=common, source=("gaitbase/tiny",))
    called = []
    monkeypatch.setattr(study, "call", lambda command, log, what, running: called.append(what))
    run_sweep(plan)
    assert called == ["train of data.people_per_batch=40, seed 0"]
    with pytest.raises(UserError, match=r"is a run with other settings \(steps\): choose another --out"):
        plan_sweep(grid_of(["data.people_per_batch=4"]), document, toy_store, tmp_path / "out", settings=[*common, "steps=3"])


def test_what_does_not_fit_is_refused_before_anything_is_begun(toy_store: Store, tmp_path: Path) -> None:
    document = settings_given(recipe="gaitbase/tiny")
    with pytest.raises(UserError, match=r"arm optimiser.learning_rate=1000: setting 'optimiser.learning_rate': .*less than or equal to 100"):
        plan_sweep(grid_of(["optimiser.learning_rate=0.1,1000"]), document, toy_store, tmp_path)
    with pytest.raises(UserError, match="did you mean 'learning_rate'"):
        plan_sweep(grid_of(["optimiser.learning_rat=0.1"]), document, toy_store, tmp_path)
    with pytest.raises(UserError, match="nothing to sweep"):
        plan_sweep([], document, toy_store, tmp_path)
    with pytest.raises(UserError, match="is there twice"):
        plan_sweep(grid_of(["steps=3,3"]), document, toy_store, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_settings_of_another_place_are_told_to_train(toy_store: Store, tmp_path: Path) -> None:
    plan = plan_sweep([("steps=3",)], settings_given(recipe="gaitbase/tiny"), toy_store, tmp_path, seeds=2, source=("--from", "RUN"))
    assert [one.folder.name for one in plan.runs] == ["steps=3-s0", "steps=3-s1"]
    (train,) = study.commands(plan, plan.runs[1])
    assert train == ["train", "--from", "RUN", "--data", str(toy_store.path), "--out", str(tmp_path / "steps=3-s1"), "--set", "steps=3",
                     "--set", "seed=1"]


def test_the_best_is_first_and_the_failed_last(tmp_path: Path) -> None:
    def row(arm: str, seed: int, best: float | None, failure: str = "") -> SweptRow:
        return SweptRow(arm, (arm,), seed, best, None if best is None else 20, 60.0, failure, "")

    lines = sweep_table([row("bad", 0, None, "it broke"), row("a", 0, 40.0), row("a", 1, 50.0), row("b", 0, 60.0),
                         row("b", 1, None, "it stopped")]).lines
    assert [line[:3] for line in lines] == [("b", "60.0", "60.0"), ("a", "45.0", "40.0 50.0"), ("bad", "–", "–")]
    assert [line[-1] for line in lines] == ["seed 1 failed: it stopped", "all finished", "seed 0 failed: it broke"]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps({"kind": "validation", "step": step, "metrics": {"rank1": best}}) + "\n"
                                                for step, best in ((5, 10.0), (10, 30.0), (15, 30.0))))
    assert best_validation(tmp_path) == (30.0, 10)
