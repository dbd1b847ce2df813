"""A study runs its arms, keeps what is finished, goes on after a stop, and says what it found."""

import csv
import json
import subprocess
import threading
from pathlib import Path

import pytest
from command_line import gaitbridge_command, run

from gaitbridge.cli import main
from gaitbridge.cli import study as cli_study
from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.evaluation.comparing.costs import read_costs, write_costs
from gaitbridge.files import write_json
from gaitbridge.parts import Part
from gaitbridge.report.study import ArmRuns, hardware_of, spread, study_table, values_of, write_study
from gaitbridge.report.study import StudyRow as Row
from gaitbridge.report.study_columns import COSTS, cost_note
from gaitbridge.store import Store
from gaitbridge.training import costs, robustness, study
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.studies import DIFFCROSSGAIT, RIVALS, STUDIES, TRANSFER, open_study

TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]", "network.strides=[2,2]",
       "network.stem_stride=1", "network.embedding=16", "network.parts=8", "precision=float32")


@pytest.fixture(scope="module")
def done(toy_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two arms, one seed, by the command; its `docs` hold the report."""
    folder = tmp_path_factory.mktemp("study")
    words = [word for setting in TOY for word in ("--set", setting)]
    run("study", "diffcrossgait", "--data", toy_store.path, "--out", folder / "out", "--report", folder / "docs", "--seeds", "1", "--steps", "2",
        "--jobs", "2", "--only", "identity", "contrastive", *words)
    return folder


def test_it_writes_a_table_a_figure_and_rows(done: Path) -> None:
    text = (done / "docs" / "diffcrossgait.md").read_text()
    assert "| identity | identity losses alone |" in text
    assert "phase-1" not in text
    assert "identity against contrastive" in text
    assert "Simulated people: synthetic results." in text
    assert (done / "docs" / "diffcrossgait.png").read_bytes().startswith(b"\x89PNG")
    with (done / "docs" / "diffcrossgait.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["arm", "seed", "probe", "gallery", "metric", "value", "low", "high", "n", "commit", "hardware", "minutes"]
    assert {row["arm"] for row in rows} == {"identity", "contrastive"}
    (value,) = [row["value"] for row in rows if (row["arm"], row["probe"], row["gallery"], row["metric"])
                == ("identity", "camera", "lidar", "rank-1, other views")]
    results = json.loads((done / "out" / "diffcrossgait" / "identity-s0" / "evaluation" / "results.json").read_text())
    assert float(value) in [row["value"] for row in results if (row["metric"], row["views"], row["condition"]) == ("rank-1", "excluded", "all")]


def test_a_report_of_what_is_finished(done: Path, toy_store: Store, tmp_path: Path) -> None:
    words: list[str | Path] = ["study", "diffcrossgait", "--data", toy_store.path, "--report", tmp_path, "--steps", "2", "--report-only",
                               *(word for setting in TOY for word in ("--set", setting))]
    run(*words, "--out", done / "out", "--seeds", "2", "--only", "identity", "contrastive", "head")
    text = (tmp_path / "diffcrossgait.md").read_text()
    assert "**4 runs are not finished and are missing here.**" in text
    assert "identity against contrastive" in text
    assert "| head |" not in text
    assert not (done / "out" / "diffcrossgait" / "head-s0").exists()
    assert "leave --report-only out" in run(*words, "--out", tmp_path / "nothing", code=2).stderr


def test_what_is_finished_is_kept(done: Path, toy_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = study.plan(DIFFCROSSGAIT, toy_store.path, done / "out", seeds=2, only=["identity", "contrastive"], steps=2, settings=TOY)
    assert [study.finished(found, one) for one in found.runs] == [True, True, False, False]
    called: list[str] = []
    monkeypatch.setattr(study, "call", lambda command, log, what, running: called.append(what))
    study.execute(found, 2)
    assert sorted(called) == [f"{verb} of {arm}, seed 1" for verb in ("evaluate", "train") for arm in ("contrastive", "identity")]


def test_runs_of_other_settings_or_other_data_are_named(toy_store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "diffcrossgait" / "identity-s0"
    folder.mkdir(parents=True)
    made = (*DIFFCROSSGAIT.arms[0].settings, *TOY, "steps=2", "validate_every=1", "seed=0")
    assert DIFFCROSSGAIT.arms[0].name == "identity"
    document = overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), made)
    (folder / "config.json").write_text(json.dumps(document))
    (folder / "provenance.json").write_text(json.dumps({"data_hash": toy_store.content_hash}))

    def check(*settings: str, steps: int = 2) -> None:
        arms = ["identity", "contrastive"]
        study.check_runs(study.plan(DIFFCROSSGAIT, toy_store.path, tmp_path, seeds=1, only=arms, steps=steps, settings=settings))

    check(*TOY)
    check(*TOY, "validate_every=2", "keep_at=[1]", "log_every=3", "data.workers=2")
    with pytest.raises(UserError, match=r"identity-s0 is a run with other settings than study diffcrossgait now asks for \(data.frames 2, not 3\)"):
        check(*TOY, "data.frames=3")
    with pytest.raises(UserError, match=r"\(steps 2, not 4\)"):
        check(*TOY, steps=4)
    with pytest.raises(UserError, match=r"network.channels \[8, 8\], not \[16, 32, 64\], .*, \.\.\.\)"):
        check()
    (folder / "provenance.json").write_text(json.dumps({"data_hash": "another"}))
    with pytest.raises(UserError, match="identity-s0 was trained on other data than"):
        check(*TOY)


def test_a_killed_run_is_resumed(toy_store: Store, tmp_path: Path) -> None:
    found = study.plan(DIFFCROSSGAIT, toy_store.path, tmp_path, seeds=1, only=["head"], steps=2, settings=TOY)
    (one,) = found.runs
    assert "--resume" not in study.commands(found, one)[0]
    one.folder.mkdir(parents=True)
    (one.folder / "config.json").write_text("{}")
    train, evaluate = study.commands(found, one)
    assert train[-1] == "--resume"
    assert "objective.latent_identity=0.3" in train
    assert train.index("objective.latent_identity=0.3") < train.index("steps=2") < train.index("seed=0")
    assert evaluate[:2] == ["evaluate", str(one.folder)]


def test_a_failure_is_one_line_with_its_log(toy_store: Store, tmp_path: Path) -> None:
    words = gaitbridge_command("study", "diffcrossgait", "--data", toy_store.path, "--out", tmp_path, "--report", tmp_path, "--seeds", "1",
                               "--only", "identity", "--set", "data.people_per_batch=40", "--set", "steps=1")
    failed = subprocess.run(words, capture_output=True, text=True, check=False)
    assert failed.returncode == 2
    last = failed.stderr.strip().splitlines()[-1]
    assert "train of identity, seed 0 ended with code 2: a batch needs 40 people" in last
    assert "identity-s0.log" in last
    assert not (tmp_path / "diffcrossgait.md").exists()


def test_plans_refuse_what_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'identity'"):
        study.plan(DIFFCROSSGAIT, tmp_path, tmp_path, only=["identiy"])
    with pytest.raises(UserError, match="needs test stores"):
        study.plan(TRANSFER, tmp_path, tmp_path)
    with pytest.raises(UserError, match="leave --test out"):
        study.plan(DIFFCROSSGAIT, tmp_path, tmp_path, tests=[tmp_path])
    with pytest.raises(UserError, match="did you mean 'transfer'"):
        open_study("transfr")
    with pytest.raises(UserError, match="did you mean 'frames'"):
        robustness.execute([], tmp_path, only=["framse"])


@pytest.mark.parametrize("name", STUDIES)
def test_every_arm_is_a_run_and_is_compared_with_one(name: str) -> None:
    one = STUDIES[name]
    names = [arm.name for arm in one.arms]
    assert len(set(names)) == len(names)
    made = []
    for arm in one.arms:
        assert not arm.against or arm.against in names
        made.append(checked(RunConfig, overridden(recipe(arm.recipe or one.recipe).model_dump(mode="json"), arm.settings)))
    assert len({config.model_dump_json() for config in made}) == len(made), "two arms are the same run"


def test_the_ground_of_robustness_is_the_newest_version_or_the_one_named() -> None:
    assert robustness.ground(5).silhouettes == "segmenter"
    assert robustness.ground(5, "small@1").silhouettes == "outline"
    assert robustness.ground(5).takes == (("normal",), ("normal",))
    with pytest.raises(UserError, match="standard@1 is no ground to vary: name small"):
        robustness.execute([], Path("nowhere"), of="standard@1")


def test_robustness_takes_no_store_of_another_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "FACTORS", {"frames": {"1": {"frames": 1, "views": ("000",)}}})
    assert robustness.execute([], tmp_path, people=1) == []
    content = Store(tmp_path / "stores" / "frames-1").content_hash
    assert robustness.execute([], tmp_path, people=1) == []
    assert Store(tmp_path / "stores" / "frames-1").content_hash == content
    with pytest.raises(UserError, match="holds a simulation that differs in"):
        robustness.execute([], tmp_path, people=1, of="small@1")


def test_levels_of_robustness_are_cohorts_that_differ() -> None:
    base = robustness.ground(5).model_dump()
    for factor, levels in robustness.FACTORS.items():
        made = [type(robustness.ground(5)).model_validate(base | changes) for changes in levels.values()]
        assert len({one.model_dump_json() for one in made}) == len(levels), factor
        assert all(list(one.numbers["test"]) == [120, 121, 122, 123, 124] for one in made)


def test_costs_are_measured_arm_by_arm_and_shown(toy_store: Store, tmp_path: Path) -> None:
    asked = study.plan(RIVALS, toy_store.path, tmp_path, seeds=1, only=["identity", "phases", "phases-slow-teacher"], steps=2, settings=TOY)
    measured = costs.measure(asked, rounds=1)
    write_costs(measured, asked.folder)
    identity, phases, slow = (read_costs(asked.folder)[name] for name in ("identity", "phases", "phases-slow-teacher"))
    assert [identity, phases, slow] == measured
    assert identity.parameters == phases.parameters > slow.parameters  # late stages shared
    assert identity.objective_parameters < phases.objective_parameters < slow.objective_parameters
    assert min(identity.step_ms, phases.step_ms, identity.camera_ms or 0.0, identity.lidar_ms or 0.0) > 0
    arms = [ArmRuns(name, "about", "", ()) for name in ("identity", "unmeasured")]
    table = study_table("t", arms, [], {}, {"identity": identity})
    assert table.header[-5:] == COSTS
    assert table.lines[0][-5] == f"{identity.parameters / 1e6:.2f}"
    assert table.lines[1][-5:] == ("–",) * 5
    assert "1 rounds" in cost_note([identity])
    assert read_costs(tmp_path / "nothing") == {}


def test_gaps_stand_beside_rank_1_where_something_was_diffused(tmp_path: Path) -> None:
    for name, relative in (("a", [0.2, 0.4]), ("b", [0.4, 0.6])):
        (tmp_path / name).mkdir()
        gap = {"gap": [1.0, 1.0], "between_people": [2.0, 2.0], "relative": relative}
        gaps = {"recovered": gap, "noise": gap | {"relative": [0.9, 0.9]}, "bottleneck": gap}
        document = {"t": [10, 90], "gaps": gaps, "pairs": 3, "people": 2, "note": ""}
        (tmp_path / name / "trajectory.json").write_text(json.dumps(document))
    arms = [ArmRuns("phases", "about", "", ((0, tmp_path, tmp_path / "a"), (1, tmp_path, tmp_path / "b"))), ArmRuns("plain", "about", "", ())]
    table = study_table("t", arms, [], {})
    assert table.header[-3:] == ("d_rec", "d_eps", "d_mid")
    assert [line[-3:] for line in table.lines] == [("0.40", "0.90", "0.40"), ("–", "–", "–")]


def row(arm: str, seed: int, value: float | None, probe: str = "camera") -> Row:
    return Row(arm, seed, probe, "camera", "rank-1, other views", value, None, None, 10, "c", "h", 2.0)


def test_tables_give_the_spread_over_seeds() -> None:
    rows = [row("a", 0, 50.0), row("a", 1, 54.0), row("b", 0, None)]
    assert values_of(rows, "a", "rank-1, other views", ("camera", "camera")) == [50.0, 54.0]
    assert (spread([50.0, 54.0]), spread([50.0]), spread([])) == ("52.0 ± 2.8", "50.0", "–")
    table = study_table("t", [ArmRuns("a", "about a", "", ()), ArmRuns("b", "about b", "a", ())], rows, {})
    assert table.lines[0] == ("a", "about a", "52.0 ± 2.8", "", "2", "2")
    assert table.lines[1] == ("b", "about b", "–", "", "1", "2")
    assert hardware_of({"hardware": {"gpu": None, "cpu": "X", "cores": 2}}) == "X, 2 cores, one thread a run"


def test_a_study_without_runs_says_so(toy_store: Store, tmp_path: Path) -> None:
    arms = [ArmRuns("a", "about", "", ()), ArmRuns("b", "about", "a", ()), ArmRuns("c", "about", "one that was not asked for", ())]
    write_study("none", "Nothing yet", arms, toy_store, "simulated", "gaitbridge study", tmp_path, unfinished=3)
    text = (tmp_path / "none.md").read_text()
    assert "3 runs are not finished" in text
    assert "Compared: b against a." in text


def words_of(store: Store, folder: Path, *more: str) -> list[str]:
    """The study of `done`, into another folder."""
    words = ["study", "diffcrossgait", "--data", str(store.path), "--out", str(folder / "out"), "--report", str(folder / "docs"), "--seeds", "1",
             "--steps", "2", "--only", "identity", "contrastive"]
    return words + [word for setting in TOY for word in ("--set", setting)] + list(more)


def test_the_last_part_writes_the_report_of_all_runs(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    called: list[str] = []
    written: list[tuple[list[str], str, Path]] = []

    def call(command: list[str], log: Path, what: str, running: object) -> None:
        called.append(what)
        if "evaluate" in what:
            write_json([], Path(command[command.index("--out") + 1]) / "results.json")

    def write_report(found: study.Plan, command: str, report: Path) -> None:
        written.append(([run.folder.name for run in found.runs if study.finished(found, run)], command, report.absolute()))

    monkeypatch.setattr(study, "call", call)
    monkeypatch.setattr(cli_study, "write_report", write_report)
    monkeypatch.setattr("sys.argv", ["gaitbridge", "study", "diffcrossgait", "--part", "2/2", "--seeds", "1"])
    assert main(words_of(toy_store, tmp_path, "--part", "2/2")) == 0
    assert main(["parts", str(tmp_path / "out")]) == 0
    assert "part 1/2 not begun" in capsys.readouterr().out
    assert main(["parts", str(tmp_path / "out"), "--merge"]) == 2
    assert written == []
    assert main(words_of(toy_store, tmp_path, "--part", "1/2")) == 0
    whole = (["identity-s0", "contrastive-s0"], "gaitbridge study diffcrossgait --seeds 1", tmp_path / "docs")
    assert [(sorted(names), *rest) for names, *rest in written] == [(sorted(whole[0]), *whole[1:])]
    assert len(called) == len(set(called)) == 4
    assert main(["parts", str(tmp_path / "out"), "--merge"]) == 0
    assert main(words_of(toy_store, tmp_path, "--part", "3/3")) == 0  # once more
    assert written == 3 * written[:1]
    assert len(called) == 4


def test_two_at_the_same_part_wait_for_each_other(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = study.plan(DIFFCROSSGAIT, toy_store.path, tmp_path / "out", seeds=1, only=["identity", "contrastive"], steps=2, settings=TOY)
    called: list[str] = []
    begun, ended = threading.Event(), threading.Event()

    def call(command: list[str], log: Path, what: str, running: object) -> None:
        if not begun.is_set():
            begun.set()
            assert ended.wait(60)
        called.append(what)
        if "evaluate" in what:
            write_json([], Path(command[command.index("--out") + 1]) / "results.json")
            ended.set()

    def do() -> None:
        assert study.execute_part(found, Part(1, 1), {}, tmp_path / "x.md")

    monkeypatch.setattr(study, "call", call)
    monkeypatch.setattr(study, "LOOK_AGAIN_S", 0.02)
    first = threading.Thread(target=do)
    first.start()
    assert begun.wait(60)
    do()
    first.join()
    assert sorted(called) == [f"{verb} of {arm}, seed 0" for verb in ("evaluate", "train") for arm in ("contrastive", "identity")]
