"""The network of ParsingGait (Zheng et al. 2023): a ResNet-9 on parsed bodies, strips of the whole, and a graph of its parts frame by frame."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.conventions import PARSING
from gaitbridge.models.backbones import ResNet
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.necks import SeparateLinear
from gaitbridge.models.pooling import horizontal_pyramid, temporal_max
from gaitbridge.models.staged import StagedConfig
from gaitbridge.models.temporal import each_frame
from gaitbridge.types import Batch, Distance, Features

GraphName = Literal["fine", "coarse"]
NODES: dict[GraphName, tuple[tuple[int, ...], ...]] = {  # labels (conventions.PARSING_LABELS) of each node
    "fine": tuple((label,) for label in range(1, 12)),
    "coarse": ((1, 2, 11), (3, 5), (4, 6), (7, 9), (8, 10)),  # head and trunk, left arm, right arm, left leg, right leg
}
LINKS: dict[GraphName, tuple[tuple[int, int], ...]] = {  # between nodes, counted from 0; each one is linked to itself as well
    "fine": ((0, 1), (0, 10), (1, 2), (1, 3), (1, 6), (1, 7), (2, 4), (2, 10), (3, 5), (3, 10), (6, 8), (6, 10), (7, 9), (7, 10)),
    "coarse": ((0, 1), (0, 2), (0, 3), (0, 4)),
}
FIRST_SHARE = 0.75  # of a node's own pixels before training
LAYERS = 2  # of a graph


class NetworkConfig(StagedConfig):
    """Sizes of the network; the defaults are the published ones."""

    graphs: Annotated[tuple[GraphName, ...], Field(min_length=1, max_length=2)] = ("coarse",)
    """Which graphs of parts: of five (published), of all eleven (fine), or both, fine first."""

    @property
    def nodes(self) -> int:
        """Nodes of all graphs."""
        return sum(len(NODES[name]) for name in self.graphs)

    @property
    def parts(self) -> int:
        """Parts of the embedding: strips, then nodes."""
        return sum(self.bins) + self.nodes


def adjacency(name: GraphName) -> Tensor:
    """Links of a graph [P, P] with each node's own, divided by the roots of both nodes' counts (Kipf and Welling 2017)."""
    linked = torch.eye(len(NODES[name]))
    for one, other in LINKS[name]:
        linked[one, other] = linked[other, one] = 1.0
    root = linked.sum(1).rsqrt()
    return root[:, None] * linked * root


class GraphLayer(nn.Module):
    """Node features [B, P, C] mixed along the links, mapped, and normed over nodes and channels."""

    def __init__(self, nodes: int, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(channels, channels)), nn.Parameter(torch.empty(channels))
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -1 / math.sqrt(channels), 1 / math.sqrt(channels))
        self.norm = nn.BatchNorm1d(nodes * channels)

    def forward(self, x: Tensor, links: Tensor) -> Tensor:
        mixed = links @ (x @ self.weight) + self.bias
        return functional.relu(self.norm(mixed.flatten(1))).view(mixed.shape)


class PartGraph(nn.Module):
    """What a frame's map shows of each node, exchanged along the links: maps [B, C, h, w] and labels [B, h, w] to [B, P, C]."""

    links: Tensor

    def __init__(self, name: GraphName, channels: int) -> None:
        super().__init__()
        self.labels = NODES[name]
        self.share = nn.Parameter(torch.full((len(self.labels),), FIRST_SHARE))
        self.layers = nn.ModuleList(GraphLayer(len(self.labels), channels) for _ in range(LAYERS))
        self.dropout = nn.Dropout(0.5)
        self.register_buffer("links", adjacency(name), persistent=False)

    def forward(self, maps: Tensor, labels: Tensor) -> Tensor:
        pooled = []
        for node, share in zip(self.labels, self.share.unbind(), strict=True):
            own = torch.stack([labels == label for label in node]).any(0)[:, None]                    # [B, 1, h, w]
            weighed = (maps * torch.where(own, share, 1.0 - share)).flatten(2)
            pooled.append(weighed.mean(-1) + weighed.amax(-1))
        x = torch.stack(pooled, 1)                                                                    # [B, P, C]
        for layer in self.layers:
            x = layer(self.dropout(x), self.links)
        return x


class Network(nn.Module):
    """Parsed bodies of a walk, in any order, to part embeddings [N, C, K]."""

    modalities: Sequence[str] = (PARSING,)
    inputs: Mapping[str, tuple[str, ...]] = {PARSING: (PARSING,)}
    distance: Distance = "euclidean"

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ResNet(1, config.channels, config.strides, config.stem_stride, config.blocks)
        self.graphs = nn.ModuleDict({name: PartGraph(name, config.channels[-1]) for name in sorted(config.graphs, reverse=True)})  # fine first
        self.shared = SeparateLinear(config.parts, config.channels[-1], config.embedding)
        standard_start(self)

    def part_features(self, x: Tensor, frames: Tensor) -> Tensor:
        """Labels as numbers [N, T, 1, H, W] and frame counts [N] to part features [N, C, K]."""
        maps = each_frame(self.encoder, x)                                                            # [N, T, C4, H/4, W/4]
        labels = functional.interpolate(x.flatten(0, 1), maps.shape[-2:], mode="nearest").squeeze(1)  # [N T, H/4, W/4]
        parts = [horizontal_pyramid(temporal_max(maps, frames), self.config.bins)]
        for graph in self.graphs.values():
            nodes = graph(maps.flatten(0, 1), labels).unflatten(0, x.shape[:2])                       # [N, T, P, C4]
            parts.append(temporal_max(nodes.transpose(2, 3)[..., None], frames).squeeze(-1))          # [N, C4, P]
        features: Tensor = self.shared(torch.cat(parts, -1))
        return features                                                                               # [N, C, K]

    def forward(self, batch: Batch) -> Features:
        """Part features, which are the embeddings as well."""
        parts = self.part_features(batch.inputs[PARSING].float().unsqueeze(2), batch.frames)
        return Features({PARSING: parts}, {PARSING: parts})

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] for the distance `Network.distance`."""
        return self.forward(batch).embeddings
