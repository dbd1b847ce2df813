"""What every method's network must keep to; a new method is picked up with no edit here."""

from pathlib import Path

import pytest
import torch

from gaitbridge import plugins
from gaitbridge.methods.meshgait.reconstruction import example_truth
from gaitbridge.training.config import METHODS, recipe, recipes
from gaitbridge.types import Batch, Features


def batch(modalities: tuple[str, ...], size: tuple[int, int], count: int = 3, frames: int = 2) -> Batch:
    random = torch.Generator().manual_seed(0)
    made = {"silhouettes": (torch.rand(count, frames, *size, generator=random) > 0.5).to(torch.uint8) * 255,
            "range_views": 8 + torch.rand(count, frames, *size, generator=random)}
    return Batch({name: made[name] for name in modalities}, torch.full((count,), frames), torch.tensor([0, 0, 1]))


@pytest.mark.parametrize("name", plugins.names(METHODS))
def test_method_has_its_three_files_and_a_readme(name: str) -> None:
    package = plugins.load(METHODS, name)
    assert {"network", "objective", "recipes"} <= set(plugins.names(f"{METHODS}.{name}"))
    assert package.__file__ is not None
    assert "## Deviations and decisions" in (Path(package.__file__).parent / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(recipes()))
def test_network_embeds_in_any_batch_size_and_knows_no_people(name: str) -> None:
    config = recipe(name)
    module = plugins.load(f"{METHODS}.{config.method}", "network")
    torch.manual_seed(0)
    network = module.Network(config.network).eval()
    given = batch(module.MODALITIES, config.network.size)  # type: ignore[attr-defined]
    with torch.no_grad():
        embedded = network.embed(given)
        for modality in module.MODALITIES:
            one = Batch({modality: given.inputs[modality][1:2]}, given.frames[1:2], given.people[1:2])
            assert embedded[modality].shape[0] == 3
            assert embedded[modality].ndim == 3
            assert torch.allclose(network.embed(one)[modality][0], embedded[modality][1], atol=1e-4)
    assert module.DISTANCE in ("euclidean", "cosine")


@pytest.mark.parametrize("name", sorted(recipes()))
def test_objective_gives_named_finite_losses(name: str) -> None:
    config = recipe(name)
    modules = [plugins.load(f"{METHODS}.{config.method}", part) for part in ("network", "objective")]
    torch.manual_seed(0)
    network = modules[0].Network(config.network)
    objective = modules[1].Objective(config.objective, config.network, 2)
    given = batch(modules[0].MODALITIES, config.network.size)  # type: ignore[attr-defined]
    if getattr(config.objective, "reconstruction", None) is not None:
        given = given._replace(extras=example_truth(config.network.heatmaps, 3, 2))  # type: ignore[attr-defined]
    features = network(given)
    assert isinstance(features, Features)
    losses = objective(features, given, 1.0)
    assert losses
    assert all(torch.isfinite(loss) and loss.ndim == 0 for loss in losses.values())
    torch.stack(list(losses.values())).sum().backward()
    read_off = () if given.extras else ("branch.heads.markers", "branch.scale")  # taught by 3D truth alone
    assert all(p.grad is not None for name, p in network.named_parameters() if not any(part in name for part in read_off))
