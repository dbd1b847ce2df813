"""The network of GaitGraph2 (Teepe et al. 2022): joints, their motion and bones, each in a branch of graph convolutions, then one stream."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from gaitbridge.config import Channels, Config, OfStages
from gaitbridge.conventions import JOINT_ORDERS, SKELETONS
from gaitbridge.geometry.skeletons import MIDDLE, Order, adjacency, backwards, bones, check_joints, filled, mirrored, motion
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.skeleton_graph import BottleneckModule, PlainModule, mean_over_time
from gaitbridge.types import Batch, Distance, Features

BRANCHES, CHANNELS = 3, 5  # joints, motion, bones; what each says of a joint
HOPS = 3
SHORTEST = 1e-4  # pixels, added to a bone's length before its angle is taken


class NetworkConfig(Config):
    """Sizes of the network; the defaults are those for CASIA-B and Gait3D."""

    joints: Order = "coco"
    """Whose order of joints: COCO's 17 or OpenPose's 18."""
    branch: OfStages[Channels] = (64, 32)
    """Of the modules of each of the three branches; the first has no bottleneck."""
    channels: OfStages[Channels] = (128, 256)
    """Of the modules of the stream that the branches flow into; the first, and each that is wider than the one before, halves the frames."""
    reduction: Annotated[int, Field(ge=1, le=64)] = 8
    """By how much a bottleneck is narrower."""
    embedding: Channels = 128
    """Channels of one copy's embedding; with `copies` three of them stand one after the other."""
    copies: bool = True
    """Embed the walk backwards and with left and right exchanged, too."""
    fill_missing: bool = False
    """Joints that were not found lie at the mean of their frame (published for CASIA-B, GREW, OU-MVLP, CCPG; not for Gait3D, SUSTech1K)."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if min((*self.branch[1:], *self.channels)) < self.reduction:
            raise ValueError(f"reduction {self.reduction} leaves no channel of a bottleneck: choose a smaller one")
        return self

    @property
    def joint_count(self) -> int:
        """Joints of a skeleton."""
        return len(JOINT_ORDERS[self.joints])

    @property
    def parts(self) -> int:
        """Parts of the embedding."""
        return 1


def shown(x: Tensor, frames: Tensor, order: Order, middle: int) -> Tensor:
    """Skeletons [N, T, J, 3] to joints, motion and bones [N, 3, 5, T, J]. As published, an angle and a difference give way to the score."""
    places, score = x[..., :2], x[..., 2:]
    bone, nothing = bones(places, order), torch.zeros_like(score)
    length = bone.square().sum(-1, keepdim=True).sqrt() + SHORTEST
    joints = torch.cat([x, places - places[:, :, middle : middle + 1]], -1)
    moving = torch.cat([motion(places, frames, 1), nothing, score, motion(places, frames, 2)[..., 1:]], -1)
    hanging = torch.cat([bone, nothing, score, torch.acos(bone[..., 1:] / length)], -1)
    return torch.stack([joints, moving, hanging], 1).permute(0, 1, 4, 2, 3)


class Branch(nn.Module):
    """One of the three: a norm of what it is shown, and modules."""

    graph: Tensor

    def __init__(self, config: NetworkConfig, graph: Tensor) -> None:
        super().__init__()
        first, *rest = config.branch
        self.norm = nn.BatchNorm2d(CHANNELS)
        self.layers = nn.ModuleList([PlainModule(CHANNELS, first, graph.shape)])
        for before, width in zip(config.branch, rest, strict=False):
            self.layers.append(BottleneckModule(before, width, config.reduction, graph.shape))
        self.register_buffer("graph", graph.clone())  # published checkpoints hold it

    def forward(self, x: Tensor, frames: Tensor) -> Tensor:
        x = self.norm(x)
        for layer in self.layers:
            x, frames = layer(x, frames, self.graph)
        return x


class Network(nn.Module):
    """Skeletons of a walk, in their order, to embeddings [N, C, 1]."""

    modalities: Sequence[str] = (SKELETONS,)
    inputs: Mapping[str, tuple[str, ...]] = {SKELETONS: (SKELETONS,)}
    distance: Distance = "cosine"
    graph: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        graph = torch.from_numpy(adjacency(config.joints, HOPS))
        self.register_buffer("graph", graph, persistent=False)
        self.branches = nn.ModuleList(Branch(config, graph) for _ in range(BRANCHES))
        self.stream = nn.ModuleList()
        width = BRANCHES * config.branch[-1]
        for number, channels in enumerate(config.channels):
            halves = number == 0 or channels != width
            self.stream.append(BottleneckModule(width, channels, config.reduction, graph.shape, 2 if halves else 1))
            width = channels
        self.shared = nn.Linear(width, config.embedding)
        self.other_side = mirrored(config.joints)
        standard_start(self)

    def one_copy(self, x: Tensor, frames: Tensor, middle: int) -> Tensor:
        """Skeletons [N, T, J, 3] and frame counts [N] to [N, C]."""
        given = shown(x, frames, self.config.joints, middle)                    # [N, 3, 5, T, J]
        x = torch.cat([branch(given[:, number], frames) for number, branch in enumerate(self.branches)], 1)
        for layer in self.stream:
            x, frames = layer(x, frames, self.graph)
        found: Tensor = self.shared(mean_over_time(x, frames))
        return found

    def forward(self, batch: Batch) -> Features:
        """The embeddings; where the network is not trained, those of the copies one after the other."""
        x, frames, middle = batch.inputs[SKELETONS].float(), batch.frames, MIDDLE[self.config.joints]
        check_joints(x, self.config.joints)
        x = filled(x) if self.config.fill_missing else x
        copies = [self.one_copy(x, frames, 0)]                                  # joint 0 whatever the order, as published
        if self.config.copies and not self.training:
            copies += [self.one_copy(backwards(x, frames), frames, middle), self.one_copy(x[:, :, self.other_side], frames, middle)]
        embedded = torch.cat(copies, 1)[..., None]                              # [N, C, 1]
        return Features({SKELETONS: embedded}, {SKELETONS: embedded})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, 1] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
