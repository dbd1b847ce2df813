"""A complete run: which method, its network and objective, data, optimiser and length."""

import copy
import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from gaitbridge import plugins
from gaitbridge.config import Config, Seed, Weight, checked, known_part
from gaitbridge.data.batches import DataConfig
from gaitbridge.errors import UserError, nearest
from gaitbridge.training.lines import Line, Published

METHODS = "gaitbridge.methods"
Steps = Annotated[int, Field(ge=1, le=10**9)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


class OptimiserConfig(Config):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """sgd has a momentum of 0.9."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 5e-3
    """At its peak, or before the first milestone."""
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-4
    """Pull of all weights towards zero: of adamw apart from the gradient, of the others within it."""
    schedule: Literal["one_cycle", "three_phases", "multi_step", "cosine", "linear", "constant"] = "one_cycle"
    """How the rate goes: one_cycle rises and falls over the whole run; three_phases rises, falls back in as many steps, and then falls on to next
    to nothing (OneCycleLR with three_phase where it is published); multi_step falls at milestones; cosine and linear rise, fall to the lowest
    rate and stay there; constant rises and stays."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """All but multi_step: share of the steps over which the rate rises, along a cosine (one_cycle, three_phases; pct_start where it is published)
    or a line from nothing. three_phases: at most half."""
    first_below: Annotated[float, Field(ge=1, le=1e9)] = 25.0
    """three_phases: how many times smaller than its peak the first rate is (div_factor where it is published)."""
    last_below: Annotated[float, Field(ge=1, le=1e9)] = 1e4
    """three_phases: how many times smaller than the first rate the last one is (final_div_factor where it is published)."""
    momenta: tuple[Momentum, Momentum] | None = None
    """one_cycle, three_phases: momentum (sgd) or first beta (adam, adamw) at the peak of the rate and at its ends, and between them in between, such
    as [0.85, 0.95]; null: as it is all along, 0.9."""
    period: Steps | None = None
    """cosine, linear: the step at which the lowest rate is reached (T_max where it is published); null: the end."""
    lowest_rate: Annotated[float, Field(ge=0, le=100)] = 0.0
    """cosine, linear: the rate that is fallen to (eta_min where it is published)."""
    milestones: tuple[Steps, ...] = ()
    """multi_step: steps at which the rate falls."""
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    """multi_step: what the rate is multiplied by at each milestone (gamma where it is published)."""
    clip: Weight = 0.0
    """Largest gradient norm; 0 does not clip."""
    accumulate: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Parts in which a batch is seen, one after the other, for less memory and more time (gradient accumulation). Losses are of the whole batch all
    the same; batch norms take their statistics from each part."""
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of a moving average of the network's weights that each step leaves of it, such as 0.999 (early steps leave less). The average is then
    what is validated, evaluated and exported; 0 keeps none."""

    @field_validator("milestones")
    @classmethod
    def _rising(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if list(milestones) != sorted(set(milestones)):
            raise ValueError("milestones must rise")
        return milestones

    @model_validator(mode="after")
    def _fitting(self) -> "OptimiserConfig":
        if self.schedule == "three_phases" and not 0 < self.warm_up <= 0.5:
            raise ValueError(f"a rate of three_phases rises over a part of the steps and falls over as many: give warm_up above 0, at most 0.5, not "
                             f"{self.warm_up:g}")
        if self.momenta and self.schedule not in ("one_cycle", "three_phases"):
            raise ValueError(f"momenta go with one_cycle and three_phases, not with {self.schedule}: leave them out")
        return self


class RunConfig(Config):
    """Everything that a run is, apart from the data's place. `recipes` are functions that return one, and lines of differences."""

    method: str
    """The folder in methods/ that the network and the objective come from."""
    recipe: str
    """The recipe that the settings began with, method/name; changes to it do not change the name."""
    network: SerializeAsAny[Config]
    """Sizes of the network that is deployed."""
    objective: SerializeAsAny[Config]
    """What it is trained by."""
    data: DataConfig = DataConfig()
    """How batches are drawn."""
    optimiser: OptimiserConfig = OptimiserConfig()
    """The optimiser and its learning rate."""
    steps: Steps = 1000
    """Batches in all; published recipes call them iterations."""
    seed: Seed = 0
    """Of the weights, the order of the data and every draw."""
    start_from: str = ""
    """A run whose best weights this one begins with, such as an imported or a longer one; empty: weights drawn from the seed."""
    start_partly: bool = False
    """start_from: of a run of another network, take the weights of the same name and size; the others are drawn from the seed."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bfloat16 where the hardware multiplies it natively (GPUs, CPUs with AMX or AVX-512 BF16) and a quick measurement finds it faster, else
    float32."""
    compile: bool = False
    """Compile the network by torch.compile: minutes at the beginning, faster steps on a GPU."""
    flips: Literal["none", "average", "concatenate"] = "none"
    """At test, wherever the run is taken to use: each walk is seen as it is and mirrored, and both embeddings are averaged, or their channels put
    side by side (tta where it is published). It takes twice the time. Validation while training does not."""
    log_every: Steps = 10
    """Steps between two lines of the log."""
    validate_every: Steps = 250
    """Validation on held-out people and a checkpoint, every so many steps and at the end."""
    keep_at: tuple[Steps, ...] = ()
    """Steps at which there is a checkpoint, too, one that stays: `evaluate --checkpoint STEP` looks at it."""

    @model_validator(mode="before")
    @classmethod
    def _typed(cls, document: Any) -> Any:
        """Give `network` and `objective` the method's own types, when they come from a file."""
        if isinstance(document, dict) and isinstance(document.get("method"), str):
            document = dict(document)
            for group in ("network", "objective"):
                if isinstance(document.get(group), dict):
                    document[group] = checked(config_type(document["method"], group), document[group], group)
        return document


def to_use(document: dict[str, Any]) -> RunConfig:
    """The settings of a run that is to be used, not trained on: those of training alone that this version does not know are left out.

    UserError where the method is unknown, or a setting of the network does not fit.
    """
    kinds: dict[str, type[Config]] = {"data": DataConfig, "optimiser": OptimiserConfig}
    if not isinstance(document, dict):
        return checked(RunConfig, document)
    if isinstance(document.get("method"), str):
        kinds["objective"] = config_type(document["method"], "objective")
    kept = {name: known_part(kinds[name], value) if name in kinds and isinstance(value, dict) else value
            for name, value in document.items() if name in RunConfig.model_fields}
    return checked(RunConfig, kept)


def config_type(method: str, group: str) -> type[Config]:
    """`NetworkConfig` or `ObjectiveConfig` of a method."""
    plugins.load(METHODS, method)
    module = plugins.load(f"{METHODS}.{method}", group)
    kind: type[Config] = getattr(module, f"{group.capitalize()}Config")
    return kind


@dataclass(frozen=True)
class Recipe:
    """A complete run by its full name, `method/recipe`. about: what it is, in a line; base: the recipe that it is a line of differences from, empty
    of one that stands for itself; changes: those differences; published: what was published with it, None of our own."""

    name: str
    about: str
    make: Callable[[], RunConfig]
    base: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)
    published: Published | None = None

    def __call__(self) -> RunConfig:
        """Its settings. UserError where a line changes what is no setting, or beyond bounds."""
        run = self.make()
        if not self.changes and run.recipe == self.name:
            return run
        document = run.model_dump(mode="json") | {"recipe": self.name}
        return checked(RunConfig, changed(document, self.changes))

    @property
    def head(self) -> str:
        """What it is for, in a line: of published settings the dataset, rank-1, iterations and hardware."""
        if self.published is None:
            return self.about
        return f"For {self.published.dataset}: {self().steps:,} iterations; {self.published.in_words()}"


