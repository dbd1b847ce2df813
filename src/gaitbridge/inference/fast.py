"""The fast way to the same embeddings: the folded network, taken only after it agreed with the plain one on real sequences."""

import threading
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gaitbridge.models import digits
from gaitbridge.models.folding import folded
from gaitbridge.types import Batch

TOLERANCE = 1e-3  # of the plain embeddings' norm, sequence by sequence
CHECKED = 2  # sequences
_deciding = threading.Lock()  # threads may share a network: one of them finds out which way it goes
FRAMES_AT_ONCE = 48  # that a twin takes where sequences are no longer: more leave the cache (measured, benchmarks/bulk.py)


class Fast(nn.Module):
    """A network that embeds as `plain` does, by a folded twin where that agrees; on a CPU in float32, elsewhere by `plain` itself.

    There are up to two twins: in float32 (`models.folding`) and, where `by_digits` asks for it and sums of bytes are exact here, by whole numbers of
    two digits (`models.digits`) where these were measured to be faster, which is tried first: 1e-4 off, and moved as much by a sequence's neighbours
    in the batch. The first batch
    of each modality is looked at: its first and last sequences go both ways. A twin that is further apart than `TOLERANCE`, or fails, gives way to
    the next; where none is left there is a warning, and the plain network from then on. Twins are made, with copies of the weights, when the first
    batch comes.
    """

    plain: Any

    def __init__(self, plain: Any, by_digits: bool = False) -> None:
        super().__init__()
        self.plain, self.by_digits = plain, by_digits
        self.config, self.inputs = plain.config, plain.inputs
        self.twins: dict[str, Any] = {}  # by way
        self.ways: dict[str, str] = {}  # by modality, once it is known: digits, folded or plain

    def embed(self, batch: Batch) -> Mapping[str, Tensor]:
        """The embeddings [N, C, K] by modality, for the distance of the plain network."""
        tensors = list(batch.inputs.values())
        if tensors[0].device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            found: Mapping[str, Tensor] = self.plain.embed(batch)
            return found
        key = "+".join(sorted(batch.inputs))
        with _deciding:
            if key not in self.ways:
                self.ways[key] = self._way(batch)
        if self.ways[key] == "plain":
            found = self.plain.embed(batch)
            return found
        twin = self._twin(self.ways[key])
        made = [twin.embed(some) for some in _parts(batch)]
        return {name: torch.cat([part[name] for part in made]) for name in made[0]}

    def _twin(self, way: str) -> Any:
        """The twin, made once."""
        if way not in self.twins:
            self.twins[way] = folded(self.plain, by_digits=way == "digits")
        return self.twins[way]

    def _way(self, batch: Batch) -> str:
        """The first way that gives the plain network's embeddings of the batch's first and last sequence; a warning where only its own does."""
        chosen = sorted({0, len(batch.frames) - 1})[:CHECKED]
        longest = int(batch.frames[chosen].max())
        some = Batch({name: tensor[chosen, :longest] for name, tensor in batch.inputs.items()}, batch.frames[chosen], batch.people[chosen])
        wanted, problem = self.plain.embed(some), ""
        for way in (("digits", "folded") if self.by_digits and digits.supported() else ("folded",)):
            try:
                found = self._twin(way).embed(some)
            except RuntimeError as error:
                problem = f"the fast network failed ({error})"
                continue
            apart = max(difference(found[name], wanted[name]) for name in wanted)
            if apart <= TOLERANCE:  # NaN disagrees
                return self._named(way)
            problem = f"the fast network's embeddings are {apart:.1e} from the plain one's, more than {TOLERANCE:g}"
            del self.twins[way]
        warnings.warn(f"{problem}; the plain one is used, which is slower", stacklevel=3)
        return "plain"

    def _named(self, way: str) -> str:
        """The way by the name of what it does: where whole numbers were nowhere faster, what is left is the twin in float32."""
        if way == "digits" and not any(isinstance(part, digits.TwoDigitConv) for part in self.twins[way].modules()):
            self.twins["folded"] = self.twins.pop(way)
            return "folded"
        return way


def _parts(batch: Batch) -> Iterator[Batch]:
    """A batch as some of its sequences at a time, each part no longer than its longest sequence."""
    some = max(1, FRAMES_AT_ONCE // max(1, int(batch.frames.max())))
    for start in range(0, len(batch.frames), some):
        chosen = slice(start, start + some)
        longest = int(batch.frames[chosen].max())
        yield Batch({name: tensor[chosen, :longest] for name, tensor in batch.inputs.items()}, batch.frames[chosen], batch.people[chosen])


def difference(found: Tensor, wanted: Tensor) -> float:
    """The largest distance between embeddings [N, C, K] of the same sequences, as a share of the wanted one's norm; NaN where either has NaN."""
    apart = (found - wanted).flatten(1).norm(dim=1) / wanted.flatten(1).norm(dim=1).clamp_min(1e-12)
    return float(apart.max())
