"""A run can be killed at any moment and resumed to the same bits; what is wrong is said in one line."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import toy_sequence

from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError
from gaitbridge.inference.loading import load
from gaitbridge.store import Store, finish_store, write_shard
from gaitbridge.training import checkpoint, loop
from gaitbridge.training.config import OptimiserConfig, RunConfig, recipe, recipes
from gaitbridge.training.loop import train
from gaitbridge.training.optimiser import learning_rate, make_optimiser, momentum_at, set_rates
from gaitbridge.training.tracking import Log
from gaitbridge.types import Sequence

TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]", "network.strides=[2,2]",
       "network.stem_stride=1", "network.embedding=16", "network.parts=8", "objective.diffusion.latent=16", "objective.diffusion.width=16",
       "precision=float32", "log_every=1", "validate_every=4")


def toy_config(*settings: str) -> RunConfig:
    return checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), [*TOY, *settings]))


def last_weights(run: Path) -> dict[str, torch.Tensor]:
    folder = checkpoint.pointed(run, "last")
    assert folder is not None
    return checkpoint.read_part(folder, "network") | checkpoint.read_part(folder, "objective")


def command(store: Store, run: Path, *more: str) -> list[str]:
    settings = [word for setting in (*TOY, "steps=20") for word in ("--set", setting)]
    return [sys.executable, "-m", "gaitbridge", "train", "diffcrossgait/tiny", "--data", str(store.path), "--out", str(run), *settings, *more]


def test_a_killed_run_resumes_to_the_bits_of_one_never_stopped(toy_store: Store, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(toy_store, whole), check=True, env=environment, capture_output=True)
    process = subprocess.Popen(command(toy_store, killed), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (killed / "checkpoints" / "last.json").is_file():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    stopped_at = json.loads((killed / "checkpoints" / "last.json").read_text())["step"]
    assert stopped_at < 20
    (killed / "log.jsonl").write_text((killed / "log.jsonl").read_text() + '{"kind": "train", "st')  # as a kill may leave it
    subprocess.run(command(toy_store, killed, "--resume"), check=True, env=environment, capture_output=True)
    expected, found = last_weights(whole), last_weights(killed)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    losses = [[(line["step"], line["losses"]) for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if line["kind"] == "train"]
              for run in (whole, killed)]
    assert losses[0] == losses[1]
    assert [step for step, _ in losses[1]] == list(range(1, 21))


def test_several_processes_train_one_network(toy_store: Store, tmp_path: Path) -> None:
    run, torchrun = tmp_path / "run", [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m"]
    words = command(toy_store, run, "--set", "steps=4")[2:]
    done = subprocess.run([*torchrun, *words], env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 steps in") == 1  # one of them speaks
    steps = [line["step"] for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if line["kind"] == "train"]
    assert steps == [1, 2, 3, 4]  # that they train what one would is test_processes' matter


def test_another_seed_gives_another_run(toy_store: Store, tmp_path: Path) -> None:
    runs = []
    for seed in (0, 1):
        train(toy_config("steps=2", f"seed={seed}"), toy_store, tmp_path / str(seed))
        runs.append(last_weights(tmp_path / str(seed)))
    assert not torch.equal(runs[0]["shared.weight"], runs[1]["shared.weight"])


def test_a_run_begins_with_anothers_weights(toy_store: Store, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    train(toy_config("steps=4", "objective.diffusion.phases=[]"), toy_store, first)
    settings = (f"start_from={first}", "steps=1", "seed=7", "optimiser.learning_rate=1e-9", "optimiser.weight_decay=0.0")
    train(toy_config(*settings), toy_store, second)
    before, after = last_weights(first), last_weights(second)
    trained = [name for name, tensor in before.items() if tensor.is_floating_point() and "running" not in name]
    assert "classify.weight" in trained
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in trained)
    assert any(name.startswith("diffusion.") for name in after.keys() - before.keys())  # a new loss begins afresh
    folder = checkpoint.pointed(first, "best")
    assert folder is not None
    assert json.loads((second / "provenance.json").read_text())["start_weights"] == checkpoint.weights_hash(checkpoint.read_part(folder, "network"))
    for wrong, said in ((f"start_from={tmp_path / 'none'}", "is no run with a checkpoint"), (f"start_from={first}", "set `network` as it was")):
        with pytest.raises(UserError, match=said):
            train(toy_config(wrong, "network.embedding=8", "steps=1"), toy_store, tmp_path / "wrong")
    train(toy_config(*settings, "start_partly=true", "network.embedding=8"), toy_store, tmp_path / "partly")
    folder = checkpoint.pointed(tmp_path / "partly", "best")
    assert folder is not None
    partly = checkpoint.read_part(folder, "network")
    fitting = {name for name, tensor in partly.items() if before[name].shape == tensor.shape}
    assert json.loads((tmp_path / "partly" / "provenance.json").read_text())["start_tensors"] == len(fitting) < len(partly)
    assert all(torch.allclose(before[name], partly[name], atol=1e-6) for name in fitting & set(trained))


def test_training_learns_the_toy(toy_store: Store, tmp_path: Path) -> None:
    train(toy_config("steps=60", "objective.diffusion.phases=[]", "validate_every=60"), toy_store, tmp_path / "run")
    losses = [line["total"] for line in map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines()) if line["kind"] == "train"]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def test_a_run_folder_is_never_overwritten(toy_store: Store, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(toy_config("steps=1"), toy_store, run)
    with pytest.raises(UserError, match="--resume"):
        train(toy_config("steps=1"), toy_store, run)
    with pytest.raises(UserError, match=r"other settings \(steps\)"):
        train(toy_config("steps=2"), toy_store, run, resume=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not a run"):
        train(toy_config("steps=1"), toy_store, tmp_path / "other")


def test_a_loss_that_is_not_finite_names_the_batch(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "learning_rate", lambda config, step, steps: 1e30)
    with pytest.raises(UserError, match=r"step \d+: .* is not finite on the batch p0"):
        train(toy_config("steps=30"), toy_store, tmp_path / "run")


def test_too_few_people_and_wrong_sizes(toy_store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs 9 people but the store has 6"):
        train(toy_config("data.people_per_batch=9"), toy_store, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    with pytest.raises(UserError, match="this network takes 64x64"):
        train(toy_config("network.size=[64,64]"), toy_store, tmp_path / "b")
    one = toy_sequence(0, "test", "normal", 0, 0)
    write_shard(tmp_path / "store", "a", [Sequence(one.labels, one.arrays)])
    finish_store(tmp_path / "store", ["a"], {})
    with pytest.raises(UserError, match="no sequences of split 'train'"):
        train(toy_config(), Store(tmp_path / "store"), tmp_path / "c")


def test_a_full_disk_is_one_line_and_keeps_the_last_checkpoint(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.torch
    from safetensors import SafetensorError

    run, real, calls = tmp_path / "run", safetensors.torch.save_file, []

    def full(tensors: dict[str, torch.Tensor], path: str) -> None:
        calls.append(path)
        if len(calls) > 4:  # within the second checkpoint
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")  # as it does on a full disk
        real(tensors, path)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(UserError, match="No space left on device"):
        train(toy_config("steps=8"), toy_store, run)
    assert json.loads((run / "checkpoints" / "last.json").read_text())["step"] == 4
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.json", "last.json", "step-0000004"]
    monkeypatch.setattr(safetensors.torch, "save_file", real)
    assert train(toy_config("steps=8"), toy_store, run, resume=True)["step"] == 8


@pytest.mark.parametrize(("hardware", "faster", "wanted"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_processor_takes_bf16_where_it_has_it_and_it_is_faster(hardware: bool, faster: bool, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: hardware)
    monkeypatch.setattr(loop, "_bf16_is_faster", lambda: faster)
    assert loop.bf16_is_native(torch.device("cpu")) is wanted


def test_a_resumed_run_keeps_the_precision_it_was_begun_in(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    for later in (True, False):  # what the processor is said to do when the run goes on
        monkeypatch.setattr(loop, "bf16_is_native", lambda device: True)
        run = tmp_path / str(later)
        monkeypatch.setattr(loop, "learning_rate", lambda config, step, steps: 1e-3 if step < 4 else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train(toy_config("steps=8", "precision=auto"), toy_store, run)
        monkeypatch.setattr(loop, "learning_rate", lambda config, step, steps: 1e-3)
        monkeypatch.setattr(loop, "bf16_is_native", lambda device, native=later: native)
        train(toy_config("steps=8", "precision=auto"), toy_store, run, resume=True)
        runs.append(last_weights(run))
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])


@pytest.mark.parametrize("survives", [0, 1])
def test_a_kill_between_the_pointers_loses_neither(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int) -> None:
    real = checkpoint.written_whole
    written: list[str] = []

    def killed(path: Path) -> AbstractContextManager[Path]:
        if len(written) == survives:
            raise KeyboardInterrupt
        written.append(path.name)
        return real(path)

    monkeypatch.setattr(checkpoint, "written_whole", killed)
    with pytest.raises(KeyboardInterrupt):
        train(toy_config("steps=4", "validate_every=4"), toy_store, tmp_path / "run")
    monkeypatch.setattr(checkpoint, "written_whole", real)
    train(toy_config("steps=4", "validate_every=4"), toy_store, tmp_path / "run", resume=True)
    assert checkpoint.pointed(tmp_path / "run", "best") == checkpoint.pointed(tmp_path / "run", "last") is not None


def test_a_kill_right_after_a_checkpoint_loses_no_line(toy_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(run: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "tidy", killed)  # the last thing that saving does
    with pytest.raises(KeyboardInterrupt):
        train(toy_config("steps=2", "validate_every=2"), toy_store, tmp_path / "run")
    monkeypatch.undo()
    train(toy_config("steps=2", "validate_every=2"), toy_store, tmp_path / "run", resume=True)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(line["kind"], line["step"]) for line in lines] == [("train", 1), ("train", 2), ("validation", 2)]


def test_checkpoints_that_are_to_stay_stay(toy_store: Store, tmp_path: Path) -> None:
    train(toy_config("steps=6", "validate_every=2", "keep_at=[1,3]"), toy_store, tmp_path)
    kept = [load(tmp_path, which) for which in ("1", "3", "last")]
    assert [one.folder.name for one in kept] == ["step-0000001", "step-0000003", "step-0000006"]
    assert len({one.weights_hash for one in kept}) == 3
    best = checkpoint.pointed(tmp_path, "best")
    assert set((tmp_path / "checkpoints").glob("step-*")) == {one.folder for one in kept} | {best}
    with pytest.raises(UserError, match=r"kept no checkpoint of step 4: it keeps those of its setting keep_at \(\[1, 3\]\)"):
        load(tmp_path, "4")


def test_a_run_begun_before_a_setting_was_there_goes_on(toy_store: Store, tmp_path: Path) -> None:
    train(toy_config("steps=2", "validate_every=1"), toy_store, tmp_path)
    document = json.loads((tmp_path / "config.json").read_text())
    del document["keep_at"]
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert train(toy_config("steps=2", "validate_every=1"), toy_store, tmp_path, resume=True)["step"] == 2
    with pytest.raises(UserError, match=r"begun with other settings \(keep_at\)"):
        train(toy_config("steps=2", "validate_every=1", "keep_at=[1]"), toy_store, tmp_path, resume=True)


def test_a_run_killed_before_it_had_its_settings_begins(toy_store: Store, tmp_path: Path) -> None:
    (tmp_path / "provenance.json").write_text("{}")
    (tmp_path / ".config.json.0a1b2c3d.part").write_text("{")
    assert train(toy_config("steps=1", "validate_every=1"), toy_store, tmp_path)["step"] == 1
    assert not list(tmp_path.rglob("*.part"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter").write_text("")
    with pytest.raises(UserError, match="exists and is not a run"):
        train(toy_config("steps=1"), toy_store, tmp_path / "other")


def test_a_resumed_log_drops_what_was_written_after_the_checkpoint(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for step in (1, 2, 3):
        log.write("train", step, {"total": 1.0 * step})
    log.close()
    (tmp_path / "log.jsonl").write_text((tmp_path / "log.jsonl").read_text() + '{"kind": "train", "st')
    Log(tmp_path, resumed=2).close()
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [1, 2]


def test_learning_rates() -> None:
    cycle = OptimiserConfig(learning_rate=1.0, warm_up=0.2)
    rates = [learning_rate(cycle, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 25)
    assert max(rates) == rates[20] == 1.0
    assert rates[-1] < 1e-2
    steps = OptimiserConfig(schedule="multi_step", learning_rate=1.0, milestones=(10, 20))
    assert [learning_rate(steps, step, 30) for step in (9, 10, 20)] == pytest.approx([1, 0.1, 0.01])
    halves = steps.model_copy(update={"factor": 0.5})
    assert [learning_rate(halves, step, 30) for step in (9, 10, 20)] == pytest.approx([1, 0.5, 0.25])


@pytest.mark.parametrize(("schedule", "middle"), [("cosine", 0.55), ("linear", 0.55), ("constant", 1.0)])
def test_rates_that_rise_along_a_line(schedule: str, middle: float) -> None:
    config = OptimiserConfig(schedule=schedule, learning_rate=1.0, warm_up=0.1, period=90, lowest_rate=0.1)  # type: ignore[arg-type]
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10] == 1.0
    assert rates[50] == pytest.approx(middle)
    assert set(rates[90:]) == {1.0 if schedule == "constant" else 0.1}
    whole = config.model_copy(update={"period": None, "warm_up": 0.0, "lowest_rate": 0.0})
    quarter = {"cosine": (1 + 0.5**0.5) / 2, "linear": 0.75, "constant": 1.0}[schedule]
    assert [learning_rate(whole, step, 100) for step in (0, 25)] == pytest.approx([1.0, quarter])


@pytest.mark.parametrize(("steps", "rise", "first_below", "last_below"), [(40, 0.475, 100.0, 1000.0), (37, 0.3, 25.0, 1e4), (50, 0.5, 25.0, 1e4)])
@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_rates_of_three_phases_are_those_of_pytorch(name: str, steps: int, rise: float, first_below: float, last_below: float) -> None:
    config = checked(OptimiserConfig, {"name": name, "schedule": "three_phases", "learning_rate": 0.01, "warm_up": rise,
                                       "momenta": (0.85, 0.95), "first_below": first_below, "last_below": last_below})
    mine, theirs = (make_optimiser([torch.nn.Parameter(torch.zeros(1))], config) for _ in range(2))
    schedule = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.01, steps, pct_start=rise, three_phase=True, div_factor=first_below,
                                                   final_div_factor=last_below)
    for step in range(steps):
        set_rates(mine, learning_rate(config, step, steps), momentum_at(config, step, steps))
        for what in ("lr", "betas" if name == "adam" else "momentum"):
            assert mine.param_groups[0][what] == pytest.approx(theirs.param_groups[0][what], rel=1e-12), (step, what)
        theirs.step()
        if step + 1 < steps:
            schedule.step()


def test_momenta_go_against_the_rate_of_one_cycle() -> None:
    config = OptimiserConfig(warm_up=0.2, momenta=(0.85, 0.95))
    momenta = [momentum_at(config, step, 100) for step in range(100)]
    assert [momenta[step] for step in (0, 10, 20, 60)] == pytest.approx([0.95, 0.9, 0.85, 0.9])
    assert momentum_at(config.model_copy(update={"momenta": None}), 0, 100) is None


@pytest.mark.parametrize("settings", [{"schedule": "three_phases", "warm_up": 0.6}, {"schedule": "three_phases", "warm_up": 0.0},
                                      {"schedule": "cosine", "momenta": (0.85, 0.95)}])
def test_rates_that_cannot_be_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"warm_up above 0, at most 0\.5|momenta go with one_cycle and three_phases, not with cosine"):
        checked(OptimiserConfig, settings)


def test_a_run_of_few_steps_has_rates_in_three_phases() -> None:
    config = OptimiserConfig(schedule="three_phases", learning_rate=1.0)
    rates = [learning_rate(config, step, steps) for steps in (1, 2, 3, 8) for step in range(steps)]
    assert all(0 < rate <= 1.0 for rate in rates)


def test_recipes_are_complete_and_found_by_name() -> None:
    known = recipes()
    assert {"diffcrossgait/tiny", "diffcrossgait/paper", "diffcrossgait/tiny_identity", "diffcrossgait/tiny_contrastive"} <= set(known)
    for name in known:
        config = recipe(name)
        assert config.recipe == name
        assert checked(RunConfig, json.loads(config.model_dump_json())) == config
    with pytest.raises(UserError, match="did you mean 'tiny'"):
        recipe("tinny")
