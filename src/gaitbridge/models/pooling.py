"""From frame features to part features: over time, then over horizontal strips."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gaitbridge.models.temporal import all_real


def temporal_max(x: Tensor, frames: Tensor) -> Tensor:
    """Largest value over the real frames: [N, T, C, H, W], frames [N] to [N, C, H, W]. Padding never counts; no frame gives zero."""
    if all_real(frames, x.shape[1]):
        return _largest(x)
    real = torch.arange(x.shape[1], device=x.device)[None] < frames[:, None]
    masked = x.masked_fill(~real[:, :, None, None, None], float("-inf"))
    return torch.where((frames > 0)[:, None, None, None], _largest(masked), 0.0)


def _largest(x: Tensor) -> Tensor:
    """The largest over frames, [N, T, ...] to [N, ...]. On a CPU frame by frame, along memory: the same bits, several times as fast."""
    if x.device.type != "cpu" or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return x.amax(1)
    found: Tensor = _LargestFrame.apply(x) if torch.is_grad_enabled() and x.requires_grad else _running_largest(x)
    return found


def _running_largest(x: Tensor) -> Tensor:
    found = x[:, 0].clone()
    for frame in x.unbind(1)[1:]:
        torch.maximum(found, frame, out=found)
    return found


class _LargestFrame(torch.autograd.Function):
    """`amax` over frames with gradients of its own: those of `amax`, shared evenly where several frames are the largest."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        found = _running_largest(x)
        ctx.save_for_backward(x, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        x, found = ctx.saved_tensors
        largest = [frame == found for frame in x.unbind(1)]
        count = torch.zeros_like(found, dtype=torch.uint8 if len(largest) < 256 else torch.int32)
        for one in largest:
            count += one.view(torch.uint8)
        share, result = (gradient / count).to(x.dtype), torch.empty_like(x)
        for frame, chosen in zip(result.unbind(1), largest, strict=True):
            torch.mul(share, chosen, out=frame)
        return result


def horizontal_parts(x: Tensor, parts: int) -> Tensor:
    """Horizontal pooling: mean + max of each of `parts` equal strips (Fu et al. 2019). [N, C, H, W] to [N, C, K]; K must divide H."""
    strips = x.flatten(2).unflatten(2, (parts, -1))  # [N, C, K, (H / K) W]
    return strips.mean(-1) + strips.amax(-1)


def horizontal_pyramid(x: Tensor, bins: Sequence[int]) -> Tensor:
    """Horizontal pooling at several heights of the strips, one after the other: [N, C, H, W] to [N, C, K], K the sum of `bins`."""
    return torch.cat([horizontal_parts(x, strips) for strips in bins], dim=-1)


def check_bins(bins: Sequence[int], rows: int) -> None:
    """ValueError where feature maps of so many rows do not divide into the strips of `bins`."""
    if not bins or any(strips < 1 or rows % strips for strips in bins):
        raise ValueError(f"{rows} feature rows do not divide into {' and '.join(map(str, bins)) or 'no'} strips: change bins, strides or size")
