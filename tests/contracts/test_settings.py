"""Every number that is a setting has bounds; at and beyond each of them the program refuses in one line or works, and never more."""

import pkgutil
import types
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from annotated_types import Ge, Gt, Le, Lt, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from settings_walked import recipes_of_different_networks

import gaitbridge
from gaitbridge import plugins
from gaitbridge.capture.lidar import detect as lidar
from gaitbridge.capture.lidar.gates import Gates
from gaitbridge.capture.video.settings import Settings as VideoSettings
from gaitbridge.config import Config, checked
from gaitbridge.data.batches import DataConfig
from gaitbridge.errors import UserError
from gaitbridge.gallery.decision import Calibration
from gaitbridge.simulation.cohort import simulate
from gaitbridge.simulation.settings import CohortConfig
from gaitbridge.training.config import METHODS, RunConfig, recipe, recipes
from gaitbridge.training.loop import hook
from gaitbridge.types import ARRAYS, Batch, array_shape

Place = tuple[str | int, ...]
NONSENSE: tuple[Any, ...] = (float("nan"), float("inf"), None, "many", [], {}, 1.5)


def models() -> list[type[Config]]:
    """Every group of settings in the package."""
    for module in pkgutil.walk_packages(gaitbridge.__path__, "gaitbridge."):
        if not module.name.endswith(("__main__", "objective_", "milvus")):
            import_module(module.name)
    found, todo = [], [Config]
    while todo:
        below = todo.pop().__subclasses__()
        found += [one for one in below if one.__module__.startswith("gaitbridge.")]
        todo += below
    return list(dict.fromkeys(found))


def numbers(annotation: Any, bounds: tuple[Any, ...] = (), place: Place = ()) -> Iterator[tuple[Place, type, tuple[Any, ...]]]:
    """(place, int or float, bounds) of each number within a field's type; 0 and "*" stand for the elements of tuples and the values of dicts."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from numbers(inner, tuple(bound for one in more for bound in (one.metadata if isinstance(one, FieldInfo) else [one])), place)
    elif annotation in (int, float):
        yield place, annotation, bounds
    elif get_origin(annotation) is tuple:
        for number, inner in enumerate(one for one in get_args(annotation) if one is not Ellipsis):
            yield from numbers(inner, (), (*place, number))
    elif get_origin(annotation) is list:
        return  # what is asked about, such as an array in a question: data, which is checked as a whole; settings are tuples
    elif get_origin(annotation) is dict:
        yield from numbers(get_args(annotation)[1], (), (*place, "*"))
    elif get_origin(annotation) in (Union, types.UnionType):
        for inner in get_args(annotation):
            yield from numbers(inner, bounds, place)
    else:
        assert get_origin(annotation) is Literal or (isinstance(annotation, type) and annotation not in (complex,)), annotation


def of_field(field: FieldInfo) -> Iterator[tuple[Place, type, tuple[Any, ...]]]:
    return numbers(field.annotation, tuple(field.metadata))


def lower(kind: type, bounds: tuple[Any, ...]) -> tuple[float, float] | None:
    """(the least that is allowed, the most that is not) of a number; None without such a bound."""
    step = next((bound.multiple_of for bound in bounds if isinstance(bound, MultipleOf)), 1)
    for bound in bounds:
        edge: Any = getattr(bound, "ge", getattr(bound, "gt", None))
        if isinstance(bound, Ge):
            return edge, edge - step if kind is int else float(np.nextafter(edge, -np.inf))
        if isinstance(bound, Gt):
            return float(np.nextafter(edge, np.inf)), edge
    return None


def upper(kind: type, bounds: tuple[Any, ...]) -> tuple[float, float] | None:
    step = next((bound.multiple_of for bound in bounds if isinstance(bound, MultipleOf)), 1)
    for bound in bounds:
        edge: Any = getattr(bound, "le", getattr(bound, "lt", None))
        if isinstance(bound, Le):
            return edge, edge + step if kind is int else float(np.nextafter(edge, np.inf))
        if isinstance(bound, Lt):
            return float(np.nextafter(edge, -np.inf)), edge
    return None


@pytest.mark.parametrize("kind", [VideoSettings, lidar.Settings, Gates], ids=["video", "LiDAR", "gates"])
def test_settings_of_captures_have_bounds_and_are_judged_when_made(kind: Any) -> None:
    tried = 0
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if is_dataclass(hint):
            continue
        for place, number, bounds in numbers(hint):
            given = getattr(kind(), name)
            for edge in (lower(number, bounds), upper(number, bounds)):
                assert edge, f"{name} {place} has no bound"
                inside, beyond = (value if place == () else changed(given, place, value) for value in edge)
                kind(**{name: inside})
                with pytest.raises(UserError, match=f"setting '{name}'") as refused:
                    kind(**{name: beyond})
                one_line(refused.value)
                tried += 1
    assert tried >= 4


@pytest.mark.parametrize("model", models(), ids=lambda model: f"{model.__module__.removeprefix('gaitbridge.')}.{model.__name__}")
def test_every_number_has_bounds_on_both_sides(model: type[Config]) -> None:
    for name, field in model.model_fields.items():
        for place, kind, bounds in of_field(field):
            assert lower(kind, bounds), f"{model.__name__}.{name} {place} has no lower bound"
            assert upper(kind, bounds), f"{model.__name__}.{name} {place} has no upper bound"


def leaves(settings: BaseModel, above: Place = ()) -> Iterator[tuple[Place, type, tuple[Any, ...]]]:
    """The numbers of a group and of all below it."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from leaves(value, (*above, name))
            continue
        for place, kind, bounds in of_field(field):
            if "*" in place:
                yield from (((*above, name, key), kind, bounds) for key in value)
            elif place == () or (value is not None and len(value) > int(place[0])):
                yield (*above, name, *place), kind, bounds


