"""Alignment of the final embeddings, the kind of method that trajectory alignment is measured against."""

from typing import Literal

import torch
from torch import Tensor

from gaitbridge.config import Config, Scale, Weight
from gaitbridge.conventions import CAMERA, LIDAR
from gaitbridge.losses.info_nce import info_nce
from gaitbridge.losses.supervised_contrastive import cross_contrastive, supervised_contrastive
from gaitbridge.types import Features


class AlignmentConfig(Config):
    """Which loss aligns the embeddings, and how much it counts."""

    kind: Literal["none", "info_nce", "cross_contrastive", "supervised_contrastive"] = "supervised_contrastive"
    """info_nce: the two embeddings of one walk find each other; cross_contrastive: all of a person's in the other modality;
    supervised_contrastive: all of a person's in both."""
    weight: Weight = 0.3
    """Of the loss."""
    temperature: Scale = 0.1
    """What cosines are divided by before the softmax: lower looks at the nearest others alone."""


def alignment_losses(settings: AlignmentConfig, features: Features, people: Tensor) -> dict[str, Tensor]:
    """Of the embeddings [N, C, K] of both modalities; nothing where none is asked for."""
    camera, lidar = features.embeddings[CAMERA], features.embeddings[LIDAR]
    if settings.kind == "info_nce":
        return {"info_nce": settings.weight * info_nce(camera, lidar, settings.temperature, people)}
    if settings.kind == "cross_contrastive":
        return {"cross_contrastive": settings.weight * cross_contrastive(camera, lidar, people, settings.temperature)}
    if settings.kind == "supervised_contrastive":
        both = supervised_contrastive(torch.cat([camera, lidar]), people.repeat(2), settings.temperature)
        return {"supervised_contrastive": settings.weight * both}
    return {}
