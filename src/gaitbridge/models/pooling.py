"""From frame features to part features: over time, then over horizontal strips."""

import torch
from torch import Tensor


def temporal_max(x: Tensor, frames: Tensor) -> Tensor:
    """Largest value over the real frames: [N, T, C, H, W], frames [N] to [N, C, H, W]. Padding never counts; no frame gives zero."""
    if bool((frames == x.shape[1]).all()):
        return x.amax(1)
    real = torch.arange(x.shape[1], device=x.device)[None] < frames[:, None]
    masked = x.masked_fill(~real[:, :, None, None, None], float("-inf"))
    return torch.where((frames > 0)[:, None, None, None], masked.amax(1), 0.0)


def horizontal_parts(x: Tensor, parts: int) -> Tensor:
    """Horizontal pooling: mean + max of each of `parts` equal strips (Fu et al. 2019). [N, C, H, W] to [N, C, K]; K must divide H."""
    strips = x.flatten(2).unflatten(2, (parts, -1))  # [N, C, K, (H / K) W]
    return strips.mean(-1) + strips.amax(-1)
