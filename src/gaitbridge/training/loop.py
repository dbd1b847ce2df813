"""The training loop, in one piece."""

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge import plugins
from gaitbridge.conventions import stream
from gaitbridge.data.batches import TrainingBatches, has_all
from gaitbridge.errors import UserError
from gaitbridge.files import is_free, made_whole, write_json
from gaitbridge.machine import keep_freed_memory
from gaitbridge.progress import Progress, silent
from gaitbridge.run_documents import read_config, read_provenance
from gaitbridge.store import Store
from gaitbridge.training import accumulation, averaging, checkpoint, processes
from gaitbridge.training.config import METHODS, RunConfig
from gaitbridge.training.optimiser import learning_rate, make_optimiser, momentum_at, set_rates
from gaitbridge.training.tracking import Log, provenance
from gaitbridge.training.validation import validate
from gaitbridge.types import Batch, Features

BEFORE_CONFIG = {"provenance.json"}  # what a run folder has before its config.json, which makes it one


def bf16_is_native(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware and faster than float32: a GPU by its kind, a CPU by a quick measurement."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()) and _bf16_is_faster()


@lru_cache(maxsize=1)
def _bf16_is_faster() -> bool:
    """Whether a training step's convolution takes less of the processor's time in bfloat16 (without AMX it may take more). A tenth of a second."""
    spent: dict[torch.dtype, float] = {}
    maps = torch.ones(32, 64, 16, 11).contiguous(memory_format=torch.channels_last)
    kernel = torch.full((64, 64, 3, 3), 0.01).contiguous(memory_format=torch.channels_last)
    for _ in range(4):  # the first makes the kernels
        for dtype in (torch.float32, torch.bfloat16):
            begun = time.process_time()
            x, weight = (value.to(dtype).requires_grad_() for value in (maps, kernel))
            torch.autograd.grad(functional.conv2d(x, weight, padding=1).sum(), [x, weight])
            spent[dtype] = min(spent.get(dtype, math.inf), time.process_time() - begun)
    return spent[torch.bfloat16] < spent[torch.float32]


def train(config: RunConfig, store: Store, run: Path, resume: bool = False, progress: Progress = silent) -> dict[str, Any]:
    """Train a run to its end; returns its final state.

    Data order and random numbers are functions of (seed, step): a run stopped at any moment and resumed from its last checkpoint
    gives, on a CPU, the very bits of a run that was never stopped. Several processes share each batch and train as one does, but for
    rounding (`processes`); any number of them resumes a run. Raises UserError where the run folder holds another run, the data
    cannot serve the recipe, or a loss is not finite (naming the batch).
    """
    # 1. the device, and one process a device under torchrun
    keep_freed_memory()
    fabric = _fabric()
    rank, several = fabric.global_rank, fabric.world_size > 1
    bf16 = bool(fabric.broadcast(config.precision == "bf16" or (config.precision == "auto" and bf16_is_native(fabric.device))))  # all alike

    # 2. data, and models sized from it; weights are drawn from the seed alone
    network, objective, data = built(config, store, (rank, fabric.world_size))
    held_out = [number for number in store.select(split="val") if has_all(store.rows[number], data.names)]
    accumulation.check_parts(len(data.plan(0).numbers), config.optimiser.accumulate)  # before there is a run folder, as too few people are refused
    begun: dict[str, Any] = {}
    if config.start_from and checkpoint.pointed(run, "last") is None:
        begun = _begin_with(config, network, objective, store)
    hook(objective, "begin")(network, fabric.world_size)
    if several:
        network = processes.synchronised(network, fabric.device)
    average = averaging.average_of(network) if config.optimiser.ema else None
    optimiser = make_optimiser([*network.parameters(), *objective.parameters()], config.optimiser)

    # 3. the run folder: a new one, or the last checkpoint of the same run
    state: dict[str, Any] = {"step": 0, "best": -1.0, "metrics": {}, "seconds": 0.0}
    facts = {"data": str(store.path), "data_hash": store.content_hash, "people": len(data.people), "bf16": bf16, "processes": fabric.world_size,
             "parameters": sum(p.numel() for p in network.parameters()), "objective_parameters": sum(p.numel() for p in objective.parameters()),
             **begun}
    last: Path | None = fabric.broadcast(_open_run(run, config, store, resume, facts) if fabric.is_global_zero else None)
    network, objective = network.to(fabric.device), objective.to(fabric.device)
    used = network if average is None else average.to(fabric.device)  # what is validated, and taken to use
    if last is not None:
        found = checkpoint.restore(last, network, objective, optimiser, average)
        state = {key: found[key] for key in state}
        bf16 = bool(read_provenance(run).get("bf16", bf16))  # as it was begun, also on another kind of processor
    log = Log(run, state["step"]) if fabric.is_global_zero else None
    forward = torch.compile(network) if config.compile else network
    wrapped = fabric.setup(forward)
    criterion = fabric.setup(objective) if any(p.requires_grad for p in objective.parameters()) else objective  # triplets alone: nothing to share
    optimiser = fabric.setup_optimizers(optimiser)

    # 4. the steps
    started, resumed_at, before = time.monotonic(), state["step"], state["seconds"]
    progress(state["step"], config.steps, "")
    for step, batch in enumerate(data.from_step(state["step"], config.steps), state["step"]):
        wrapped.train()
        rate = learning_rate(config.optimiser, step, config.steps)
        set_rates(optimiser, rate, momentum_at(config.optimiser, step, config.steps))
        batch = on_device(batch, fabric.device)
        see = _seeing(wrapped, objective, bf16, (config.seed, step, rank))
        parts = accumulation.in_parts(batch, config.optimiser.accumulate)
        own = see(batch, 0) if len(parts) == 1 else accumulation.seen_first(see, parts, (network, objective))
        features, labels = processes.gathered(own, batch) if several else (own, batch)
        torch.manual_seed(_seed(config.seed, "step", step, 0))  # the objective draws the same numbers in every process
        losses: Mapping[str, Tensor] = criterion(features, labels, step / config.steps)
        total = torch.stack(list(losses.values())).sum()
        if not torch.isfinite(total):
            _not_finite(losses, batch, step)
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(total)
        if len(parts) > 1:
            accumulation.passed_back(fabric, wrapped, see, parts, own)
        if config.optimiser.clip:
            torch.nn.utils.clip_grad_norm_([*network.parameters(), *objective.parameters()], config.optimiser.clip)
        optimiser.step()
        hook(objective, "follow")(network)
        if average is not None:
            averaging.follow(average, network, config.optimiser.ema, step)

        # 5. what is written down
        done = step + 1
        state["step"], state["seconds"] = done, before + time.monotonic() - started
        if log and (done % config.log_every == 0 or done == config.steps):
            values = {name: float(loss.detach()) for name, loss in losses.items()}
            speed = (done - resumed_at) * len(labels.people) / (time.monotonic() - started)
            log.write("train", done, values | {"total": float(total.detach()), "learning_rate": rate}, losses=values, total=float(total.detach()),
                      learning_rate=rate, sequences_per_s=round(speed, 2), seconds=round(state["seconds"], 3))
            progress(done, config.steps, f"loss {float(total.detach()):.2f}, {speed:.0f} sequences/s" + _said(state["metrics"]))
        if done % config.validate_every == 0 or done == config.steps or done in config.keep_at:
            if fabric.is_global_zero:
                metrics = dict(validate(used, store, held_out, fabric.device, bf16)) if held_out else {}
                best = metrics.get("rank1", float(done)) > state["best"]  # without held-out people the last is the best
                state |= {"metrics": metrics, "best": max(state["best"], metrics.get("rank1", float(done)))}
                if log:  # before the checkpoint: whoever resumes from it finds the line, and resumed from an earlier one drops it
                    log.write("validation", done, metrics, metrics=metrics)
                    log.settle()
                checkpoint.save_checkpoint(run, done, network, objective, optimiser, state, best, done in config.keep_at, average)
            fabric.barrier()
    progress(config.steps, config.steps, _said(state["metrics"]).removeprefix(", "))
    if log:
        log.close()
        write_json(dict(read_provenance(run)) | {"seconds": round(state["seconds"], 1)}, run / "provenance.json")
    return state


def built(config: RunConfig, store: Store, share: tuple[int, int] = (0, 1)) -> tuple[nn.Module, nn.Module, TrainingBatches]:
    """The network, the objective and the data of a run, weights drawn from its seed alone; share (r, W): the part of process r of W. UserError where
    settings do not fit each other or the data."""
    network_module, objective_module = (plugins.load(f"{METHODS}.{config.method}", name) for name in ("network", "objective"))
    reader = objective_module.truth(config.objective) if hasattr(objective_module, "truth") else None
    torch.manual_seed(_seed(config.seed, "weights"))
    try:
        network: nn.Module = network_module.Network(config.network)
        names = sorted({name for group in network.inputs.values() for name in group})  # type: ignore[operator]
        data = TrainingBatches(store, names, config.data, config.seed, share, truth=reader, size=getattr(config.network, "size", None),
                               points=getattr(config.network, "points", 0))
        objective: nn.Module = objective_module.Objective(config.objective, config.network, len(data.people))
    except ValueError as error:
        raise UserError(f"{config.recipe}: settings that do not fit each other: {error}") from error
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, objective, data


def hook(objective: nn.Module, name: str) -> Callable[..., Any]:
    """What an objective does beside its losses, where it does anything: `begin` with the network before the first step, see something of its own in a
    batch (`beside`: to the features' extras), `follow` the network after each step."""
    found = getattr(objective, name, None)
    return found if callable(found) else lambda *_: None


def _seeing(network: Callable[[Batch], Features], objective: nn.Module, bf16: bool, place: tuple[int, int, int]) -> accumulation.See:
    """How a batch or a part of it is seen in a step; place: seed, step, and process."""
    seed, step, rank = place

    def see(batch: Batch, part: int) -> Features:
        torch.manual_seed(_seed(seed, "step", step, rank, *((part,) if part else ())))
        with torch.autocast(batch.frames.device.type, torch.bfloat16, enabled=bf16):
            features = network(batch)
            if beside := hook(objective, "beside")(batch):
                features = features._replace(extras={**features.extras, **beside})
        return in_float32(features)  # distances need its precision

    return see


def _fabric() -> Any:
    """Lightning Fabric: one process on a CPU or a GPU, or as many as torchrun started, with gradients averaged between them."""
    from lightning.fabric import Fabric
    from lightning.fabric.strategies import DDPStrategy

    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    # a batch may have no step in some phase's range, so that some weights have no gradient
    strategy = DDPStrategy(find_unused_parameters=True) if int(os.environ.get("WORLD_SIZE", "1")) > 1 else "auto"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"The `srun` command")  # torchrun is what starts several processes here, under SLURM as well
        fabric = Fabric(accelerator="auto", devices=here, num_nodes=max(1, int(os.environ.get("WORLD_SIZE", "1")) // here), strategy=strategy)
    fabric.launch()
    return fabric


def on_device(batch: Batch, device: torch.device) -> Batch:
    """A batch with its tensors on a device."""
    inputs, extras = ({name: x.to(device) for name, x in group.items()} for group in (batch.inputs, batch.extras))
    return Batch(inputs, batch.frames.to(device), batch.people.to(device), batch.keys, extras)


def in_float32(features: Features) -> Features:
    """Features in single precision, whatever they were computed in."""
    return Features(*({name: x.float() for name, x in group.items()} for group in features))


def _begin_with(config: RunConfig, network: nn.Module, objective: nn.Module, store: Store) -> dict[str, Any]:
    """Another run's weights, its objective's as well where it was trained on this store; what is to be known of them."""
    run = Path(config.start_from)
    if config.start_partly:
        found, count = checkpoint.start_partly(run, network)
        return {"start_weights": found, "start_tensors": count}
    return {"start_weights": checkpoint.start(run, network, objective, read_provenance(run).get("data_hash") == store.content_hash)}


def _seed(seed: int, *purpose: str | int) -> int:
    """A seed for torch's generator, of one purpose."""
    return int(stream(seed, *purpose).integers(2**62))


def _said(metrics: Mapping[str, float]) -> str:
    """Validation in words for the progress line."""
    return f", validation rank-1 {metrics['rank1']:.1f} %" if "rank1" in metrics else ""


def _not_finite(losses: Mapping[str, Tensor], batch: Batch, step: int) -> None:
    """Stop the run, saying which loss it was and on what."""
    names = ", ".join(name for name, loss in losses.items() if not bool(torch.isfinite(loss))) or "the sum"
    raise UserError(f"step {step}: {names} is not finite on the batch {', '.join(batch.keys)}; the last checkpoint is whole: "
                    "look at these sequences (gaitbridge inspect), or lower optimiser.learning_rate")


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run begun before some setting was there, with its default; as they are where this version does not know them."""
    try:
        return RunConfig.model_validate(document).model_dump(mode="json")
    except ValueError:
        return document  # what differs is then named, setting by setting


def _open_run(run: Path, config: RunConfig, store: Store, resume: bool, facts: dict[str, Any]) -> Path | None:
    """Make the run folder, or find its last checkpoint. UserError where it holds another run, or one that was not to be resumed."""
    file, document = run / "config.json", config.model_dump(mode="json")
    if not file.is_file():
        if not is_free(run, "config.json", BEFORE_CONFIG):
            raise UserError(f"{run} exists and is not a run: choose another --out")
        with made_whole(run, "config.json", BEFORE_CONFIG) as made:
            write_json(provenance(**facts), made / "provenance.json")
            write_json(document, made / "config.json")
        return None
    if not resume:
        raise UserError(f"{run} holds a run already: go on with --resume, or choose another --out")
    if (before := _completed(read_config(run))) != document:
        changed = sorted(key for key in document if before.get(key) != document[key])
        raise UserError(f"{run} was begun with other settings ({', '.join(changed)}): resume with the same recipe and --set, or choose another --out")
    begun_on = read_provenance(run).get("data_hash")
    if begun_on != store.content_hash:
        raise UserError(f"{run} was begun on other data (hash {begun_on}, {store.path} has {store.content_hash})")
    checkpoint.tidy(run)
    return checkpoint.pointed(run, "last")
