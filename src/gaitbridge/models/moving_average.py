"""One step of a moving average of weights: of a run's (EMA) and of a slow teacher's."""

import torch
from torch import nn


@torch.no_grad()
def move_towards(average: nn.Module, network: nn.Module, share: float) -> None:
    """Each weight and each running statistic by a share of the way to the network's, once where two places share it; counts become the network's.

    The network may have more than the average does; what the average has is found there by name.
    """
    given = dict([*network.named_parameters(remove_duplicate=False), *network.named_buffers(remove_duplicate=False)])
    for name, one in [*average.named_parameters(), *average.named_buffers()]:  # what is shared comes once, by its first name
        if one.is_floating_point():
            one.lerp_(given[name], share)
        else:
            one.copy_(given[name])
