"""The weights that the field's standard networks begin with."""

import math

from torch import nn

from gaitbridge.models.pseudo3d import EveryThirdFrame, ThreeFrameConv

SPREAD_OF_SCALES = 0.02


def standard_start(network: nn.Module) -> None:
    """Convolutions and linear maps evenly after Glorot and Bengio (2010), biases zero, the scales of batch norms around one."""
    over_time = {id(module.conv) for module in network.modules() if isinstance(module, ThreeFrameConv | EveryThirdFrame)}
    for module in network.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            gain = 1.0
            if id(module) in over_time:  # as of the 3D kernel that it is, whose outputs count three times as well
                assert isinstance(module, nn.Conv2d)
                gain = math.sqrt((module.in_channels + module.out_channels) / (module.in_channels + 3 * module.out_channels))
            nn.init.xavier_uniform_(module.weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.affine:
            nn.init.normal_(module.weight, 1.0, SPREAD_OF_SCALES)
            nn.init.zeros_(module.bias)
