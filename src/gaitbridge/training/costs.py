"""What each arm of a study costs: parameters, a training step, an embedding. The arms are timed in turn, in one process of one thread."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from gaitbridge.config import checked, overridden
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.evaluation.comparing.costs import CostRow
from gaitbridge.machine import keep_freed_memory, processor_name
from gaitbridge.progress import Progress, silent
from gaitbridge.store import Store
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import bf16_is_native, built, hook, in_float32, on_device
from gaitbridge.training.optimiser import make_optimiser
from gaitbridge.training.study import Arm, Plan
from gaitbridge.training.tracking import provenance
from gaitbridge.types import Batch

FRAMES = 30  # of a sequence that is embedded
WARM_UP = 2


@dataclass
class Timed:
    """An arm ready to be trained and to embed."""

    network: nn.Module
    objective: nn.Module
    optimiser: torch.optim.Optimizer
    batch: Batch
    bf16: bool

    def step(self) -> None:
        """One training step, as the loop does it."""
        self.network.train()
        with torch.autocast(self.batch.frames.device.type, torch.bfloat16, enabled=self.bf16):
            features = self.network(self.batch)
            if beside := hook(self.objective, "beside")(self.batch):
                features = features._replace(extras={**features.extras, **beside})
        losses = self.objective(in_float32(features), self.batch, 0.5)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()
        self.optimiser.step()
        hook(self.objective, "follow")(self.network)

    def embedding(self, modality: str) -> Callable[[], None]:
        """What embeds one sequence of FRAMES frames of a modality."""
        names = self.network.inputs[modality]  # type: ignore[index]
        chosen = torch.arange(FRAMES) % next(iter(self.batch.inputs.values())).shape[1]
        images = {name: self.batch.inputs[name][:1, chosen] for name in names}
        one = Batch(images, torch.full_like(self.batch.frames[:1], FRAMES), self.batch.people[:1])

        def embed() -> None:
            self.network.eval()
            with torch.inference_mode():
                self.network.embed(one)  # type: ignore[operator]

        return embed


def measure(plan: Plan, rounds: int = 5, progress: Progress = silent) -> list[CostRow]:
    """The costs of a plan's arms, on a batch of its data each. UserError where settings or data do not fit."""
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    arms = list(dict.fromkeys(run.arm for run in plan.runs))
    store, before = Store(plan.data), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        timed = {arm.name: _timed(plan, arm, store, device) for arm in arms}
        calls = {(name, what): call for name, one in timed.items() for what, call in _calls(one).items()}
        spent: dict[tuple[str, str], list[float]] = {key: [] for key in calls}
        for number in range(WARM_UP + rounds):
            for (name, what), call in calls.items():
                torch.manual_seed(number)
                begun = _now(device)
                call()
                if number >= WARM_UP:
                    spent[name, what].append(1e3 * (_now(device) - begun))
            progress(number + 1, WARM_UP + rounds, "")
    finally:
        torch.set_num_threads(before)
    commit, machine = str(provenance()["commit"] or ""), torch.cuda.get_device_name() if device.type == "cuda" else processor_name()
    return [_row(name, one, {what: spent[name, what] for own, what in calls if own == name}, rounds, commit, machine) for name, one in timed.items()]


def _timed(plan: Plan, arm: Arm, store: Store, device: torch.device) -> Timed:
    document = overridden(recipe(arm.recipe or plan.recipe).model_dump(mode="json"), (*arm.settings, *plan.settings))
    config = checked(RunConfig, document)
    network, objective, data = built(config, store)
    hook(objective, "begin")(network, 1)
    bf16 = config.precision == "bf16" or (config.precision == "auto" and bf16_is_native(device))
    network, objective = network.to(device), objective.to(device)
    return Timed(network, objective, make_optimiser([*network.parameters(), *objective.parameters()], config.optimiser),
                 on_device(data[0], device), bf16)


def _calls(one: Timed) -> dict[str, Callable[[], None]]:
    """What is timed of an arm, by name: a step, and an embedding of each sensor."""
    return {"step": one.step} | {modality: one.embedding(modality) for modality in one.network.inputs}  # type: ignore[union-attr]


def _row(name: str, one: Timed, spent: dict[str, list[float]], rounds: int, commit: str, machine: str) -> CostRow:
    low, middle, high = np.quantile(spent["step"], [0.25, 0.5, 0.75])
    camera, lidar = (float(np.median(spent[modality])) if modality in spent else None for modality in (CAMERA, LIDAR))
    counts = [sum(p.numel() for p in module.parameters()) for module in (one.network, one.objective)]
    return CostRow(name, counts[0], counts[1], float(middle), float(low), float(high), camera, lidar, FRAMES, rounds, commit, machine,
                   round(os.getloadavg()[0], 1))


def _now(device: torch.device) -> float:
    """Seconds of the processor, or of the clock when a GPU has finished."""
    if device.type != "cuda":
        return time.process_time()
    torch.cuda.synchronize(device)
    return time.perf_counter()
