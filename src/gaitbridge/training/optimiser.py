"""Optimisers and learning rates; rate and momentum are pure functions of the step."""

import math
from collections.abc import Iterable

import torch

from gaitbridge.training.config import OptimiserConfig


def make_optimiser(parameters: Iterable[torch.nn.Parameter], config: OptimiserConfig) -> torch.optim.Optimizer:
    """The optimiser of a run; its rate is set before every step."""
    trained = [p for p in parameters if p.requires_grad]
    if config.name == "sgd":
        return torch.optim.SGD(trained, lr=config.learning_rate, momentum=0.9, weight_decay=config.weight_decay)
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[config.name]
    return kind(trained, lr=config.learning_rate, weight_decay=config.weight_decay)


def set_rates(optimiser: torch.optim.Optimizer, rate: float, momentum: float | None) -> None:
    """Gives the optimiser the rate of a step, and the momentum where that moves: SGD's, or the first beta of the others."""
    for group in optimiser.param_groups:
        group["lr"] = rate
        if momentum is not None and "betas" in group:
            group["betas"] = (momentum, group["betas"][1])
        elif momentum is not None:
            group["momentum"] = momentum


def learning_rate(config: OptimiserConfig, step: int, steps: int) -> float:
    """The rate of step `step` (from 0) of `steps`.

    one_cycle: a cosine rise from 1/25 of the peak over the warm-up, then a cosine fall to 1/10,000 (Smith and Topin 2018);
    three_phases: a cosine rise over the warm-up, a cosine fall back to the first rate over as many steps, and one to the last rate over the others
    (the same paper's; step for step those of PyTorch's OneCycleLR with three_phase);
    multi_step: times the factor after each milestone; cosine, linear, constant: a rise along a line over the warm-up, then half a cosine or
    a line to the lowest rate at the end of the period (Loshchilov and Hutter 2017), or nothing.
    """
    peak = config.learning_rate
    if config.schedule == "multi_step":
        return float(peak * config.factor ** sum(step >= milestone for milestone in config.milestones))
    rise = config.warm_up * steps
    if config.schedule == "three_phases":
        first = peak / config.first_below
        return _three(config.warm_up, step, steps, (first, peak, first, first / config.last_below))
    if config.schedule != "one_cycle":
        if step < rise:
            return peak * (step + 1) / (rise + 1)
        if config.schedule == "constant":
            return peak
        share = min(1.0, (step - rise) / max((config.period or steps) - rise, 1))
        left = (1 + math.cos(math.pi * share)) / 2 if config.schedule == "cosine" else 1 - share
        return config.lowest_rate + (peak - config.lowest_rate) * left
    if step < rise:
        low, share = peak / 25, step / rise
        return low + (peak - low) * (1 - math.cos(math.pi * share)) / 2
    share = (step - rise) / max(steps - rise, 1)
    return peak * (1e-4 + (1 - 1e-4) * (1 + math.cos(math.pi * share)) / 2)


def momentum_at(config: OptimiserConfig, step: int, steps: int) -> float | None:
    """The momentum of a step, lowest where the rate is highest; None where it stays as it is."""
    if config.momenta is None:
        return None
    lowest, highest = config.momenta
    if config.schedule == "three_phases":
        return _three(config.warm_up, step, steps, (highest, lowest, highest, highest))
    rise = config.warm_up * steps
    return _along(highest, lowest, step / rise) if step < rise else _along(lowest, highest, (step - rise) / max(steps - rise, 1))


def _three(warm_up: float, step: int, steps: int, corners: tuple[float, float, float, float]) -> float:
    """From corner to corner; each is met at a step's place, which need not be a whole number, the last one at the last step."""
    ends = [0.0, warm_up * steps - 1, 2 * warm_up * steps - 2, steps - 1.0]
    phase = next((phase for phase in (1, 2) if step <= ends[phase]), 3)
    begin, end = ends[phase - 1], ends[phase]
    share = (step - begin) / (end - begin) if end > begin else 1.0
    return _along(corners[phase - 1], corners[phase], min(max(share, 0.0), 1.0))


def _along(begin: float, end: float, share: float) -> float:
    """Between two values along half a cosine."""
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2
