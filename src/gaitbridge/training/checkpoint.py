"""Checkpoints without pickle, written whole: a folder of safetensors and JSON that is renamed into place, then named by a pointer.

    RUN/checkpoints/step-0000300/   network.safetensors  objective.safetensors  optimiser.safetensors  state.json; with optimiser.ema
                                    network.safetensors is the average, and unaveraged.safetensors what training goes on from
    RUN/checkpoints/last.json       {"folder": "step-0000300", ...}; best.json alike, and at-300.json of one that stays

A kill at any moment leaves the previous pointer and its folder as they were.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import TypedDict

from gaitbridge.documents import damaged, read_document
from gaitbridge.errors import StoreError, UserError
from gaitbridge.files import made_whole, sweep, written_whole
from gaitbridge.run_documents import AGAIN, pointed

PARTS = ("network", "objective", "optimiser")
UNAVERAGED = "unaveraged"  # the network's own weights, where `network` is their average


class State(TypedDict):
    """Where training was: metrics of its last validation, the best rank-1, the time so far, the optimiser's groups."""

    step: int
    best: float
    metrics: dict[str, float]
    seconds: float
    optimiser: list[dict[str, Any]]


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Hash of named tensors: names, shapes and bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode() + tensor.view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def save_checkpoint(run: Path, step: int, network: nn.Module, objective: nn.Module, optimiser: torch.optim.Optimizer,
                    state: dict[str, Any], best: bool, stays: bool = False, average: nn.Module | None = None) -> Path:
    """Write the checkpoint of `step` steps done, point `last` to it (and `best`, and `at-STEP` where it stays), and remove those that nothing
    points to. average: of the network's weights, which is then what is taken to use."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    folder = _unused(run / "checkpoints" / f"step-{step:07d}")
    try:
        with made_whole(folder, "state.json") as partial:
            tensors, groups = _flat(optimiser.state_dict())
            used = (network if average is None else average).state_dict()
            parts = dict(zip(PARTS, (used, objective.state_dict(), tensors), strict=True))
            for name, content in (parts if average is None else parts | {UNAVERAGED: network.state_dict()}).items():
                save_file(_apart(content), str(partial / f"{name}.safetensors"))
            document = state | {"step": step, "weights_hash": weights_hash(used), "optimiser": groups}
            (partial / "state.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    except (StoreError, SafetensorError) as error:  # the second is how safetensors reports a full disk
        raise UserError(f"cannot write the checkpoint {folder}: {error}; free some space and go on with --resume") from error
    # `last` comes last: killed before it, a resumed run makes this checkpoint again, and `best` with it
    for pointer in (*((at(step),) if stays else ()), *(("best",) if best else ()), "last"):
        with written_whole(run / "checkpoints" / f"{pointer}.json") as temporary:
            temporary.write_text(json.dumps({"folder": folder.name, "step": step} | state.get("metrics", {})), encoding="utf-8")
    tidy(run)
    return folder


def _apart(content: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors each with memory of its own, as the file wants them: those that two encoders share are written under both names."""
    found: dict[str, Tensor] = {}
    places = set[int]()
    for name, tensor in content.items():
        value = tensor.detach().cpu().contiguous()
        found[name] = value.clone() if value.data_ptr() in places else value
        places.add(value.data_ptr())
    return found


def at(step: int) -> str:
    """The name of the pointer to the checkpoint of a step that stays."""
    return f"at-{step}"


def _unused(folder: Path) -> Path:
    """The folder's name, or with a number where a killed run made it before: `best` may point to that one until this one is whole."""
    number, free = 1, folder
    while free.exists():
        number, free = number + 1, folder.with_name(f"{folder.name}-{number + 1}")
    return free


def tidy(run: Path) -> None:
    """Remove the checkpoints of a run that nothing points to, and what a killed process left of others."""
    kept = {pointed(run, pointer) for pointer in ("last", "best", *(file.stem for file in (run / "checkpoints").glob("at-*.json")))}
    for other in (run / "checkpoints").glob("step-*"):
        if other not in kept:
            shutil.rmtree(other)
    for place in (run, run / "checkpoints"):
        sweep(place)