def changed(document: Any, place: Place, value: Any) -> Any:
    """A copy of a document with another value at a place."""
    first, *rest = place
    inner = changed(document[first], tuple(rest), value) if rest else value
    if isinstance(document, Mapping):
        return {**document, first: inner}
    return [inner if number == first else one for number, one in enumerate(document)]


def one_line(error: UserError) -> str:
    assert "\n" not in str(error)
    assert "a group of settings" not in str(error)
    return str(error)


def full(name: str) -> RunConfig:
    """A recipe with every group that may be left out."""
    run = recipe(name)
    document = run.model_dump(mode="json")
    document["data"] |= {"augmentation": {}, "most_frames": max(50, run.data.frames)}
    document["optimiser"]["milestones"] = [10]
    return checked(RunConfig, document)


GROUPS = {**{name: full(name) for name in recipes_of_different_networks()}, "a cohort": CohortConfig(first_person={"test": 500})}


@pytest.mark.parametrize("name", GROUPS)
def test_beyond_an_edge_is_refused_in_one_line_and_at_it_accepted_or_refused(name: str) -> None:
    settings, document = GROUPS[name], GROUPS[name].model_dump(mode="json")
    tried = 0
    for place, kind, bounds in leaves(settings):
        for edge in (lower(kind, bounds), upper(kind, bounds)):
            assert edge is not None
            with pytest.raises(UserError) as refused:
                checked(type(settings), changed(document, place, edge[1]))
            assert str(place[-1] if isinstance(place[-1], str) else place[-2]) in one_line(refused.value)
            try:
                checked(type(settings), changed(document, place, edge[0]))
            except UserError as error:
                one_line(error)
            tried += 2
        for nonsense in NONSENSE:
            try:
                checked(type(settings), changed(document, place, nonsense))
            except UserError as error:
                one_line(error)
    assert tried > 40


def batch(network: Any, settings: Config) -> Batch:
    """Two people, two walks each, of two frames."""
    random = np.random.default_rng(0)
    inputs = {}
    for name in sorted({name for names in network.inputs.values() for name in names}):
        kind, shape = ARRAYS[name][0], (4, *array_shape(name, 2, settings))
        if name == "points":
            shape = (4, 2, settings.points, 3)  # type: ignore[attr-defined]  # as they are drawn
        values = random.integers(0, 2, shape) * (1 if name == "parsing" else 255) if kind is np.uint8 else random.uniform(7, 8, shape)
        inputs[name] = torch.from_numpy(values.astype(kind))
    return Batch(inputs, torch.full((4,), 2), torch.tensor([0, 0, 1, 1]))


def one_step(run: RunConfig) -> None:
    """Build what a run needs, and train it on one batch; UserError where its settings do not fit each other."""
    module, objectives = (plugins.load(f"{METHODS}.{run.method}", name) for name in ("network", "objective"))
    try:
        network, objective = module.Network(run.network), objectives.Objective(run.objective, run.network, 2)
    except ValueError as error:
        raise UserError(str(error)) from error
    given = batch(network, run.network)
    hook(objective, "begin")(network, 1)
    features = network.train()(given)
    features = features._replace(extras={**features.extras, **(hook(objective, "beside")(given) or {})})
    losses = objective(features, given, 0.5)
    torch.stack(list(losses.values())).sum().backward()


