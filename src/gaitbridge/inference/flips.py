"""Flips at test: a network sees each walk as it is and mirrored, and both readings make one embedding (`tta` where it is published).

What GaitGraph2 publishes is another thing, and its network's own setting (`network.copies`): skeletons backwards, and with their sides exchanged.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaitbridge.conventions import PARSING, PARSING_MIRRORED, POINTS
from gaitbridge.errors import UserError
from gaitbridge.types import Batch, is_picture

Flips = Literal["none", "average", "concatenate"]
PLAIN: Flips = "none"


class Flipped(nn.Module):
    """What embeds as a network does, of both readings. way: `average` takes their mean, `concatenate` puts their channels side by side: [N, 2 C, K].

    For the cosine distance each part of each reading has unit length first, so that both count alike. inner: a network, or what does as one.
    UserError where it takes what has no mirror image here.
    """

    inner: Any

    def __init__(self, inner: Any, way: Flips, distance: str) -> None:
        super().__init__()
        self.inner, self.way, self.distance = inner, way, distance
        self.config, self.inputs = inner.config, inner.inputs
        if without := sorted({name for names in self.inputs.values() for name in names} - MIRRORED):
            raise UserError(f"flips={way}: {' and '.join(without)} cannot be mirrored here: set flips=none for this network")

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings by modality, [N, C, K] or [N, 2 C, K]."""
        found = [self.inner.embed(one) for one in (batch, mirrored(batch))]
        return {name: self._together([one[name] for one in found]) for name in found[0]}

    def _together(self, readings: list[Tensor]) -> Tensor:
        if self.distance == "cosine":
            readings = [functional.normalize(one, dim=1) for one in readings]
        return torch.cat(readings, 1) if self.way == "concatenate" else torch.stack(readings).mean(0)


MIRRORED = {"silhouettes", "range_views", "depth_pictures", "pose_heatmaps", PARSING, POINTS}


def mirrored(batch: Batch) -> Batch:
    """The walks as in a mirror: pictures left for right, of points y to -y, and left limbs are right ones."""
    return batch._replace(inputs={name: _mirrored(name, x) for name, x in batch.inputs.items()})


def _mirrored(name: str, x: Tensor) -> Tensor:
    if name == POINTS:
        return torch.cat([x[..., :1], -x[..., 1:2], x[..., 2:]], -1)
    assert is_picture(name)
    flipped = x.flip(-1)
    return torch.tensor(PARSING_MIRRORED, dtype=x.dtype, device=x.device)[flipped.long()] if name == PARSING else flipped


def hash_of(weights: str, way: Flips) -> str:
    """The name of a network of these weights that reads so: another one's where it flips, so that no gallery mixes the two."""
    return weights if way == PLAIN else hashlib.blake2b(f"{weights} {way}".encode(), digest_size=16).hexdigest()
