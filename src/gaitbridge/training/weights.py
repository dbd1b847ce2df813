"""Import of checkpoints that the field's standard toolkit wrote: a run folder as training leaves it, whole or not at all."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from gaitbridge import plugins
from gaitbridge.config import checked, overridden
from gaitbridge.errors import UserError, nearest
from gaitbridge.files import made_whole, write_json
from gaitbridge.models.published_names import Classifier, Names, Shapes, Target, axis
from gaitbridge.progress import Progress, silent
from gaitbridge.training.checkpoint import save_checkpoint
from gaitbridge.training.config import METHODS, OptimiserConfig, RunConfig, config_type
from gaitbridge.training.foreign_checkpoints import listed, read_checkpoint
from gaitbridge.training.tracking import provenance


def networks() -> list[str]:
    """The methods whose published checkpoints can be imported: those with a `weights.py`."""
    return [name for name in plugins.names(METHODS) if "weights" in plugins.names(f"{METHODS}.{name}")]


def method_named(network: str) -> str:
    """The method of a network's name as the field writes it (GaitBase, SkeletonGait++); UserError names the nearest."""
    name = network.lower().replace("++", "_pp").replace("-", "_")
    if name not in (known := networks()):
        raise UserError(f"no published checkpoints of {network!r} can be read: {nearest(name, known)}")
    return name


def import_weights(file: Path, out: Path, network: str, overrides: Iterable[str] = (), progress: Progress = silent) -> dict[str, Any]:
    """Make a run folder `out` of a published checkpoint; returns its provenance.

    Sizes are read off the tensors; `overrides` (a.b=value) set what these do not tell, such as network.size. Raises UserError, with nothing
    left behind, where the file cannot be read, `out` is in use, or tensors are unknown, missing, of another shape or not finite, naming them.
    """
    method = method_named(network)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists: choose another place for the run")
    progress(0, 3, "")
    tensors, step = read_checkpoint(file)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    config, names = described(method, shapes, overrides, str(file))
    people = _people(method, shapes)
    progress(1, 3, "")
    _check(method, config, names, tensors, str(file))
    model, objective = _modules(config, people)
    _check_constants(model, names, tensors, str(file))
    for part, module in (("network", model), ("objective", objective)):
        module.load_state_dict({target.name: as_ours(tensors[name], target) for name, target in names.items()
                                if target.part == part and name in tensors and (part == "network" or people)})
    progress(2, 3, "")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    facts = provenance(source=file.name, source_sha256=digest, source_step=step, network=network, tensors=len(tensors), people=people,
                       parameters=_count(model), objective_parameters=_count(objective), dropped=_dropped(names, shapes, people), data=None,
                       data_hash="")
    _write_run(out, config, facts, model, objective, step)
    progress(3, 3, "")
    return facts


def described(method: str, shapes: Shapes, overrides: Iterable[str] = (), where: str = "") -> tuple[RunConfig, Names]:
    """The run that tensors of these shapes are of, and which of them becomes which of ours. UserError where the sizes make no network."""
    weights = plugins.load(f"{METHODS}.{method}", "weights")
    classifies = "cross_entropy" in config_type(method, "objective").model_fields
    trained = getattr(weights, "TRAINED_WITH", {})  # beside the objective's defaults, those that have a classifier
    objective: dict[str, Any] = trained if _people(method, shapes) else {"cross_entropy": 0.0} if classifies else {}  # nothing to classify with
    optimiser = OptimiserConfig(name="sgd", learning_rate=0.1, weight_decay=5e-4, schedule="multi_step").model_dump(mode="json")
    document = {"method": method, "recipe": f"{method}/imported", "network": weights.settings(shapes), "objective": objective,
                "optimiser": optimiser}
    try:
        config = checked(RunConfig, overridden(document, overrides))
    except UserError as error:
        raise UserError(f"{where}: its tensors do not make a {method} network: {error}") from error
    return config, weights.names(config.network)


def as_ours(tensor: Tensor, target: Target) -> Tensor:
    """A published tensor as we keep it: 3D kernels [C', C, T, h, w] as [C', T C, h, w], without parts that are spare."""
    kept, spare = target.spare
    if spare and tensor.ndim:
        tensor = tensor[:kept] if tensor.ndim > 1 else tensor.unflatten(0, (-1, kept + spare))[:, :kept].flatten()
    return tensor.transpose(1, 2).flatten(1, 2).contiguous() if target.frames else tensor


