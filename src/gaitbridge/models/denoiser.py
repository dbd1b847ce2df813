"""A small U-Net with a bottleneck, over the parts or over parts and columns: the denoiser of the latent diffusion objective."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

GROUPS = 8  # of channels, that are normalised together
SHORTEST = 4  # parts, or columns: they are halved twice
CONV = {1: nn.Conv1d, 2: nn.Conv2d}  # by how many axes a latent has beside its channels
GROWING = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}


def timestep_embedding(t: Tensor, size: int) -> Tensor:
    """Sinusoids of the diffusion step [N] to [N, size] (Vaswani et al. 2017; Ho et al. 2020)."""
    frequencies = torch.exp(-math.log(1000.0) * torch.arange(size // 2, device=t.device) / (size // 2))
    angles = t.float()[:, None] * frequencies[None]
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    """Two convolutions with group norms, told the step by scale and shift, with a shortcut. [N, C, K] to [N, C', K], or with columns [N, C, K, W]."""

    def __init__(self, channels_in: int, channels_out: int, condition: int, axes: int = 1) -> None:
        super().__init__()
        conv = CONV[axes]
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, channels_in), conv(channels_in, channels_out, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, channels_out), conv(channels_out, channels_out, 3, padding=1)
        self.condition = nn.Linear(condition, 2 * channels_out)
        self.shortcut = conv(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        inner = self.conv1(functional.silu(self.norm1(x)))
        scale, shift = self.condition(condition).unflatten(1, (-1, *(1 for _ in x.shape[2:]))).chunk(2, dim=1)
        inner = self.conv2(functional.silu(self.norm2(inner) * (1 + scale) + shift))
        return inner + self.shortcut(x)


class Denoiser(nn.Module):
    """One denoiser for both modalities: noisy latents [N, D, K] and steps [N] to a prediction [N, D, K] and a bottleneck [N, B, K / 4].

    With two axes latents are [N, D, K, W] and W is halved with K. `given`: so many channels more are shown beside the noisy latent, zeros where
    nothing is. K -> K/2 -> K/4 (the bottleneck) -> K/2 -> K. There is no skip at the top level: with one, the bottleneck empties and
    aligning it says nothing (docs/ledger/diffcrossgait.md). `decode` without skips recovers a latent from a bottleneck alone.
    """

    def __init__(self, latent: int, width: int = 64, modalities: int = 2, axes: int = 1, given: int = 0) -> None:
        super().__init__()
        condition, conv, growing = 2 * width, CONV[axes], GROWING[axes]
        self.width, self.given = width, given
        self.embed_step = nn.Sequential(nn.Linear(width, condition), nn.SiLU(), nn.Linear(condition, condition))
        self.embed_modality = nn.Embedding(modalities, condition)
        self.into = conv(latent + given, width, 3, padding=1)
        self.down1 = Block(width, width, condition, axes)
        self.shrink1 = conv(width, width, 4, stride=2, padding=1)
        self.down2 = Block(width, 2 * width, condition, axes)
        self.shrink2 = conv(2 * width, 2 * width, 4, stride=2, padding=1)
        self.middle = Block(2 * width, 2 * width, condition, axes)
        self.grow2 = growing(2 * width, 2 * width, 4, stride=2, padding=1)
        self.up2 = Block(4 * width, width, condition, axes)
        self.grow1 = growing(width, width, 4, stride=2, padding=1)
        self.up1 = Block(width, width, condition, axes)
        self.norm = nn.GroupNorm(GROUPS, width)
        self.out = conv(width, latent, 3, padding=1)

    def condition(self, t: Tensor, modality: Tensor) -> Tensor:
        """Step [N] and modality number [N] to the condition of every block [N, 2 width]."""
        steps: Tensor = self.embed_step(timestep_embedding(t, self.width))
        return steps + self.embed_modality(modality)

    def encode(self, z_t: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Noisy latents [N, D + given, K] to the bottleneck [N, 2 width, K / 4] and the inner skip [N, 2 width, K / 2]."""
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

    def forward(self, z_t: Tensor, t: Tensor, modality: Tensor, given: Tensor | None = None) -> tuple[Tensor, Tensor]:
        condition = self.condition(t, modality)
        if self.given:
            z_t = torch.cat([z_t, z_t.new_zeros(len(z_t), self.given, *z_t.shape[2:]) if given is None else given], dim=1)
        mid, skip = self.encode(z_t, condition)
        return self.decode(mid, skip, condition), mid
