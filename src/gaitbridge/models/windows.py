"""Attention within windows of neighbouring frames, rows and columns, every second time shifted (Video Swin, Liu et al. 2022), blind to padding.

Tokens lie [N, T, H, W, C], T a multiple of the window's. Each walk has windows by its own length: as published, the last window's missing frames are
zeros that take part, those of a walk shorter than one window are not there at all, and nothing is seen beyond a walk's last window.
"""

from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.temporal import all_real, masked_to_zero

WINDOW = (3, 3, 5)  # frames, rows and columns
SHIFT = (1, 1, 2)
APART = -100.0  # added to the score of two tokens that only the shift brought together
Grid = tuple[int, int]


class Windows(NamedTuple):
    """Of a batch: which frames are real [N, T]; the frames' places when shifted and back [N T]; what is added to scores, plain and shifted, [N or 1,
    windows, 1, tokens, tokens], None for nothing."""

    real: Tensor
    order: Tensor
    back: Tensor
    plain: Tensor | None
    shifted: Tensor


def whole_windows(x: Tensor) -> Tensor:
    """Frames [N, T, ...] with zeros after them up to a whole number of windows."""
    missing = -x.shape[1] % WINDOW[0]
    return torch.cat([x, x.new_zeros(x.shape[0], missing, *x.shape[2:])], 1)


