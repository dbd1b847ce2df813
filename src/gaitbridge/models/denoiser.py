"""A small 1D U-Net over the part axis with a bottleneck: the denoiser of the latent diffusion objective."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8  # of channels, that are normalised together
SHORTEST = 4  # parts: they are halved twice


def timestep_embedding(t: Tensor, size: int) -> Tensor:
    """Sinusoids of the diffusion step [N] to [N, size] (Vaswani et al. 2017; Ho et al. 2020)."""
    frequencies = torch.exp(-math.log(1000.0) * torch.arange(size // 2, device=t.device) / (size // 2))
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    """Two convolutions over parts with group norms, told the step by scale and shift, with a shortcut. [N, C, K] to [N, C', K]."""

    def __init__(self, channels_in: int, channels_out: int, condition: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, channels_in), nn.Conv1d(channels_in, channels_out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, channels_out), nn.Conv1d(channels_out, channels_out, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * channels_out)
        self.shortcut = nn.Conv1d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        inner = self.conv1(functional.silu(self.norm1(x)))
        scale, shift = self.condition(condition)[:, :, None].chunk(2, dim=1)
        inner = self.conv2(functional.silu(self.norm2(inner) * (1 + scale) + shift))
        return inner + self.shortcut(x)


class Denoiser(nn.Module):
    """One denoiser for both modalities: noisy latents [N, D, K] and steps [N] to a prediction [N, D, K] and a bottleneck [N, B, K / 4].

    K -> K/2 -> K/4 (the bottleneck) -> K/2 -> K. There is no skip at the top level: with one, the bottleneck empties and
    aligning it says nothing (docs/experiments.md). `decode` without skips recovers a latent from a bottleneck alone.
    """

    def __init__(self, latent: int, width: int = 64, modalities: int = 2) -> None:
        super().__init__()
        condition = 2 * width
        self.width = width
        self.embed_step = nn.Sequential(nn.Linear(width, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.embed_modality = nn.Embedding(modalities, condition)
        self.into = nn.Conv1d(latent, width, 3, padding=1)
        self.down1 = Block(width, width, condition)
        self.shrink1 = nn.Conv1d(width, width, 4, stride=2, padding=1)
        self.down2 = Block(width, 2 * width, condition)
        self.shrink2 = nn.Conv1d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.middle = Block(2 * width, 2 * width, condition)
        self.grow2 = nn.ConvTranspose1d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.up2 = Block(4 * width, width, condition)
        self.grow1 = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.up1 = Block(width, width, condition)
        self.norm = nn.GroupNorm(GROUPS, width)
        self.out = nn.Conv1d(width, latent, 3, padding=1)

    def condition(self, t: Tensor, modality: Tensor) -> Tensor:
        """Step [N] and modality number [N] to the condition of every block [N, 2 width]."""
        steps: Tensor = self.embed_step(timestep_embedding(t, self.width))
        return steps + self.embed_modality(modality)

    def encode(self, z_t: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Noisy latents [N, D, K] to the bottleneck [N, 2 width, K / 4] and the inner skip [N, 2 width, K / 2]."""
        high = self.down1(self.into(z_t), condition)
        skip = self.down2(self.shrink1(high), condition)
        mid: Tensor = self.middle(self.shrink2(skip), condition)
        return mid, skip

    def decode(self, mid: Tensor, skip: Tensor | None, condition: Tensor) -> Tensor:
        """Bottleneck and inner skip (None: the bottleneck alone) to the prediction [N, D, K]."""
        grown = self.grow2(mid)
        inner = torch.cat([grown, torch.zeros_like(grown) if skip is None else skip], dim=1)
        high = self.up1(self.grow1(self.up2(inner, condition)), condition)
        prediction: Tensor = self.out(functional.silu(self.norm(high)))
        return prediction

    def forward(self, z_t: Tensor, t: Tensor, modality: Tensor) -> tuple[Tensor, Tensor]:
        condition = self.condition(t, modality)
        mid, skip = self.encode(z_t, condition)
        return self.decode(mid, skip, condition), mid