def changed(document: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the settings of a run with some changed, by their dotted names; a group that was null begins with nothing said."""
    result = copy.deepcopy(document)
    for path, value in changes.items():
        *groups, last = path.split(".")
        place = result
        for group in groups:
            place[group] = dict(place.get(group) or {})
            place = place[group]
        place[last] = value
    return result


def recipes() -> dict[str, Recipe]:
    """All recipes by full name: the public functions of each method's recipes.py that return a run, and the lines of its `LINES`."""
    found = {}
    for method in plugins.names(METHODS):
        module = plugins.load(f"{METHODS}.{method}", "recipes")
        for name, function in vars(module).items():
            if _makes_a_run(function) and not name.startswith("_") and function.__module__ == module.__name__:
                found[f"{method}/{name}"] = Recipe(f"{method}/{name}", (function.__doc__ or "").split("\n")[0], function)
        for line in getattr(module, "LINES", ()):
            found[f"{method}/{line.name}"] = _of_line(method, line, found)
    return found


def _makes_a_run(value: Any) -> bool:
    """Whether it is a function that says that it returns a run."""
    return inspect.isfunction(value) and value.__annotations__.get("return") in (RunConfig, "RunConfig")


def _of_line(method: str, line: Line, known: Mapping[str, Recipe]) -> Recipe:
    """The recipe of a line; its base is among those known."""
    name = f"{method}/{line.name}"
    if callable(line.base):
        return Recipe(name, (line.base.__doc__ or "").split("\n")[0], line.base, "", line.changes, line.published)
    base = known[f"{method}/{line.base}"]
    return Recipe(name, f"As {line.base}, for {line.published.dataset}.", base, base.name, line.changes, line.published)


def find_recipe(name: str) -> Recipe:
    """A recipe by full name, or by its last part where one method alone has it; UserError names the nearest."""
    known = recipes()
    fitting = [full for full in known if name in (full, full.split("/")[1])]
    if len(fitting) == 1:
        return known[fitting[0]]
    if fitting:
        raise UserError(f"{name!r} is a recipe of several methods: {nearest(name, fitting)}")
    near = difflib.get_close_matches(name, [*known, *dict.fromkeys(full.split("/")[1] for full in known)], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
    raise UserError(f"unknown recipe {name!r}: {hint}`gaitbridge recipes` lists all {len(known)}")


def recipe(name: str) -> RunConfig:
    """The run of a recipe, found as `find_recipe` does."""
    return find_recipe(name)()
