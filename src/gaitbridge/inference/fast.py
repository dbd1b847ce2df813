"""The fast way to the same embeddings: the folded network, taken only after it agreed with the plain one on real sequences."""

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gaitbridge.models.folding import folded
from gaitbridge.types import Batch

TOLERANCE = 1e-3  # of the plain embeddings' norm, sequence by sequence
CHECKED = 2  # sequences


class Fast(nn.Module):
    """A network that embeds as `plain` does, by its folded twin where that agrees; on a CPU in float32, elsewhere by `plain` itself.

    The first batch of each modality is looked at: its first and last sequences go both ways. Embeddings further apart than `TOLERANCE`, or a
    twin that fails, mean a warning and the plain network from then on. The twin is made, with copies of the weights, when the first batch comes.
    """

    plain: Any
    twin: Any

    def __init__(self, plain: Any) -> None:
        super().__init__()
        self.plain, self.twin = plain, None
        self.config, self.inputs = plain.config, plain.inputs
        self.agrees: dict[str, bool] = {}  # by modality, once it is known

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] by modality, for the distance of the plain network."""
        tensors = list(batch.inputs.values())
        if tensors[0].device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            found: Mapping[str, Tensor] = self.plain.embed(batch)
            return found
        key = "+".join(sorted(batch.inputs))
        if key not in self.agrees:
            self.agrees[key] = self._agree(batch)
        found = (self.twin if self.agrees[key] else self.plain).embed(batch)
        return found

    def _agree(self, batch: Batch) -> bool:
        """Whether both ways give the same embeddings of the batch's first and last sequence; a warning if not."""
        chosen = sorted({0, len(batch.frames) - 1})[:CHECKED]
        longest = int(batch.frames[chosen].max())
        some = Batch({name: tensor[chosen, :longest] for name, tensor in batch.inputs.items()}, batch.frames[chosen], batch.people[chosen])
        wanted = self.plain.embed(some)
        try:
            if self.twin is None:
                self.twin = folded(self.plain)
            found = self.twin.embed(some)
        except RuntimeError as error:
            warnings.warn(f"the fast network failed ({error}); the plain one is used, which is slower", stacklevel=2)
            return False
        apart = max(difference(found[name], wanted[name]) for name in wanted)
        if not apart <= TOLERANCE:  # NaN disagrees
            warnings.warn(f"the fast network's embeddings are {apart:.1e} from the plain one's, more than {TOLERANCE:g}; the plain one is used, "
                          "which is slower", stacklevel=2)
            return False
        return True


def difference(found: Tensor, wanted: Tensor) -> float:
    """The largest distance between embeddings [N, C, K] of the same sequences, as a share of the wanted one's norm; NaN where either has NaN."""
    apart = (found - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1).clamp_min(1e-12)
    return float(apart.max())
