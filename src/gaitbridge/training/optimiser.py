"""Optimisers and learning rates; the rate is a pure function of the step."""

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


def learning_rate(config: OptimiserConfig, step: int, steps: int) -> float:
    """The rate of step `step` (from 0) of `steps`.

    one_cycle: a cosine rise from 1/25 of the peak over the warm-up, then a cosine fall to 1/10,000 (Smith and Topin 2018);
    multi_step: times the factor after each milestone; cosine, linear, constant: a rise along a line over the warm-up, then half a cosine or
    a line to the lowest rate at the end of the period (Loshchilov and Hutter 2017), or nothing.
    """
    peak = config.learning_rate
    if config.schedule == "multi_step":
        return float(peak * config.factor ** sum(step >= milestone for milestone in config.milestones))
    rise = config.warm_up * steps
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
