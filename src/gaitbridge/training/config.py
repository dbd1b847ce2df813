"""A complete run: which method, its network and objective, data, optimiser and length."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from gaitbridge import plugins
from gaitbridge.config import Config, Seed, Weight, checked, known_part
from gaitbridge.data.batches import DataConfig
from gaitbridge.errors import UserError, nearest

METHODS = "gaitbridge.methods"
Steps = Annotated[int, Field(ge=1, le=10**9)]


class OptimiserConfig(Config):
    """Optimiser and learning-rate schedule."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """sgd has a momentum of 0.9."""
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 5e-3
    """At its peak, or before the first milestone."""
    weight_decay: Annotated[float, Field(ge=0, le=100)] = 1e-4
    """Pull of all weights towards zero: of adamw apart from the gradient, of the others within it."""
    schedule: Literal["one_cycle", "multi_step"] = "one_cycle"
    """How the rate goes: one_cycle rises and falls over the whole run; multi_step falls at milestones."""
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """one_cycle: share of the steps over which the rate rises."""
    milestones: tuple[Steps, ...] = ()
    """multi_step: steps at which the rate falls to a tenth."""
    clip: Weight = 0.0
    """Largest gradient norm; 0 does not clip."""

    @field_validator("milestones")
    @classmethod
    def _rising(cls, milestones: tuple[int, ...]) -> tuple[int, ...]:
        if list(milestones) != sorted(set(milestones)):
            raise ValueError("milestones must rise")
        return milestones


class RunConfig(Config):
    """Everything that a run is, apart from the data's place. A recipe is a function that returns one."""

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
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bfloat16 where the hardware multiplies it natively (GPUs, CPUs with AMX or AVX-512 BF16) and a quick measurement finds it faster, else
    float32."""
    compile: bool = False
    """Compile the network by torch.compile: minutes at the beginning, faster steps on a GPU."""
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


def recipes() -> dict[str, Any]:
    """All recipes by full name, `method/recipe`: the public functions of each method's recipes.py."""
    found = {}
    for method in plugins.names(METHODS):
        module = plugins.load(f"{METHODS}.{method}", "recipes")
        for name, function in vars(module).items():
            if callable(function) and not name.startswith("_") and getattr(function, "__module__", "") == module.__name__:
                found[f"{method}/{name}"] = function
    return found


def recipe(name: str) -> RunConfig:
    """The run of a recipe, by full name or by its last part where one method alone has it; UserError names the nearest."""
    known = recipes()
    fitting = [full for full in known if name in (full, full.split("/")[1])]
    if len(fitting) != 1:
        problem = f"{name!r} is a recipe of several methods" if fitting else f"unknown recipe {name!r}"
        raise UserError(f"{problem}: {nearest(name, fitting or known, () if fitting else [full.split('/')[1] for full in known])}")
    result: RunConfig = known[fitting[0]]()
    return result
