"""How well a run knows the people it was trained on, beside people it has not met: what training reached, and how much of it carries over."""

from itertools import permutations
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from gaitbridge import plugins
from gaitbridge.conventions import stream
from gaitbridge.data.batches import TrainingBatches, has_all
from gaitbridge.errors import UserError
from gaitbridge.files import write_json
from gaitbridge.losses.triplet import violations
from gaitbridge.progress import Progress, silent
from gaitbridge.run_documents import SEEN, Seen, pointed, read_config
from gaitbridge.store import Store
from gaitbridge.training.checkpoint import fill
from gaitbridge.training.config import METHODS, RunConfig, to_use
from gaitbridge.training.validation import validate

BATCHES = 16  # that follow the last one trained on: the same ones for the same seed
PEOPLE, SEQUENCES = 100, 16  # at most: people of either kind, and of each so many walks


def measure_seen(run: Path, store: Store, progress: Progress = silent) -> Seen:
    """Triplets across the sensors within the margin, in batches of training people as training draws them and with their own statistics in the
    normalisations; and rank-1 across the sensors of people trained on and of test people, as in validation. Written to RUN/seen.json.

    The last checkpoint. UserError where the run has none, or its network takes one sensor alone.
    """
    config = to_use(read_config(run))
    folder = pointed(run, "last")
    if folder is None:
        raise UserError(f"{run} has no checkpoint yet: finish its training with --resume")
    network: nn.Module = plugins.load(f"{METHODS}.{config.method}", "network").Network(config.network)
    inputs: dict[str, tuple[str, ...]] = dict(network.inputs)  # type: ignore[arg-type]
    if len(inputs) < 2:
        raise UserError(f"{run} takes {next(iter(inputs))} alone: triplets across the sensors need a network of both")
    fill(network, folder, "network")
    names = sorted({name for group in inputs.values() for name in group})
    samples = {"train": _sample(store, "train", names, config.seed, config.data.people), "test": _sample(store, "test", names, config.seed)}
    people = min(len(sample) for sample in samples.values())
    numbers = {split: [n for own in list(sample.values())[:people] for n in own] for split, sample in samples.items()}
    network.eval()
    rank1 = {}
    for place, split in enumerate(("train", "test")):
        progress(place, 3, "rank-1")
        rank1[split] = {name: round(float(value), 3) for name, value in validate(network, store, numbers[split], "cpu", False).items()}
    progress(2, 3, "triplets")
    violating, triplets = _triplets(network, config, store, names)
    found = Seen(batches=BATCHES, margin=_margin(config), triplets=triplets, violating=violating, people=people,
                 sequences=len(numbers["train"]), seen=rank1["train"], unseen=rank1["test"])
    write_json(found, run / SEEN)
    progress(3, 3, "")
    return found


def _sample(store: Store, split: str, names: list[str], seed: int, first: int | None = None) -> dict[str, list[int]]:
    """Sequences of up to PEOPLE people of a split (of the first so many by name, where given), SEQUENCES of each at most, drawn."""
    random = stream(seed, "seen", split)
    own: dict[str, list[int]] = {}
    for number in store.select(split=split):
        if has_all(store.rows[number], names):
            own.setdefault(str(store.rows[number]["person"]), []).append(number)
    if not own:
        raise UserError(f"{store.path} has no sequences of split {split!r} with {' and '.join(names)}: give one of people to train and to test on")
    chosen = sorted(random.permutation(sorted(own)[:first])[:PEOPLE].tolist())
    return {name: sorted(np.asarray(own[name])[random.permutation(len(own[name]))[:SEQUENCES]].tolist()) for name in chosen}


def _margin(config: RunConfig) -> float:
    identity = getattr(config.objective, "identity", None)
    return float(getattr(identity, "margin", 0.2))


@torch.no_grad()
def _triplets(network: nn.Module, config: RunConfig, store: Store, names: list[str]) -> tuple[int, int]:
    """(within the margin, all) over BATCHES batches, both ways across the sensors. The network's running statistics change."""
    data = TrainingBatches(store, names, config.data, config.seed, size=getattr(config.network, "size", None),
                           points=getattr(config.network, "points", 0))
    network.train()
    violating = triplets = 0
    for batch in data.from_step(config.steps, config.steps + BATCHES):
        embeddings = {name: functional.normalize(x.float(), dim=1) for name, x in network(batch).embeddings.items()}
        for a, b in permutations(embeddings, 2):
            within, of = violations(embeddings[a], embeddings[b], batch.people, batch.people, _margin(config))
            violating, triplets = violating + within, triplets + of
    return violating, triplets