def windows_of(frames: Tensor, given: int, length: int, grid: Grid) -> Windows:
    """The windows of walks of so many `frames` [N], `given` in a tensor that was filled up to `length`, of tokens on a grid of rows and columns."""
    count, alike = len(frames), all_real(frames, given)
    own = (frames[:1] if alike else frames)[:, None]                                          # [N or 1, 1]
    place = torch.arange(length, device=frames.device)[None]                                  # [1, T]
    step = WINDOW[0]
    end = -(-own // step) * step  # of the last window
    shift = torch.where(own > step, SHIFT[0], 0)  # a walk of one window is not shifted in time
    inside = place < end
    order, back = (torch.where(inside, (place + sign * shift) % end.clamp(min=1), place).expand(count, -1) for sign in (1, -1))
    starts = length * torch.arange(count, device=frames.device)[:, None]
    over_time = (place >= end - step).int() + (place >= end - shift).int() + (place >= end).int()
    over_time = torch.where(own > step, over_time, 0)
    rows, columns = (_regions(size, width, by, frames.device) for size, width, by in zip(grid, WINDOW[1:], SHIFT[1:], strict=True))
    regions = windowed((9 * over_time[:, :, None, None] + 3 * rows[:, None] + columns)[..., None])[..., 0]      # [N or 1, windows, tokens]
    shifted = (regions[..., :, None] != regions[..., None, :]) * APART
    plain = None
    absent = (place >= own) & (place < step) & (own < step)  # of a walk shorter than a window
    if not alike or given < step:
        keys = windowed(absent[:, :, None, None].expand(-1, -1, *grid)[..., None])[..., 0]                     # [N or 1, windows, tokens]
        plain = torch.zeros_like(keys, dtype=shifted.dtype).masked_fill(keys, float("-inf"))[:, :, None, None]
        shifted = shifted[:, :, None] + plain
    else:
        shifted = shifted[:, :, None]
    return Windows((place < own).expand(count, -1), (order + starts).flatten(), (back + starts).flatten(), plain, shifted)


def _regions(size: int, width: int, by: int, device: torch.device) -> Tensor:
    """Which of the three regions that a shift brings together each of `size` places is in."""
    place = torch.arange(size, device=device)
    return (place >= size - width).int() + (place >= size - by).int()


def windowed(x: Tensor) -> Tensor:
    """Tokens [N, T, H, W, C] to those of each window [N, windows, tokens, C]."""
    count, length, height, width, channels = x.shape
    a, b, c = WINDOW
    cut = x.reshape(count, length // a, a, height // b, b, width // c, c, channels)
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(count, -1, prod(WINDOW), channels)


def joined(x: Tensor, length: int, grid: Grid) -> Tensor:
    """The inverse of `windowed`."""
    (height, width), (a, b, c) = grid, WINDOW
    cut = x.reshape(x.shape[0], length // a, height // b, width // c, a, b, c, -1)
    return cut.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(x.shape[0], length, height, width, x.shape[-1])


def relative_places() -> Tensor:
    """The row of the bias table for every pair of tokens of a window, int64 [tokens, tokens]."""
    places = torch.cartesian_prod(*(torch.arange(size) for size in WINDOW))
    steps = places[:, None] - places[None] + torch.tensor(WINDOW) - 1
    _, rows, columns = (2 * size - 1 for size in WINDOW)
    return steps @ torch.tensor([rows * columns, columns, 1])


class WindowAttention(nn.Module):
    """Attention of several heads among tokens of each window, with a learnt bias of each step between two: [N, windows, tokens, C] to the same."""

    relative_places: Tensor

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(channels, 3 * channels)
        self.answer = nn.Linear(channels, channels)
        self.bias = nn.Parameter(torch.empty(prod(2 * size - 1 for size in WINDOW), heads))
        self.register_buffer("relative_places", relative_places())

    def forward(self, x: Tensor, added: Tensor | None) -> Tensor:
        query, key, value = self.ask(x).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)       # [N, windows, heads, tokens, C / heads]
        bias = self.bias[self.relative_places.flatten()].view(*self.relative_places.shape, -1).permute(2, 0, 1)
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2) + bias
        if added is not None:
            scores = scores + added
        found: Tensor = self.answer((scores.softmax(-1).to(value.dtype) @ value).transpose(2, 3).flatten(3))
        return found


class LeftOut(nn.Module):
    """Training: leaves a block's branch out for a share of the walks and makes the others' larger by as much (stochastic depth, Huang et al.)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        kept = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) >= self.share
        return x * kept / (1.0 - self.share)


class WindowBlock(nn.Module):
    """Attention within windows and two linear maps of each token, each behind a layer norm and added: [N, T, H, W, C] to the same."""

    def __init__(self, channels: int, heads: int, shifted: bool, left_out: float) -> None:
        super().__init__()
        self.shifted = shifted
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads)
        self.widen, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)
        self.left_out = LeftOut(left_out)

    def forward(self, x: Tensor, windows: Windows) -> Tensor:
        x = x + self.left_out(self._attended(masked_to_zero(self.norm1(x), windows.real), windows))
        inner = self.narrow(functional.gelu(self.widen(self.norm2(x))))
        return x + self.left_out(inner)

    def _attended(self, x: Tensor, windows: Windows) -> Tensor:
        length, *grid = x.shape[1:4]
        if self.shifted:
            x = torch.roll(_in_order(x, windows.order), [-step for step in SHIFT[1:]], (2, 3))
        added = windows.shifted if self.shifted else windows.plain
        x = joined(self.attention(windowed(x), added), length, (grid[0], grid[1]))
        return _in_order(torch.roll(x, SHIFT[1:], (2, 3)), windows.back) if self.shifted else x


def _in_order(x: Tensor, order: Tensor) -> Tensor:
    """The frames of [N, T, ...] in another order [N T]."""
    return x.flatten(0, 1).index_select(0, order).unflatten(0, x.shape[:2])


class WindowStages(nn.Module):
    """Blocks in stages, each stage of twice the channels of the one before: tokens [N, T, H, W, C] and frame counts [N] to [N, T, H, W, C'] normed.
    Every second block of a stage is shifted. `left_out`: of the last block; it rises evenly from none."""

    def __init__(self, channels: int, heads: int, blocks: tuple[int, ...], left_out: float) -> None:
        super().__init__()
        shares = [left_out * number / max(1, sum(blocks) - 1) for number in range(sum(blocks))]
        starts = [sum(blocks[:stage]) for stage in range(len(blocks) + 1)]
        self.stages = nn.ModuleList(
            nn.ModuleList(WindowBlock(channels << stage, heads << stage, number % 2 == 1, share) for number, share in enumerate(shares[a:b]))
            for stage, (a, b) in enumerate(pairwise(starts)))
        self.widen = nn.ModuleList(nn.Sequential(nn.LayerNorm(channels << stage), nn.Linear(channels << stage, channels << stage + 1, bias=False))
                                   for stage in range(len(blocks) - 1))
        self.norm = nn.LayerNorm(channels << len(blocks) - 1)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        given = x.shape[1]
        x = whole_windows(x)
        windows = windows_of(frames, given, x.shape[1], (x.shape[2], x.shape[3]))
        for number, stage in enumerate(self.stages):
            if number:
                x = self.widen[number - 1](x)
            for block in stage:  # type: ignore[attr-defined]
                x = block(x, windows)
        found: Tensor = self.norm(x[:, :given])
        return found
