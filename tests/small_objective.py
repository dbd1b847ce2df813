"""DiffCrossGait at toy sizes: a network's settings, a batch of noise, and an objective with some settings changed."""

import torch

from gaitbridge.config import checked, overridden
from gaitbridge.methods.diffcrossgait.network import NetworkConfig
from gaitbridge.methods.diffcrossgait.objective import Objective, ObjectiveConfig
from gaitbridge.types import Batch

SMALL = NetworkConfig(channels=(8, 8), strides=(2, 2), stem_stride=1, parts=8, embedding=16)


def small_batch(count: int = 8, frames: int = 2, seed: int = 0) -> Batch:
    random = torch.Generator().manual_seed(seed)
    silhouettes = (torch.rand(count, frames, 64, 44, generator=random) > 0.5).to(torch.uint8) * 255
    metres = 8 + torch.rand(count, frames, 64, 44, generator=random)
    metres[torch.rand(metres.shape, generator=random) > 0.5] = float("nan")
    people = torch.arange(count) // 2
    return Batch({"silhouettes": silhouettes, "range_views": metres}, torch.full((count,), frames), people)


def objective(**settings: object) -> Objective:
    torch.manual_seed(1)
    document = overridden(ObjectiveConfig().model_dump(mode="json"), [f"{k.replace('__', '.')}={v}" for k, v in settings.items()])
    return Objective(checked(ObjectiveConfig, document), SMALL, people=8)
