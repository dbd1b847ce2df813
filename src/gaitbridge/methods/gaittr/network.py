"""The network of GaitTR (Zhang et al. 2022): convolutions over time, then attention between a frame's joints, in blocks."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Channels, Config, OfStages
from gaitbridge.conventions import JOINT_ORDERS, SKELETONS
from gaitbridge.geometry.skeletons import Order, bones, check_joints, motion
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.skeleton_graph import OVER, mean_over_time, without_padding
from gaitbridge.types import Batch, Distance, Features

CHANNELS = 10  # of what is shown of a joint
DROPOUT = 0.1
NARROWER = 4  # times, queries and keys than what they look up


class NetworkConfig(Config):
    """Sizes of the network; the defaults are those for Gait3D (OU-MVLP and GREW: an embedding of 256)."""

    joints: Order = "coco"
    """Whose order of joints: COCO's 17 or OpenPose's 18."""
    channels: OfStages[Channels] = (64, 64, 128, 256)
    """Of each block."""
    heads: Annotated[int, Field(ge=1, le=64)] = 8
    """Of the attention: parts of the channels that look for themselves."""
    embedding: Channels = 128
    """Channels of the embedding."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for width in self.channels:
            if width % (NARROWER * self.heads):
                raise ValueError(f"{width} channels do not divide into {NARROWER} x {self.heads} heads: change channels or heads")
        return self

    @property
    def joint_count(self) -> int:
        """Joints of a skeleton."""
        return len(JOINT_ORDERS[self.joints])

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return 1


def shown(x: Tensor, frames: Tensor, order: Order) -> Tensor:
    """Skeletons [N, T, J, 3] to places, places from joint 0, motion to the next frame and the one after, bones: [N, 10, T, J]."""
    places = x[..., :2]
    given = [places, places - places[:, :, :1], motion(places, frames, 1), motion(places, frames, 2), bones(places, order)]
    return torch.cat(given, -1).permute(0, 3, 1, 2)


class OverTime(nn.Module):
    """A convolution over so many frames, Mish, a norm; dropout before."""

    def __init__(self, channels_in: int, channels_out: int, frames: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, (frames, 1), padding=(frames // 2, 0))
        self.norm, self.dropout = nn.BatchNorm2d(channels_out), nn.Dropout(dropout)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        found: Tensor = self.norm(functional.mish(self.conv(self.dropout(without_padding(x, frames)))))
        return found


class BetweenJoints(nn.Module):
    """Attention of each joint to all joints of its frame (Plizzari et al. 2021): [N, C, T, J] to [N, C', T, J]. A norm before it, Mish and one
    after."""

    def __init__(self, channels_in: int, channels_out: int, heads: int, joints: int) -> None:
        super().__init__()
        self.heads, self.narrow = heads, channels_out // NARROWER
        self.before, self.after = nn.BatchNorm1d(channels_in * joints), nn.BatchNorm2d(channels_out)
        self.asked = nn.Conv2d(channels_in, 2 * self.narrow + channels_out, 1)
        self.answer = nn.Conv2d(channels_out, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        normal = self.before(x.transpose(2, 3).flatten(1, 2)).unflatten(1, (x.shape[1], -1)).transpose(2, 3)
        asked = self.asked(normal)                                              # [N, 2 C' / 4 + C', T, J]
        split = asked.split([self.narrow, self.narrow, asked.shape[1] - 2 * self.narrow], 1)
        query, key, value = (part.unflatten(1, (self.heads, -1)).permute(0, 1, 3, 4, 2) for part in split)  # [N, heads, T, J, c]
        weights = (query * (self.narrow // self.heads) ** -0.5 @ key.transpose(-1, -2)).softmax(-1)
        found = (weights @ value).permute(0, 1, 4, 2, 3).flatten(1, 2)          # [N, C', T, J]
        answer: Tensor = self.after(functional.mish(self.answer(found)))
        return answer


class Block(nn.Module):
    """Over time, between joints, and what went in added to both."""

    def __init__(self, channels_in: int, channels_out: int, heads: int, joints: int) -> None:
        super().__init__()
        self.time = OverTime(channels_in, channels_in, OVER, DROPOUT)
        self.space = BetweenJoints(channels_in, channels_out, heads, joints)
        self.beside: nn.Module | None = None
        self.around: OverTime | None = None
        if channels_in != channels_out:
            self.beside = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1), nn.BatchNorm2d(channels_out))
            self.around = OverTime(channels_in, channels_out, 1, 0.0)

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        inner = self.time(x, frames) + x
        beside = inner if self.beside is None else self.beside(inner)
        found: Tensor = self.space(inner) + beside + (x if self.around is None else self.around(x, frames))
        return found


class Network(nn.Module):
    """Skeletons of a walk, in their order, to embeddings [N, C, 1]."""

    modalities: Sequence[str] = (SKELETONS,)
    inputs: Mapping[str, tuple[str, ...]] = {SKELETONS: (SKELETONS,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.norm = nn.BatchNorm1d(CHANNELS * config.joint_count)
        widths = (CHANNELS, *config.channels)
        self.blocks = nn.ModuleList(Block(a, b, config.heads, config.joint_count) for a, b in pairwise(widths))
        self.shared = nn.Conv1d(widths[-1], config.embedding, 1)
        standard_start(self)
        nn.init.xavier_uniform_(self.shared.weight)

    def forward(self, batch: Batch) -> Features:
        """The embeddings, which are the features as well."""
        check_joints(batch.inputs[SKELETONS], self.config.joints)
        x = shown(batch.inputs[SKELETONS].float(), batch.frames, self.config.joints)                       # [N, 10, T, J]
        flat = self.norm(x.permute(0, 3, 1, 2).flatten(1, 2))                                              # [N, J 10, T]
        x = flat.unflatten(1, (-1, CHANNELS)).permute(0, 2, 3, 1)
        for block in self.blocks:
            x = block(x, batch.frames)
        embedded = self.shared(mean_over_time(x, batch.frames)[..., None])                                 # [N, C, 1]
        return Features({SKELETONS: embedded}, {SKELETONS: embedded})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, 1] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
