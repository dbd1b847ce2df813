"""Models that come with the package, by name: `gaitbridge.load("cross-modal")`. docs/models.md has their cards.

    weights/<name>/config.json, provenance.json                what it is and how it was trained, as in a run's folder
    weights/<name>/checkpoints/best.json, .../network.safetensors   its weights, without what only training needs
    weights/<name>/calibration.json, cohort.json               thresholds at stated rates, and whom scores are normalised by
    weights/<name>/card.json                                   what it was measured to do (`Card`)

Each is the folder of a run, so whatever takes a run to use takes its name as well. Nothing is ever written into it but by `gaitbridge weights pack`.
"""

from pathlib import Path

from typing_extensions import TypedDict

from gaitbridge.documents import read_document
from gaitbridge.errors import UserError, nearest

ROOT = Path(__file__).parents[1] / "weights"
DEFAULT = "cross-modal"  # what a gallery is made for where no model is named
CARD = "card.json"
AGAIN = "install the package again"


class Figure(TypedDict):
    """One number of a card: of which people (a benchmark's title, or a store's name and content), as in `evaluation.results.ResultRow`."""

    people_of: str
    data_hash: str
    protocol: str
    metric: str
    value: float
    low: float | None
    high: float | None
    chance: float | None
    probe: str
    gallery: str
    condition: str
    probes: int
    people: int


class Training(TypedDict):
    """How it came to be. weights_hash: of the weights before they were rounded, which the figures are of."""

    recipe: str
    command: str
    commit: str | None
    data: str
    data_hash: str
    people: int
    seconds: float
    cpu: str | None
    checkpoint: str
    weights_hash: str


class Card(TypedDict):
    """What is shipped. half_precision: the largest difference that rounding made to a coordinate of embeddings of unit length; None: not rounded."""

    name: str
    licence: str
    sensors: list[str]
    parameters: int
    embedding: list[int]
    distance: str
    weights_hash: str
    half_precision: float | None
    bytes: int
    training: Training
    calibrated: str
    figures: list[Figure]


def names() -> list[str]:
    """The models that come along."""
    return sorted(folder.name for folder in ROOT.iterdir() if (folder / CARD).is_file()) if ROOT.is_dir() else []


def folder_of(run: Path | str) -> Path:
    """The folder of a model that comes along, where there is no run of that name here; else `run` itself."""
    given = Path(run)
    if str(run) in names() and not given.is_file() and not (given / "config.json").is_file():
        return ROOT / str(run)
    return given


def named(folder: Path) -> str:
    """What a gallery notes of where its model is: the name of one that comes along, which outlives where the package lies; else the whole path."""
    place = folder.resolve()
    return place.name if place.parent == ROOT.resolve() else str(place)


def noted(said: str) -> Path:
    """The folder that `named` meant."""
    return ROOT / said if said in names() else Path(said)


def card_of(name: str) -> Card:
    """The card of a model that comes along; UserError with the nearest name where there is none."""
    if name not in (known := names()):
        raise UserError(f"no model {name!r} comes along: {nearest(name, known)}")
    return read_document(ROOT / name / CARD, Card, AGAIN)
