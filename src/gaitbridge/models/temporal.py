"""Exchange between neighbouring frames inside a frame encoder, blind to padding."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.convolutions import convolution


def all_real(frames: Tensor, length: int) -> bool:
    """Whether no row of counts [N] has padding, so that nothing must be masked; never while a graph is exported, which serves every batch."""
    return not torch.compiler.is_exporting() and bool((frames == length).all())


def real_frames(frames: Tensor, length: int) -> Tensor | None:
    """bool [N, T]: which frames are real, from counts [N]; None where all are."""
    if all_real(frames, length):
        return None
    return torch.arange(length, device=frames.device)[None] < frames[:, None]


def masked_to_zero(x: Tensor, real: Tensor | None) -> Tensor:
    """Frames [N, T, ...] with the padding set to zero, as if the sequence ended there."""
    if real is None:
        return x
    return torch.where(real.reshape(*real.shape, *[1] * (x.ndim - 2)), x, torch.zeros((), dtype=x.dtype, device=x.device))


def repeated(x: Tensor, frames: Tensor, wanted: Mapping[int, int]) -> tuple[Tensor, Tensor]:
    """Walks too short for a network, repeated: x [N, T, ...] and frame counts [N] to the same, those of a count in `wanted` as long as it says."""
    exporting = torch.compiler.is_exporting()
    if not exporting and not any(bool((frames == count).any()) for count in wanted):
        return x, frames
    most = max(wanted.values())
    length = x.shape[1] + most if exporting else max(x.shape[1], most)
    place = torch.arange(length, device=x.device)[None] % frames.clamp(min=1)[:, None]          # [N, T]
    for short, long in wanted.items():
        frames = torch.where(frames == short, long, frames)
    return x[torch.arange(len(x), device=x.device)[:, None], place], frames


def three_frames(x: Tensor, real: Tensor | None) -> Tensor:
    """Each frame's channels between those of the ones before and after it: [N, T, C, H, W] to [N, T, 3 C, H, W], zero beyond the sequence."""
    own = masked_to_zero(x, real)
    ended = torch.zeros_like(own[:, :1])
    return torch.cat([torch.cat([ended, own[:, :-1]], 1), own, torch.cat([own[:, 1:], ended], 1)], dim=2)


def each_frame(module: nn.Module, x: Tensor) -> Tensor:
    """A module of pictures [B, C, H, W] on every frame of [N, T, C, H, W]."""
    found: Tensor = module(x.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    return found.unflatten(0, x.shape[:2])


class TemporalMix(nn.Module):
    """What a frame takes from the ones before and after it, added to itself: the temporal half of a pseudo-3D convolution (Qiu et al. 2017).

    Maps [N, T, C, H, W] to the same shape; a 1x1 convolution over three frames' channels, which is a 3x1x1 convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = convolution(3 * channels, channels, 1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, real: Tensor | None) -> Tensor:
        flat = three_frames(x, real).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return x + functional.relu(self.norm(self.conv(flat))).unflatten(0, x.shape[:2])