def as_published(shape: tuple[int, ...], target: Target) -> tuple[int, ...]:
    """The published shape of one of our tensors."""
    kept, spare = target.spare
    if spare and shape:
        shape = (kept + spare, *shape[1:]) if len(shape) > 1 else (shape[0] // kept * (kept + spare),)
    return (shape[0], shape[1] // target.frames, target.frames, *shape[2:]) if target.frames else shape


def problems(config: RunConfig, names: Names, shapes: Shapes) -> list[str]:
    """What keeps tensors of these shapes from being the network of `config`: unknown, missing and misshapen ones, each kind in words."""
    with torch.device("meta"):  # shapes alone: a hostile file cannot make us take memory
        ours = {part: module.state_dict() for part, module in zip(("network", "objective"), _modules(config, 1, classify=True), strict=True)}
    classifier, people = _classifier(config.method, shapes), _people(config.method, shapes)
    expected = {name: as_published(tuple(ours[target.part][target.name].shape), target) for name, target in names.items()}
    if shape := expected.get(classifier.name):
        expected[classifier.name] = (*shape[: classifier.axis], max(people, 1), *shape[classifier.axis + 1 :])
    optional = {name for name, target in names.items() if target.part == "objective"} if not people else set()
    unknown = [name for name in shapes if name not in expected]
    missing = [name for name in expected if name not in shapes and name not in optional]
    misshapen = [f"{name} is {list(shapes[name])}, not {list(shape)}" for name, shape in expected.items() if shapes.get(name, shape) != shape]
    kinds = {"unknown": unknown, "missing": missing, "of another shape": misshapen}
    return [listed(kind, found) for kind, found in kinds.items() if found]


def _check(method: str, config: RunConfig, names: Names, tensors: Mapping[str, Tensor], where: str) -> None:
    """UserError where the tensors are not exactly those of the network, or hold what is no number."""
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found := problems(config, names, shapes):
        other = next((name for name in networks() if name != method and _fits(name, shapes)), "")
        said = f"is a {other} network, not {method}: give --network {other}" if other else f"does not fit {method}"
        raise UserError(f"{where} {said}: {'; '.join(found)}" + ("" if other else ". Give the network and the file that belong together"))
    if broken := [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]:
        raise UserError(f"{where} holds values that are not finite, {listed('in', broken)}: its training diverged; take another checkpoint")


def _check_constants(model: nn.Module, names: Names, tensors: Mapping[str, Tensor], where: str) -> None:
    """UserError where a table of places, which follows from the architecture, is another in the file."""
    own = model.state_dict()
    for name, target in names.items():
        table = own[target.name] if target.part == "network" else torch.empty(())
        if table.ndim and not table.is_floating_point() and not torch.equal(table, tensors[name].to(table.dtype)):
            raise UserError(f"{where}: {name} is not the table that this network has; its weights belong to another")


def _fits(method: str, shapes: Shapes) -> bool:
    try:
        return not problems(*described(method, shapes), shapes)
    except UserError:
        return False


def _classifier(method: str, shapes: Shapes) -> Classifier:
    """The classifier that a method's published checkpoints have, such as these."""
    weights = plugins.load(f"{METHODS}.{method}", "weights")
    found: Classifier = weights.classifier(shapes) if hasattr(weights, "classifier") else Classifier()
    return found


def _people(method: str, shapes: Shapes) -> int:
    """How many people the classifier knows, 0 without one."""
    classifier = _classifier(method, shapes)
    return axis(shapes, classifier.name, classifier.axis) or 0


def _modules(config: RunConfig, people: int, classify: bool = False) -> tuple[nn.Module, nn.Module]:
    """Network and objective; `classify`: with the neck and the classifier whatever the file has."""
    modules: list[ModuleType] = [plugins.load(f"{METHODS}.{config.method}", part) for part in ("network", "objective")]
    classify = classify and "cross_entropy" in type(config.objective).model_fields
    objective = config.objective.model_copy(update={"cross_entropy": 1.0}) if classify else config.objective
    return modules[0].Network(config.network), modules[1].Objective(objective, config.network, people)


def _dropped(names: Names, shapes: Shapes, people: int) -> list[str]:
    """What of the file is not kept: a neck whose classifier is not there."""
    return [] if people else [name for name, target in names.items() if target.part == "objective" and name in shapes]


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _write_run(out: Path, config: RunConfig, facts: dict[str, Any], network: nn.Module, objective: nn.Module, step: int) -> None:
    """The folder, whole or not at all."""
    with made_whole(out, "config.json") as made:
        write_json(facts, made / "provenance.json")
        optimiser = torch.optim.SGD(network.parameters(), lr=config.optimiser.learning_rate)  # a checkpoint has one; this one has no memory
        save_checkpoint(made, step, network, objective, optimiser, {"best": -1.0, "metrics": {}, "seconds": 0.0}, best=True)
        write_json(config.model_dump(mode="json"), made / "config.json")
