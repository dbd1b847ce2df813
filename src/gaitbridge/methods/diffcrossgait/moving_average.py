"""A slow teacher: the moving average of the network and of the projector, whose clean latents are what the trajectory leads to."""

import torch
from torch import Tensor, nn

from gaitbridge.methods.diffcrossgait.diffusion import DiffusionConfig, Projector
from gaitbridge.methods.diffcrossgait.network import MODALITIES, Network, NetworkConfig
from gaitbridge.models.moving_average import move_towards
from gaitbridge.types import Batch


def target_name(modality: str) -> str:
    """Where among the extras a modality's slow latents are."""
    return f"slow latents of {modality}"


class MovingAverage(nn.Module):
    """theta' = m theta' + (1 - m) theta after each step, theta all weights and statistics of network and projector (Tarvainen and Valpola 2017).

    It has no gradients; its batch norms take the batch's own statistics, as the network's do in training.
    """

    def __init__(self, config: DiffusionConfig, network: NetworkConfig) -> None:
        super().__init__()
        self.momentum = config.target_momentum
        self.network, self.projector = Network(network), Projector(config, network)
        self.network.gives_maps = config.latent_from == "maps"
        self.requires_grad_(False)

    def follow(self, network: nn.Module, projector: nn.Module, momentum: float | None = None) -> None:
        """A step towards the network and the projector; with a momentum of 0 it is what they are."""
        share = 1.0 - (self.momentum if momentum is None else momentum)
        for slow, fast in ((self.network, network), (self.projector, projector)):
            move_towards(slow, fast, share)

    @torch.no_grad()
    def latents(self, batch: Batch) -> dict[str, Tensor]:
        """The slow clean latents of a batch, by their names among the extras."""
        found = self.projector.latents(self.network(Batch(batch.inputs, batch.frames, batch.people)))
        return {target_name(name): found[name] for name in MODALITIES}
