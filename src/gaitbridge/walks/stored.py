"""The quality of walks in a store: kept with a sequence when it is captured, judged when it is asked for elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gaitbridge.conventions import DEPTH_PICTURES
from gaitbridge.progress import Progress, silent
from gaitbridge.store import PRIMARY, Store
from gaitbridge.types import Sequence
from gaitbridge.walks import FLOOR
from gaitbridge.walks.quality import JUDGED, Quality, problem, walk_quality

BESIDE = ("presence",)  # of the people model, where it found them


def with_quality(sequence: Sequence) -> tuple[Sequence, Quality]:
    """A captured sequence with its quality among its arrays, and that quality."""
    name = next(name for name in JUDGED if name in sequence.arrays)
    quality = walk_quality(sequence.arrays, sequence.arrays.get(f"{name}_time_s"))
    return replace(sequence, arrays={**sequence.arrays, "quality": quality.array()}), quality


def stored_quality(store: Store, number: int, modality: str) -> Quality:
    """The quality of sequence `number` as that modality shows it, judged anew: what is stored may be of the other sensor."""
    times = f"{modality if modality in PRIMARY and modality != DEPTH_PICTURES else 'range_views'}_time_s"
    arrays = dict(store.read(number, (modality, times, *BESIDE)).arrays)
    return walk_quality(arrays, arrays.pop(times, None))


@dataclass(frozen=True)
class Sorted:
    """Numbers of the sequences that are good enough, and of those that are not, with the reason."""

    kept: list[int]
    left_out: dict[int, str]


def good_enough(store: Store, numbers: Iterable[int], modality: str, floor: float = FLOOR, progress: Progress = silent) -> Sorted:
    """Which of the sequences reach the floor as that modality shows them; 0 keeps all unseen."""
    numbers = list(numbers)
    if floor <= 0 or modality not in JUDGED:
        return Sorted(numbers, {})
    found = {}
    for done, number in enumerate(numbers, 1):
        found[number] = problem(stored_quality(store, number, modality), floor)
        progress(done, len(numbers), "")
    return Sorted([number for number in numbers if not found[number]], {number: words for number, words in found.items() if words})
