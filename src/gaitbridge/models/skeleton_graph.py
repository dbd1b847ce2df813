"""Convolutions over a skeleton's graph and over time (ResGCN, Song et al. 2020). Maps are [N, C, T, J]; frames beyond a walk's end never reach it."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.models.temporal import real_frames

FAR = 2  # hops that a graph convolution reaches
OVER = 9  # frames that a convolution over time sees


def without_padding(x: Tensor, frames: Tensor) -> Tensor:
    """Maps [N, C, T, J] with zeros beyond each walk's end, as if it ended there."""
    real = real_frames(frames, x.shape[2])
    return x if real is None else torch.where(real[:, None, :, None], x, 0.0)


def mean_over_time(x: Tensor, frames: Tensor) -> Tensor:
    """The mean over real frames and joints: [N, C, T, J] to [N, C]."""
    return without_padding(x, frames).sum((2, 3)) / (frames.clamp(min=1) * x.shape[3])[:, None]


class Mapped(nn.Module):
    """A 1x1 convolution with bias, and its norm; `stride`: every so many frames."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride  # frames are picked first: models.convolutions says why
        self.conv, self.norm = nn.Conv2d(channels_in, channels_out, 1), nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.norm(self.conv(x[:, :, :: self.stride] if self.stride > 1 else x))
        return found


class GraphConv(nn.Module):
    """What joints give each other: of each distance in links its own map, weighed by the graph; then a norm."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels_in, channels_out * (FAR + 1), 1), nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        given = self.conv(x).unflatten(1, (FAR + 1, -1))                        # [N, hops, C, T, J]
        found: Tensor = self.norm((given @ graph[: FAR + 1, None]).sum(1))
        return found


class TimeConv(nn.Module):
    """A convolution over frames, and its norm; `stride`: of every so many frames."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride  # frames are picked as `Mapped` picks them: an exported graph must see that they are as many
        self.conv, self.norm = nn.Conv2d(channels, channels, (OVER, 1), padding=(OVER // 2, 0)), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        seen = self.conv(without_padding(x, frames))
        found: Tensor = self.norm(seen[:, :, :: self.stride] if self.stride > 1 else seen)
        return found


def _narrow(channels_in: int, inner: int, channels_out: int) -> tuple[Mapped, Mapped]:
    return Mapped(channels_in, inner), Mapped(inner, channels_out)


class PlainModule(nn.Module):
    """A graph convolution, then one over time; nothing is added to either."""

    def __init__(self, channels_in: int, channels_out: int, edges: Sequence[int]) -> None:
        super().__init__()
        self.edge, self.space, self.time = nn.Parameter(torch.ones(*edges)), GraphConv(channels_in, channels_out), TimeConv(channels_out)

    def forward(self, x: Tensor, frames: Tensor, graph: Tensor) -> tuple[Tensor, Tensor]:
        return functional.relu(self.time(functional.relu(self.space(x, graph * self.edge)), frames)), frames


class BottleneckModule(nn.Module):
    """The same, each within fewer channels, and each added to what it is given; `stride`: of the second, whose addend is then mapped.

    `edge` weighs each link of the graph.
    """

    def __init__(self, channels_in: int, channels_out: int, reduction: int, edges: Sequence[int], stride: int = 1) -> None:
        super().__init__()
        inner, self.stride = channels_out // reduction, stride
        self.edge = nn.Parameter(torch.ones(*edges))
        self.beside_space: nn.Module = nn.Identity() if channels_in == channels_out else Mapped(channels_in, channels_out)
        self.space_down, self.space_up = _narrow(channels_in, inner, channels_out)
        self.space = GraphConv(inner, inner)
        self.beside_time: nn.Module = nn.Identity() if stride == 1 else Mapped(channels_out, channels_out, stride)
        self.time_down, self.time_up = _narrow(channels_out, inner, channels_out)
        self.time = TimeConv(inner, stride)

    def forward(self, x: Tensor, frames: Tensor, graph: Tensor) -> tuple[Tensor, Tensor]:
        inner = functional.relu(self.space(functional.relu(self.space_down(x)), graph * self.edge))
        x = functional.relu(self.space_up(inner) + self.beside_space(x))
        inner = functional.relu(self.time(functional.relu(self.time_down(x)), frames))
        x = functional.relu(self.time_up(inner) + self.beside_time(x))
        return x, (frames + self.stride - 1) // self.stride