def read_part(folder: Path, part: str) -> dict[str, Tensor]:
    """The tensors of `network`, `objective`, `optimiser` or `unaveraged`; UserError where the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = folder / f"{part}.safetensors"
    try:
        tensors: dict[str, Tensor] = load_file(str(file))
    except (OSError, SafetensorError) as error:
        raise UserError(f"{file} is missing or damaged ({error}): train again, or restore the run folder") from error
    return tensors


def fill(module: nn.Module, folder: Path, part: str) -> dict[str, Tensor]:
    """Give a module the weights of a checkpoint; returns them. UserError where they are missing, damaged or another network's."""
    weights = read_part(folder, part)
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise damaged(str(folder / f"{part}.safetensors"), f"it does not fit config.json: {error}"[:300], AGAIN) from error
    return weights


def start(run: Path, network: nn.Module, objective: nn.Module, same_people: bool) -> str:
    """Begin with another run's best weights; returns their hash.

    The network takes all of them. The objective takes, where it was trained on the same people, those it has itself: a classifier stands for its
    people, a new loss begins afresh. UserError where `run` is no run with a checkpoint, or its network is another.
    """
    folder = _best(run)
    weights = read_part(folder, "network")
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if own != given:
        differ = sorted(name for name in own.keys() | given.keys() if own.get(name) != given.get(name))
        raise UserError(f"start_from: the network of {run} is another ({len(differ)} tensors differ, the first is {differ[0]}): "
                        f"{given.get(differ[0])} there, {own.get(differ[0])} here; set `network` as it was, "
                        "or start_partly=true to take what fits")
    network.load_state_dict(weights)
    if same_people:
        current = objective.state_dict()
        found = {name: tensor for name, tensor in read_part(folder, "objective").items() if name in current and current[name].shape == tensor.shape}
        objective.load_state_dict(current | found)
    return weights_hash(weights)


def start_partly(run: Path, network: nn.Module) -> tuple[str, int]:
    """Begin with those of another run's best weights whose name and size the network has; returns their run's hash, and how many tensors it took.

    UserError where `run` is no run with a checkpoint, or nothing of it fits.
    """
    weights, own = read_part(_best(run), "network"), network.state_dict()
    fitting = {name: tensor for name, tensor in weights.items() if name in own and own[name].shape == tensor.shape}
    if not fitting:
        raise UserError(f"start_from: no tensor of {run} has the name and size of one here: give a run whose network begins alike")
    network.load_state_dict(own | fitting)
    return weights_hash(weights), len(fitting)


def _best(run: Path) -> Path:
    """The best checkpoint of a run to begin with."""
    folder = pointed(run, "best")
    if folder is None:
        raise UserError(f"start_from: {run} is no run with a checkpoint: give the folder of one")
    return folder


def restore(folder: Path, network: nn.Module, objective: nn.Module, optimiser: torch.optim.Optimizer,
            average: nn.Module | None = None) -> dict[str, Any]:
    """Put a checkpoint back, to the bit; returns its state.json. average: where an average of the weights is kept."""
    state = read_document(folder / "state.json", State, AGAIN, nan=True)
    fill(network, folder, "network" if average is None else UNAVERAGED)
    if average is not None:
        fill(average, folder, "network")
    fill(objective, folder, "objective")
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in read_part(folder, "optimiser").items():
        number, _, key = name.partition(".")
        if not number.isdecimal():
            raise damaged(str(folder), f"a moment of the optimiser is named {name!r}", AGAIN)
        moments.setdefault(int(number), {})[key] = tensor
    try:
        optimiser.load_state_dict({"state": moments, "param_groups": state["optimiser"]})
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(str(folder), f"the optimiser does not fit: {error}", AGAIN) from error
    return dict(state)


def _flat(state: dict[str, Any]) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """An optimiser's state as named tensors, and its parameter groups as plain JSON."""
    tensors = {f"{number}.{key}": torch.as_tensor(value) for number, entry in state["state"].items() for key, value in entry.items()}
    return tensors, state["param_groups"]
