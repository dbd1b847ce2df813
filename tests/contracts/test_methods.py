"""What every method's network must keep to; a new method is picked up with no edit here."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from convolutions_seen import ConvolutionsSeen
from settings_walked import recipes_of_different_networks
from tolerances import SUMS

from gaitbridge import plugins
from gaitbridge.config import Config
from gaitbridge.conventions import SENSOR
from gaitbridge.methods.meshgait.reconstruction import example_truth
from gaitbridge.training.config import METHODS, recipe
from gaitbridge.types import ARRAYS, Batch, Features


def batch(names: Iterable[str], settings: Config, count: int = 3, frames: int = 2) -> Batch:
    random, size = torch.Generator().manual_seed(0), getattr(settings, "size", (64, 44))

    def noise(*shape: int) -> torch.Tensor:
        return torch.rand(count, frames, *shape, generator=random)

    made = {"silhouettes": (noise(*size) > 0.5).to(torch.uint8) * 255, "range_views": 8 + noise(*size), "smpl": noise(85) - 0.5,
            "depth_pictures": (255 * noise(3, *size)).to(torch.uint8), "pose_heatmaps": (255 * noise(2, *size)).to(torch.uint8),
            "skeletons": noise(getattr(settings, "joint_count", 17), 3) * torch.tensor([200.0, 400.0, 1.0]),
            "parsing": (11.9 * noise(*size)).to(torch.uint8), "points": 9 + noise(getattr(settings, "points", 20), 3)}
    assert set(made) == set(ARRAYS)
    return Batch({name: made[name] for name in names}, torch.full((count,), frames), torch.tensor([0, 0, 1]))


def names_of(network: torch.nn.Module) -> list[str]:
    return sorted({name for names in network.inputs.values() for name in names})  # type: ignore[operator]


@pytest.mark.parametrize("name", plugins.names(METHODS))
def test_method_has_its_three_files_and_a_readme(name: str) -> None:
    package = plugins.load(METHODS, name)
    assert package.__file__ is not None
    folder = Path(package.__file__).parent
    lacking = [file for file in ("network.py", "objective.py", "recipes.py", "README.md") if not (folder / file).is_file()]
    assert not lacking, f"the method {name} lacks {', '.join(lacking)}: see Adding in CONTRIBUTING.md"
    assert "## Deviations and decisions" in (folder / "README.md").read_text(), f"the README of {name} has no section of that name"


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_network_embeds_in_any_batch_size_and_knows_no_people(name: str) -> None:
    config = recipe(name)
    module = plugins.load(f"{METHODS}.{config.method}", "network")
    torch.manual_seed(0)
    network = module.Network(config.network).eval()
    given = batch(names_of(network), config.network)
    with torch.no_grad():
        embedded = network.embed(given)
        assert set(network.inputs) == set(embedded) <= set(SENSOR)
        for modality, names in network.inputs.items():
            one = Batch({name: given.inputs[name][1:2] for name in names}, given.frames[1:2], given.people[1:2])
            assert embedded[modality].shape[0] == 3
            assert embedded[modality].ndim == 3
            assert torch.allclose(network.embed(one)[modality][0], embedded[modality][1], atol=SUMS)
    assert network.distance in ("euclidean", "cosine")


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_padding_does_not_count(name: str) -> None:
    config = recipe(name)
    torch.manual_seed(0)
    network = plugins.load(f"{METHODS}.{config.method}", "network").Network(config.network).eval()
    given = batch(names_of(network), config.network, count=2, frames=3)
    with torch.no_grad():
        for modality, names in network.inputs.items():
            whole = Batch({n: given.inputs[n] for n in names}, torch.tensor([3, 2]), given.people)
            short = Batch({n: given.inputs[n][1:, :2] for n in names}, torch.tensor([2]), given.people[1:])
            assert torch.allclose(network.embed(whole)[modality][1], network.embed(short)[modality][0], atol=SUMS)


@pytest.mark.parametrize("name", recipes_of_different_networks())
def test_objective_gives_named_finite_losses(name: str) -> None:
    config = recipe(name)
    modules = [plugins.load(f"{METHODS}.{config.method}", part) for part in ("network", "objective")]
    torch.manual_seed(0)
    network = modules[0].Network(config.network)
    objective = modules[1].Objective(config.objective, config.network, 2)
    given = batch(names_of(network), config.network)
    if getattr(config.objective, "reconstruction", None) is not None:
        given = given._replace(extras=example_truth(config.network.heatmaps, 3, 2))  # type: ignore[attr-defined]
    if getattr(config.objective, "lidar_reconstruction", None) is not None:
        seen_by_lidar = example_truth(config.network.heatmaps_lidar, 3, 2)  # type: ignore[attr-defined]
        given = given._replace(extras={**given.extras, **{f"lidar_{name}": value for name, value in seen_by_lidar.items()}})
    with ConvolutionsSeen() as seen:
        features = network(given)
        assert isinstance(features, Features)
        losses = objective(features, given, 1.0)
        assert losses
        assert all(torch.isfinite(loss) and loss.ndim == 0 for loss in losses.values())
        torch.stack(list(losses.values())).sum().backward()
    assert seen.strided_points == [], "make them by models.convolutions.convolution: the library's own damage memory"
    read_off = () if given.extras else ("branch.heads.markers", "branch.scale")  # taught by 3D truth alone
    assert all(p.grad is not None for name, p in network.named_parameters() if not any(part in name for part in read_off))
