"""From the store to tensors: training batches by step, and padded batches for embedding."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Any, Protocol

import numpy as np
import torch
from pydantic import Field, model_validator
from torch.utils.data import DataLoader, Dataset

from gaitbridge import clouds
from gaitbridge.config import Config
from gaitbridge.conventions import POINTS, SKELETONS, stream
from gaitbridge.data.augmentation import AugmentationConfig, augmented, check_further, check_names
from gaitbridge.data.point_augmentation import PointAugmentationConfig, augmented_points
from gaitbridge.data.preparation import Size, columns_to_cut, fitted
from gaitbridge.data.sampling import Plan, draw_frames, people_of, plan_batch
from gaitbridge.data.skeleton_augmentation import SkeletonAugmentationConfig, augmented_skeletons
from gaitbridge.errors import UserError
from gaitbridge.store import FIELDS, PRIMARY, Store
from gaitbridge.types import Batch

Frames = Annotated[int, Field(ge=1, le=100_000)]


class TruthReader(Protocol):
    """What a training objective needs beside the images: the store's `fields`, and what it makes of one sequence's (arrays, index row)."""

    @property
    def fields(self) -> tuple[str, ...]: ...

    def __call__(self, arrays: Mapping[str, np.ndarray], row: Mapping[str, Any]) -> dict[str, np.ndarray]: ...


class DataConfig(Config):
    """How training batches are drawn: P people x K sequences x T frames, the same ones of every modality."""

    people: Annotated[int, Field(ge=2, le=10**9)] | None = None
    """So many of the store's training people, the first by name; all of them where null."""
    people_per_batch: Annotated[int, Field(ge=2, le=100_000)] = 16
    """Of the whole batch: several processes share them. One alone has nobody to be told from."""
    sequences_per_person: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Walks of each person in a batch; drawn with repetition of a person who has fewer."""
    frames: Frames = 10
    """Of each sequence in a batch, the fewest where `most_frames` is given."""
    most_frames: Frames | None = None
    """With it each batch draws how many frames its sequences have, evenly from `frames` to this (GaitBase on Gait3D: 10 to 50)."""
    ordered: bool = False
    """Frames in a row rather than drawn from the whole sequence."""
    spare: Annotated[int, Field(ge=0, le=100_000)] = 0
    """ordered: the row is this many frames longer, of which as many are left out at random (DeepGaitV2 on Gait3D: 4)."""
    spacing: Annotated[int, Field(ge=1, le=1000)] = 1
    """ordered: the row's frames are so many apart."""
    augmentation: AugmentationConfig | None = None
    """Pictures flipped, turned, tilted, stretched and erased."""
    point_augmentation: PointAugmentationConfig | None = None
    """Points flipped, turned, moved, scaled and dropped."""
    skeleton_augmentation: SkeletonAugmentationConfig | None = None
    """Skeletons turned back, their sides exchanged, shaken and moved."""
    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processes that read ahead; 0 reads in the training process."""

    @model_validator(mode="after")
    def _rising(self) -> "DataConfig":
        if self.most_frames is not None and self.most_frames < self.frames:
            raise ValueError(f"most_frames is {self.most_frames}, fewer than frames ({self.frames})")
        return self


def padded(arrays: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences [T_i, ...] to one tensor [N, T, ...] of the longest T, zero-padded, and their frame counts [N]."""
    counts = [len(array) for array in arrays]
    result = np.zeros((len(arrays), max(counts), *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in enumerate(arrays):
        result[row, : len(array)] = array
    return torch.from_numpy(result), torch.tensor(counts)


class TrainingBatches(Dataset[Batch]):
    """Batch number `step` of a run, for any step, in any process: item i depends on (seed, i) alone; share (r, W): the part of process r of W.

    names: the arrays that the network takes; truth: what its objective needs besides; size: of the network's pictures (H, W); points: so many of each
    frame are drawn, where it takes points.
    """

    def __init__(self, store: Store, names: Sequence[str], config: DataConfig, seed: int, share: tuple[int, int] = (0, 1), split: str = "train",
                 truth: TruthReader | None = None, size: Size | None = None, points: int = 0) -> None:
        numbers = [n for n in store.select(split=split) if has_all(store.rows[n], names)]
        if not numbers:
            raise UserError(f"{store.path} has no sequences of split {split!r} with {' and '.join(names)} to train on")
        by_person = people_of(store.rows, numbers)
        if config.people is not None:
            if len(by_person) < config.people:
                raise UserError(f"data.people is {config.people} but {store.path} has {len(by_person)} people to train on: lower it")
            by_person = dict(islice(by_person.items(), config.people))
            numbers = [n for n in numbers if str(store.rows[n]["person"]) in by_person]
        if truth is not None:
            _check_truth(store, numbers, truth)
        self.store, self.names, self.config, self.seed, self.share, self.truth = store, tuple(names), config, seed, share, truth
        self.size, self.points = size, points
        self._check_sizes(numbers)
        if config.augmentation is not None:
            check_further(config.augmentation)
            check_names(self.names)
            if truth is not None and config.augmentation.moves():
                raise UserError("data.augmentation would move the pictures away from their 3D truth: leave erasing alone of it, as in "
                                'data.augmentation={"flip":0,"turn":0,"tilt":0,"erasing":0.2}, or set it to null')
        if config.point_augmentation is not None and POINTS not in self.names:
            raise UserError(f"data.point_augmentation changes points, this network takes {' and '.join(self.names)}: set it to null")
        if config.skeleton_augmentation is not None and SKELETONS not in self.names:
            raise UserError(f"data.skeleton_augmentation changes skeletons, this network takes {' and '.join(self.names)}: set it to null")
        self.by_person = by_person
        self.frame_counts = {n: frames_of(store.rows[n], names) for n in numbers}

    def _check_sizes(self, numbers: Sequence[int]) -> None:
        """UserError where pictures are of a size that the network cannot take, or that its truth does not belong to."""
        for number in numbers if self.size else ():
            row = self.store.rows[number]
            cut = columns_to_cut((row["height"], row["width"]), self.size or (0, 0), f"{self.store.path}: {row['key']}")
            if cut and self.truth is not None:
                raise UserError(f"{self.store.path}: {row['key']} is {row['width']} columns wide and so is its 3D truth, the network takes "
                                f"{self.size and self.size[1]}: train with --set network.size=[{row['height']},{row['width']}]")

    @property
    def people(self) -> tuple[str, ...]:
        """The people trained on, in the order of their class numbers."""
        return tuple(self.by_person)

    def plan(self, step: int) -> Plan:
        """What batch `step` holds of this process's share; UserError where there are too few people, or they cannot be shared."""
        settings = self.config
        frames = draw_frames(settings.frames, settings.most_frames, self.seed, step)
        return plan_batch(self.by_person, self.frame_counts, people=settings.people_per_batch, per_person=settings.sequences_per_person,
                          frames=frames, ordered=settings.ordered, spare=settings.spare, spacing=settings.spacing, seed=self.seed,
                          step=step).share(*self.share)

    def __getitem__(self, step: int) -> Batch:
        settings, plan = self.config, self.plan(step)
        picked = [dict.fromkeys(PRIMARY, chosen) for chosen in plan.frames]
        sequences = self.store.read_many(plan.numbers, [*self.names, *(self.truth.fields if self.truth else ())], picked)
        arrays = [{name: fitted(s.arrays[name], self.size, name, s.labels.key) for name in self.names if name != POINTS} for s in sequences]
        if settings.augmentation is not None:
            arrays = [augmented(own, settings.augmentation, stream(self.seed, "augmentation", step, number, int(chosen[0])))
                      for own, number, chosen in zip(arrays, plan.numbers, plan.frames, strict=True)]
        for own, sequence, number, chosen in zip(arrays, sequences, plan.numbers, plan.frames, strict=True) if POINTS in self.names else ():
            place = (step, number, int(chosen[0]))
            own[POINTS] = clouds.drawn(sequence.arrays[POINTS], self.points, len(chosen), stream(self.seed, "points", *place))
            if settings.point_augmentation is not None:
                own[POINTS] = augmented_points(own[POINTS], settings.point_augmentation, stream(self.seed, "point augmentation", *place))
        if settings.skeleton_augmentation is not None:
            for own, number, chosen in zip(arrays, plan.numbers, plan.frames, strict=True):
                random = stream(self.seed, "skeleton augmentation", step, number, int(chosen[0]))
                own[SKELETONS] = augmented_skeletons(own[SKELETONS], settings.skeleton_augmentation, random)
        inputs = {name: torch.from_numpy(np.stack([own[name] for own in arrays])) for name in self.names}
        counts = torch.tensor([len(chosen) for chosen in plan.frames])
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
                "or train recognition alone, asked for with --set objective.reconstruction=null and --set network.heatmaps=null"
            )


def has_all(row: Mapping[str, Any], names: Sequence[str]) -> bool:
    """Whether a sequence (its index row) has all arrays of these names, and a frame."""
    return set(names) <= set(row["fields"]) and frames_of(row, names) > 0


def frames_of(row: Mapping[str, Any], names: Sequence[str]) -> int:
    """Frames that all modalities among the arrays have: their rows are paired in time, frame for frame."""
    return min(int(row[f"{name}_frames"]) for name in {FIELDS[name].frames for name in names})
