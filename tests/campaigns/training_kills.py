"""Training killed anywhere and resumed: the weights, the result and the log are those of a run that was never disturbed, and nothing else stays."""

import json
import re
import shutil
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from campaigns import _kills
from campaigns._kills import Place, Trial
from campaigns.contract import Failure
from toy import make_toy_store

from gaitbridge.config import checked, overridden
from gaitbridge.files import left
from gaitbridge.run_documents import pointed
from gaitbridge.store import Store
from gaitbridge.training import checkpoint
from gaitbridge.training.config import RunConfig, recipe
from gaitbridge.training.loop import train

SHORT, LONG = 2, 150
TOY = ("data.people_per_batch=4", "data.sequences_per_person=2", "data.frames=2", "network.channels=[8,8]", "network.strides=[2,2]",
       "network.stem_stride=1", "network.embedding=16", "network.parts=8", "objective.diffusion.latent=16", "objective.diffusion.width=16",
       "precision=float32", "log_every=1", "validate_every=2", "steps=6")
OF_THE_CLOCK = ("seconds", "sequences_per_s")


def campaign(count: int, seed: int, folder: Path) -> list[Failure]:
    return _kills.apart("campaigns.training_kills", count, seed, folder)


def killed_here(count: int, seed: int, folder: Path) -> list[Failure]:
    import lightning.fabric  # noqa: F401
    import torch.utils.tensorboard  # noqa: F401  both imported once, not in every fork

    store = make_toy_store(folder / "store", {"train": 6, "val": 3})
    config = checked(RunConfig, overridden(recipe("diffcrossgait/tiny").model_dump(mode="json"), list(TOY)))
    act = partial(go_on, config, store)
    half = folder / "half"
    half.mkdir()
    _kills.run_until(act, half, Place("event", 40))  # some steps done, and not the last
    trials = [Trial("train", lambda here: None, act, partial(checked_run, act)), Trial("resume", partial(copy, half), act, partial(checked_run, act))]
    return _kills.killed(trials, count, seed, folder)


def copy(half: Path, here: Path) -> None:
    shutil.copytree(half, here, dirs_exist_ok=True)


def go_on(config: RunConfig, store: Store, here: Path) -> None:
    """Train a run, or resume it where there is one, as a user does who knows no more than that."""
    run = here / "run"
    state = train(config, store, run, resume=(run / "config.json").is_file())
    (here / "result.json").write_text(json.dumps(state))


def checked_run(act: Any, here: Path, undisturbed: Path) -> list[str]:
    """What differs from the undisturbed run once the killed one is finished."""
    try:
        act(here)
    except Exception as error:
        return [f"cannot be resumed: {type(error).__name__}: {error}"]
    wrong = []
    for name in ("last", "best"):
        if hashes(undisturbed / "run", name) != hashes(here / "run", name):
            wrong.append(f"other bits: {name}")
    if log_of(undisturbed / "run") != log_of(here / "run"):
        wrong.append(f"other log: {[(line['kind'], line['step']) for line in log_of(here / 'run')]}")
    if timeless(json.loads((undisturbed / "result.json").read_text())) != timeless(json.loads((here / "result.json").read_text())):
        wrong.append("other result: what training returns")
    found, wanted = names_of(here), names_of(undisturbed)
    wrong += [f"left over: {name}" for name in found - wanted] + [f"lost: {name}" for name in wanted - found]
    wrong += [f"left over: {path}" for path in left(here)]
    return wrong


def hashes(run: Path, pointer: str) -> dict[str, str]:
    """Hashes of the three parts of a checkpoint."""
    folder = pointed(run, pointer)
    return {part: checkpoint.weights_hash(checkpoint.read_part(folder, part)) for part in checkpoint.PARTS} if folder else {}


def names_of(place: Path) -> Counter[str]:
    """The files of a run; a checkpoint made again beside one that `best` pointed to has a number more in its name."""
    paths = [str(path.relative_to(place)) for path in place.rglob("*") if "tensorboard" not in path.parts]
    return Counter(re.sub(r"(step-\d{7})-\d+", r"\1", path) for path in paths)


def log_of(run: Path) -> list[dict[str, Any]]:
    return [timeless(json.loads(line)) for line in (run / "log.jsonl").read_text().splitlines()]


def timeless(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in OF_THE_CLOCK}
