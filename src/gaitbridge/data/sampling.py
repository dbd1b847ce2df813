"""Which sequences and frames make a batch: a pure function of (seed, step), so that a resumed run sees what it would have seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gaitbridge.conventions import stream
from gaitbridge.errors import UserError


@dataclass(frozen=True)
class Plan:
    """One batch: sequence numbers [N], class numbers [N], and the frame numbers of each sequence [N][T]."""

    numbers: tuple[int, ...]
    people: tuple[int, ...]
    frames: tuple[np.ndarray, ...]

    def share(self, rank: int, processes: int) -> "Plan":
        """The rows of process `rank` of `processes`: one after the other they are the whole plan. UserError where people cannot be split evenly."""
        people = len(set(self.people))
        if people % processes:
            raise UserError(f"data.people_per_batch is {people}, which {processes} processes cannot share: set it to a multiple of {processes}")
        rows = slice(rank * len(self.numbers) // processes, (rank + 1) * len(self.numbers) // processes)
        return Plan(self.numbers[rows], self.people[rows], self.frames[rows])


def people_of(rows: Sequence[Mapping[str, object]], numbers: Sequence[int]) -> dict[str, list[int]]:
    """Sequence numbers by person, people sorted: their order gives the class numbers."""
    found: dict[str, list[int]] = {}
    for number in numbers:
        found.setdefault(str(rows[number]["person"]), []).append(number)
    return {person: found[person] for person in sorted(found)}


def draw_frames(fewest: int, most: int | None, seed: int, step: int) -> int:
    """How many frames the sequences of batch `step` have: evenly from `fewest` to `most`, the same in every process; `fewest` without `most`."""
    return fewest if most is None else int(stream(seed, "frames", step).integers(fewest, most + 1))


def plan_batch(by_person: Mapping[str, Sequence[int]], frame_counts: Mapping[int, int], *, people: int, per_person: int, frames: int,
               seed: int, step: int, ordered: bool = False, spare: int = 0, spacing: int = 1) -> Plan:
    """P x K sampling: `people` different people, `per_person` sequences each, `frames` frames a sequence (Hermans et al. 2017).

    Sequences of a person are different while there are enough; frames are drawn without replacement, or `ordered` ones in a row, `spacing` apart as
    far as the sequence is long enough (from which, with `spare`, as many more are left out at random), and repeat where a sequence is shorter.
    UserError where there are fewer people than asked for.
    """
    if len(by_person) < people:
        raise UserError(f"a batch needs {people} people but the store has {len(by_person)} to train on: lower data.people_per_batch")
    random = stream(seed, "batch", step, 0)  # the 0: of a stream once named after the process as well
    names = list(by_person)
    numbers, classes, chosen = [], [], []
    for person in random.choice(len(names), people, replace=False):
        own = by_person[names[person]]
        for pick in random.choice(len(own), per_person, replace=len(own) < per_person):
            count = frame_counts[own[pick]]
            if ordered and count > frames:
                row = min(frames + spare, count)
                apart = max(1, min(spacing, (count - 1) // max(1, row - 1)))
                start = int(random.integers(count - apart * (row - 1)))
                picked = start + apart * np.arange(row)
                if row > frames:
                    picked = np.sort(random.choice(picked, frames, replace=False))
            else:
                picked = np.sort(random.choice(count, frames, replace=count < frames))
            numbers.append(own[pick])
            classes.append(int(person))
            chosen.append(picked)
    return Plan(tuple(numbers), tuple(classes), tuple(chosen))
