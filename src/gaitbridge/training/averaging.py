"""A moving average of a network's weights over the steps of its training (Polyak and Juditsky 1992; EMA where it is published).

What is validated, evaluated, exported and begun with is then the average; the weights that training goes on from are kept beside it.
"""

import copy

from torch import nn

from gaitbridge.models.moving_average import move_towards

RISE = 10  # early steps count more: after t of them no more than (1 + t) / (10 + t) of the average stays


def average_of(network: nn.Module) -> nn.Module:
    """A copy of the network, which `follow` moves along."""
    return copy.deepcopy(network).requires_grad_(False)


def follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """After step `step` (from 0): each weight and each running statistic of a norm a little nearer to the network's; counts are the network's own."""
    move_towards(average, network, 1 - min(decay, (1 + step) / (RISE + step)))
