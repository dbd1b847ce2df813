"""From the store to tensors: training batches by step, and padded batches for embedding."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from gaitbridge.config import Config
from gaitbridge.data.sampling import people_of, plan_batch
from gaitbridge.errors import UserError
from gaitbridge.store import Store
from gaitbridge.types import Batch


class TruthReader(Protocol):
    """What a training objective needs beside the images: the store's `fields`, and what it makes of one sequence's (arrays, index row)."""

    @property
    def fields(self) -> tuple[str, ...]: ...

    def __call__(self, arrays: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, np.ndarray]: ...


class DataConfig(Config):
    """How training batches are drawn: P people x K sequences x T frames, the same ones of every modality."""

    people_per_batch: int = 16
    sequences_per_person: int = 4
    frames: int = 10
    ordered: bool = False
    """Frames in a row rather than drawn from the whole sequence."""
    workers: int = 0
    """Processes that read ahead; 0 reads in the training process."""


def padded(arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences [T_i, H, W] to one tensor [N, T, H, W] of the longest T, zero-padded, and their frame counts [N]."""
    counts = [len(array) for array in arrays]
    result = np.zeros((len(arrays), max(counts), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in enumerate(arrays):
        result[row, : len(array)] = array
    return torch.from_numpy(result), torch.tensor(counts)


class TrainingBatches(Dataset[Batch]):
    """Batch number `step` of a run, for any step, in any process: item i depends on (seed, i, rank) alone."""

    def __init__(self, store: Store, modalities: Sequence[str], config: DataConfig, seed: int, rank: int = 0, split: str = "train",
                 truth: TruthReader | None = None) -> None:
        numbers = [n for n in store.select(split=split, modality=list(modalities)) if _frames(store.rows[n], modalities) > 0]
        if not numbers:
            raise UserError(f"{store.path} has no sequences of split {split!r} with {' and '.join(modalities)} to train on")
        if truth is not None:
            _check_truth(store, numbers, truth)
        self.store, self.modalities, self.config, self.seed, self.rank, self.truth = store, tuple(modalities), config, seed, rank, truth
        self.by_person = people_of(store.rows, numbers)
        self.frame_counts = {n: _frames(store.rows[n], modalities) for n in numbers}

    @property
    def people(self) -> tuple[str, ...]:
        """The people trained on, in the order of their class numbers."""
        return tuple(self.by_person)

    def __getitem__(self, step: int) -> Batch:
        settings = self.config
        plan = plan_batch(self.by_person, self.frame_counts, people=settings.people_per_batch, per_person=settings.sequences_per_person,
                          frames=settings.frames, ordered=settings.ordered, seed=self.seed, step=step, rank=self.rank)
        picked = [dict.fromkeys(self.modalities, frames) for frames in plan.frames]
        sequences = self.store.read_many(plan.numbers, [*self.modalities, *(self.truth.fields if self.truth else ())], picked)
        inputs = {name: torch.from_numpy(np.stack([s.arrays[name] for s in sequences])) for name in self.modalities}
        counts = torch.full((len(sequences),), settings.frames)
        extras: dict[str, torch.Tensor] = {}
        if self.truth is not None:
            found = [self.truth(sequence.arrays, self.store.rows[number]) for sequence, number in zip(sequences, plan.numbers, strict=True)]
            extras = {name: torch.from_numpy(np.stack([one[name] for one in found])) for name in found[0]}
        return Batch(inputs, counts, torch.tensor(plan.people), tuple(s.labels.key for s in sequences), extras)

    def from_step(self, first: int, last: int) -> Iterator[Batch]:
        """The batches of steps first ... last - 1."""
        workers = self.config.workers
        context = "spawn" if workers else None
        return iter(DataLoader(self, batch_size=None, sampler=range(first, last), num_workers=workers, multiprocessing_context=context))


def _check_truth(store: Store, numbers: Sequence[int], truth: TruthReader) -> None:
    """UserError naming what is missing, where a sequence lacks a field that the objective learns from."""
    for number in numbers:
        if lacking := [name for name in truth.fields if name not in store.rows[number]["fields"]]:
            raise UserError(
                f"{store.path}: {store.rows[number]['key']} has no 3D truth to learn from ({', '.join(lacking)} missing): take a store that has it, "
                "or train recognition alone, asked for with --set objective.reconstruction=null"
            )


def _frames(row: Mapping[str, object], modalities: Sequence[str]) -> int:
    """Frames that all modalities have: their rows are paired in time, frame for frame."""
    return min(int(str(row[f"{name}_frames"])) for name in modalities)