def small(name: str) -> dict[str, Any]:
    """A recipe's document with a network that is quick to build and run."""
    document = recipe(name).model_dump(mode="json")
    network = document["network"]
    if "channels" in network:
        network["channels"] = [8] * len(network["channels"])
    if "width" in network:
        network |= {"width": 2, "features": 8}
    network["embedding"] = 8
    if "lateral" in network:
        network |= {"lateral": 8, "size": [64, 44]}
    if "tokens" in network:
        network |= {"tokens": 8, "layers": [1, 1]}
    if "heads" in network:
        network["heads"] = 2
    if "reduction" in network:
        network["reduction"] = 1
    if "blocks" in network:
        network["blocks"] = [1] * len(network["blocks"])
    if "smpl_channels" in network:
        network["smpl_channels"] = [8, 8]
    if network.get("heatmaps"):
        network["heatmaps"] |= {"channels": [8] * len(network["heatmaps"]["channels"]), "depth": 2, "fused_channels": 8}
    if "reconstruction" in document["objective"]:
        document["objective"]["reconstruction"] = None  # what needs 3D truth has tests of its own
    if "diffusion" in document["objective"]:
        document["objective"]["diffusion"] |= {"latent": 8, "width": 8}
    return document


BUILT = [name for name in sorted(recipes()) if not any(word in name for word in ("paper", "published", "gait3d", "oumvlp", "grew"))]


@pytest.mark.parametrize("method", plugins.names(METHODS))
def test_networks_at_the_edges_are_built_and_run_on_a_batch(method: str) -> None:
    name = next((one for one in BUILT if one == f"{method}/tiny_heatmaps"), next(one for one in sorted(recipes()) if one.startswith(f"{method}/")))
    document = small(name)
    plain = checked(RunConfig, document)
    one_step(plain)
    ran = 0
    for place, kind, bounds in leaves(plain):
        if place[0] not in ("network", "objective"):
            continue
        for edge in (lower(kind, bounds), upper(kind, bounds)):
            assert edge is not None
            if kind is int and edge[0] > 32:
                continue  # the largest networks are nothing for a test
            try:
                one_step(checked(RunConfig, changed(document, place, edge[0])))
                ran += 1
            except UserError as error:
                one_line(error)
    assert ran > 5


def test_cohorts_at_the_edges_are_simulated(tmp_path: Path) -> None:
    smallest = CohortConfig(people={"train": 0, "val": 0, "test": 1}, takes=(("normal",),), views=("090",), frames=1)
    made = 0
    for place, kind, bounds in leaves(smallest):
        if place[0] in ("people", "first_person", "frames", "near_m", "far_m") or place[1:] == (1,):
            continue
        for edge in (lower(kind, bounds), upper(kind, bounds)):
            assert edge is not None
            value = [edge[0], edge[0]] if len(place) > 1 else edge[0]
            settings = checked(CohortConfig, changed(smallest.model_dump(mode="json"), place[:1], value))
            simulate(tmp_path / str(made), settings, 0)
            made += 1
    assert made > 20


@pytest.mark.parametrize(("kind", "document", "words"), [
    (DataConfig, {"people_per_batch": 0}, r"'people_per_batch'.*greater than or equal to 2 \(given: 0\)"),
    (DataConfig, {"workers": -1}, r"'workers'"), (DataConfig, {"frames": 9, "most_frames": 5}, r"given: frames=9, most_frames=5"),
])  # fmt: skip
def test_a_refusal_says_the_value(kind: type[Config], document: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        checked(kind, document)
    one_line(refused.value)


def test_a_refusal_of_several_values_says_them() -> None:
    document = changed(recipe("diffcrossgait/tiny").model_dump(mode="json"), ("objective", "diffusion", "boundaries"), [65, 30])
    with pytest.raises(UserError, match=r"boundaries must rise .* \[65, 30\] do not \(given: boundaries=\[65, 30\]\)"):
        checked(RunConfig, document)


def test_a_copy_is_judged_as_a_file_is() -> None:
    data = DataConfig()
    assert data.model_copy(update={"frames": 3}).frames == 3
    assert data.model_copy() == data
    with pytest.raises(UserError, match="no setting 'frame': did you mean 'frames'"):
        data.model_copy(update={"frame": 3})
    with pytest.raises(UserError, match="'frames'"):
        data.model_copy(update={"frames": 0})


def test_an_unknown_recipe_is_answered_by_its_nearest() -> None:
    with pytest.raises(UserError, match=r"did you mean 'gaitbase/grew'.*gaitset/grew'.* lists all") as refused:
        recipe("gaitbase/grow")
    one_line(refused.value)
    with pytest.raises(UserError, match=r"'sustech1k' is a recipe of several methods: .*Known: deepgaitv2/sustech1k, .*lidargait/sustech1k"):
        recipe("sustech1k")


def test_a_calibration_is_judged_as_well() -> None:
    with pytest.raises(UserError, match="directions"):
        checked(Calibration, {"weights_hash": "", "set_name": "", "data_hash": "", "date": "", "code_version": "", "distance": "", "directions": [
            {"probe": "camera", "gallery": "lidar", "people": -1}]})
