"""What a method's network and objective must keep to."""

from collections.abc import Iterable

import torch

from gaitbridge import plugins
from gaitbridge.config import Config
from gaitbridge.conventions import SENSOR
from gaitbridge.methods.meshgait.reconstruction import example_truth
from gaitbridge.training.config import METHODS, RunConfig
from gaitbridge.types import ARRAYS, Batch, Features

SUMS = 1e-5  # that sums in another order may differ by, of embeddings of about one
READ_OFF = ("branch.heads.markers", "branch.scale")  # taught by 3D truth alone


def example(names: Iterable[str], settings: Config, count: int = 3, frames: int = 2) -> Batch:
    """A batch of noise of the inputs `names`, as a network of these settings takes them; the first two sequences are of one person."""
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
    """The arrays that a network takes."""
    return sorted({name for names in network.inputs.values() for name in names})  # type: ignore[operator]


def network_of(run: RunConfig) -> torch.nn.Module:
    """A run's network, its weights drawn."""
    torch.manual_seed(0)
    network: torch.nn.Module = plugins.load(f"{METHODS}.{run.method}", "network").Network(run.network)
    return network


def _alike(one: torch.Tensor, other: torch.Tensor, most: float) -> bool:
    """Whether embeddings are the same but for rounding: `most` of the largest value, or of one where all are smaller."""
    return torch.allclose(one, other, atol=most * max(1.0, float(other.abs().max())))


def check_embedding(run: RunConfig, most: float = SUMS) -> None:
    """A sequence embeds alike in any batch, as [N, C, K] for each sensor; `most`: what sums in another order may differ by."""
    network = network_of(run).eval()
    given = example(names_of(network), run.network)
    with torch.no_grad():
        embedded = network.embed(given)  # type: ignore[operator]
        assert set(network.inputs) == set(embedded), f"embed gives {sorted(embedded)}, inputs name {sorted(network.inputs)}"  # type: ignore[arg-type]
        assert set(embedded) <= set(SENSOR), f"modalities {sorted(embedded)} are not all of {sorted(SENSOR)}"
        for modality, names in network.inputs.items():  # type: ignore[operator, union-attr]
            one = Batch({name: given.inputs[name][1:2] for name in names}, given.frames[1:2], given.people[1:2])
            shape = tuple(embedded[modality].shape)
            assert len(shape) == 3, f"embeddings are {list(shape)}, not [N, C, K]"
            assert shape[0] == 3, f"embeddings are {list(shape)} of a batch of 3"
            same = _alike(network.embed(one)[modality][0], embedded[modality][1], most)  # type: ignore[operator]
            assert same, "a sequence embeds otherwise alone than in a batch of three"
    assert network.distance in ("euclidean", "cosine"), "network.distance is neither euclidean nor cosine"


def check_padding(run: RunConfig, most: float = SUMS) -> None:
    """Frames beyond a sequence's own do not change its embedding."""
    network = network_of(run).eval()
    given = example(names_of(network), run.network, count=2, frames=3)
    with torch.no_grad():
        for modality, names in network.inputs.items():  # type: ignore[operator, union-attr]
            whole = Batch({n: given.inputs[n] for n in names}, torch.tensor([3, 2]), given.people)
            short = Batch({n: given.inputs[n][1:, :2] for n in names}, torch.tensor([2]), given.people[1:])
            same = _alike(network.embed(whole)[modality][1], network.embed(short)[modality][0], most)  # type: ignore[operator]
            assert same, "padding counts: two frames embed otherwise with a third behind them that is not theirs"


def check_objective(run: RunConfig) -> None:
    """Losses by name, each one finite number, and a gradient for every weight of the network."""
    network = network_of(run)
    objective = plugins.load(f"{METHODS}.{run.method}", "objective").Objective(run.objective, run.network, 2)
    given = example(names_of(network), run.network)
    if getattr(run.objective, "reconstruction", None) is not None:
        given = given._replace(extras=example_truth(run.network.heatmaps, 3, 2))  # type: ignore[attr-defined]
    if getattr(run.objective, "lidar_reconstruction", None) is not None:
        seen_by_lidar = example_truth(run.network.heatmaps_lidar, 3, 2)  # type: ignore[attr-defined]
        given = given._replace(extras={**given.extras, **{f"lidar_{name}": value for name, value in seen_by_lidar.items()}})
    features = network(given)
    assert isinstance(features, Features), f"forward gives a {type(features).__name__}, not types.Features"
    losses = objective(features, given, 1.0)
    assert losses, "the objective gives no loss"
    wrong = [name for name, loss in losses.items() if not (loss.ndim == 0 and torch.isfinite(loss))]
    assert not wrong, f"losses that are not one finite number: {', '.join(wrong)}"
    torch.stack(list(losses.values())).sum().backward()
    read_off = () if given.extras else READ_OFF
    idle = [name for name, p in network.named_parameters() if p.grad is None and not any(part in name for part in read_off)]
    assert not idle, f"weights that no loss teaches: {', '.join(idle[:5])}"
