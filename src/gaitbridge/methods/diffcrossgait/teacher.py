"""A teacher that sees both sensors at once, and what its two students, the encoders that are deployed, learn from it (UniCrossGait's idea).

The teacher learns beside its students and is left behind with the objective.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.config import Config, Count, Scale, Weight
from gaitbridge.conventions import CAMERA
from gaitbridge.losses.cross_entropy import CosineClassifier, cross_entropy
from gaitbridge.losses.imitation import between_samples, direction, within_samples
from gaitbridge.losses.triplet import triplet
from gaitbridge.methods.diffcrossgait.identity import IdentityConfig, Losses
from gaitbridge.methods.diffcrossgait.network import MODALITIES, NetworkConfig
from gaitbridge.models.backbones import ResNet
from gaitbridge.models.cross_fusion import CrossFusion
from gaitbridge.models.necks import ModalityBatchNorm, SeparateLinear
from gaitbridge.models.pooling import horizontal_parts, temporal_max
from gaitbridge.models.preparation import PREPARE
from gaitbridge.types import Batch


class TeacherConfig(Config):
    """How much of the teacher its students imitate; the defaults are the published ones."""

    direction: Weight = 1.0
    """Weight of the angle between a student's embedding and the teacher's."""
    within: Weight = 0.5
    """Weight of the likenesses of the parts within each sample, the student's against the teacher's."""
    between: Weight = 0.5
    """Weight of the likenesses between samples of a batch, the student's against the teacher's."""
    first: Weight = 0.1
    """Imitation counts so many times at the beginning, rising evenly to `last`: a young teacher knows little."""
    last: Weight = 1.5
    """At the end of the training."""
    temperature: Scale = 4.0
    """Of the confidences by which the weaker sensor's student is made to imitate more."""
    heads: Count = 8
    """Of the attention by which the teacher fuses both sensors; they divide the last stage's channels."""


class Teacher(nn.Module):
    """Encoders of its own, fused pixel by pixel, to one embedding [N, C, K] of both sensors; trained by identity losses of its own."""

    def __init__(self, config: TeacherConfig, network: NetworkConfig, identity: IdentityConfig, people: int) -> None:
        super().__init__()
        if network.channels[-1] % config.heads:
            raise ValueError(f"objective.teacher.heads is {config.heads}, which do not divide the {network.channels[-1]} channels of the last stage")
        self.config, self.identity, self.parts = config, identity, network.parts
        self.encoders = nn.ModuleDict({m: ResNet(PREPARE[m][1], network.channels, network.strides, network.stem_stride) for m in MODALITIES})
        self.fuse = CrossFusion(network.channels[-1], config.heads)
        self.linear = SeparateLinear(network.parts, network.channels[-1], network.embedding)
        self.neck = ModalityBatchNorm(("both",), network.parts, network.embedding)
        self.classify = CosineClassifier(network.parts, network.embedding, people, identity.scale)

    def forward(self, batch: Batch) -> Tensor:
        """The embeddings [N, C, K] of walks that both sensors saw, each part of length one."""
        maps = []
        for name in MODALITIES:
            x = PREPARE[name][0](batch.inputs[name])                                                   # [N, T, channels, H, W]
            flat = x.flatten(0, 1).contiguous(memory_format=torch.channels_last)
            maps.append(temporal_max(self.encoders[name](flat).unflatten(0, x.shape[:2]), batch.frames))
        parts = self.linear(horizontal_parts(self.fuse(*maps), self.parts))                            # [N, C, K]
        return functional.normalize(self.neck(parts, "both"), dim=1)

    def losses(self, taught: Tensor, students: Mapping[str, Tensor], people: Tensor, classify: nn.Module, done: float) -> Losses:
        """The teacher's identity losses on its embeddings `taught`, and its students' imitation of them; done: share of the training."""
        weights, settings = self.identity, self.config
        found = {"teacher_cross_entropy": weights.cross_entropy * cross_entropy(self.classify(taught), people, weights.smoothing),
                 "teacher_triplet": weights.triplet * triplet(taught, taught, people, people, weights.margin, same=True)}
        logits = classify(torch.cat([students[m] for m in MODALITIES])).chunk(len(MODALITIES))
        balance = balances(*(confidence(one, people, settings.temperature) for one in logits))
        rise, shown = settings.first + (settings.last - settings.first) * done, taught.detach()
        for name, share in zip(MODALITIES, balance, strict=True):
            own = students[name]
            imitation = (settings.direction * direction(own, shown) + settings.within * within_samples(own, shown)
                         + settings.between * between_samples(own, shown))
            found[f"imitation_{'camera' if name == CAMERA else 'lidar'}"] = rise * share * imitation
        return found


@torch.no_grad()
def confidence(logits: Tensor, people: Tensor, temperature: float) -> Tensor:
    """Mean over samples and parts of the probability of the true person at a temperature; logits [N, people, K]."""
    share = torch.softmax(logits.float() / temperature, dim=1)
    return share.gather(1, people[:, None, None].expand(-1, 1, share.shape[2])).mean()


def balances(camera: Tensor, lidar: Tensor) -> tuple[Tensor, Tensor]:
    """mu_m = (1 + tanh(theta_o / (theta_m + theta_o))) / 2, theta_o the other's confidence: the less sure student
    imitates more. In the order of MODALITIES."""
    total = (camera + lidar).clamp(min=1e-9)
    return 0.5 * (1 + torch.tanh(lidar / total)), 0.5 * (1 + torch.tanh(camera / total))
