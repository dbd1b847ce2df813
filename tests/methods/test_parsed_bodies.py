"""Networks of silhouettes that are shown parsed bodies: what they read, how labels come in, and the published settings."""

import pytest
import torch

from gaitbridge import plugins
from gaitbridge.config import checked, overridden
from gaitbridge.contracts.methods import check_objective
from gaitbridge.training.config import METHODS, RunConfig, recipe, recipes
from gaitbridge.types import Batch

NAMES = ("gaitbase", "gaitset", "gaitpart", "gaitgl", "gln", "smplgait", "deepgaitv2")
SMALL = {"smplgait": ("network.channels=[4,4,8,8,8,8]", "network.embedding=8", "network.smpl_channels=[8,8]")}


def small(method: str) -> RunConfig:
    """The method's smallest recipe, on parsed bodies."""
    base = f"{method}/tiny" if f"{method}/tiny" in recipes() else f"{method}/gait3d"
    settings = ("network.modality=parsing", *SMALL.get(method, ()))
    return checked(RunConfig, overridden(recipe(base).model_dump(mode="json"), settings))


@pytest.mark.parametrize("method", NAMES)
def test_labels_come_in_as_they_are_and_silhouettes_as_before(method: str) -> None:
    config = small(method)
    torch.manual_seed(0)
    network = plugins.load(f"{METHODS}.{method}", "network").Network(config.network).eval()
    assert network.inputs == {"parsing": ("parsing", "smpl") if method == "smplgait" else ("parsing",)}
    labels = torch.randint(0, 12, (2, 4, *config.network.size), dtype=torch.uint8)  # type: ignore[attr-defined]
    further = {"smpl": torch.zeros(2, 4, 85)} if method == "smplgait" else {}
    batch = Batch({"parsing": labels, **further}, torch.tensor([4, 3]), torch.arange(2))
    other = batch._replace(inputs={**batch.inputs, "parsing": (labels > 0).to(torch.uint8)})
    with torch.no_grad():
        found, less = network.embed(batch)["parsing"], network.embed(other)["parsing"]
        assert torch.equal(network.seen(batch)[:, :, 0], labels.float())
    assert found.shape[:2] == (2, config.network.embedding)  # type: ignore[attr-defined]
    assert (found != less).any()  # which part it is counts


def test_an_objective_takes_them() -> None:
    check_objective(small("gaitset"))


def test_the_published_settings_are_there() -> None:
    published = {"gaitbase": "71.2", "gaitset": "55.9", "gaitpart": "43.0", "gaitgl": "47.7", "gln": "45.7", "smplgait": "60.6",
                 "parsinggait": "76.2"}
    for method, rank1 in published.items():
        one = recipes()[f"{method}/gait3d_parsing"]
        assert one.published is not None
        assert one.published.rank1 == rank1
        run = one()
        assert (run.optimiser.name, run.steps) == (("sgd", 120_000) if method in ("gaitbase", "parsinggait") else ("adam", 180_000))
