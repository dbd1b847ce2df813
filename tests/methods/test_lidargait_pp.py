"""LidarGait++: its parts by slow plain code, its embeddings blind to what must not count, taken to use as any other."""

import json
from pathlib import Path

import numpy as np
import published_checkpoints as published
import pytest
import torch
from tolerances import SUMS

import gaitbridge
from gaitbridge import clouds
from gaitbridge.errors import UserError
from gaitbridge.methods.lidargait_pp.network import Network, NetworkConfig
from gaitbridge.models.point_sets import farthest_points, height_bands, nearest_points, prepare_points
from gaitbridge.training.weights import described, import_weights, problems
from gaitbridge.types import Batch

PARITY = Path(__file__).parents[3] / "shared" / "parity" / "LidarGait++-FreeGait.npz"
SMALL = {"points": 24, "width": 4, "centres": (16, 12, 8), "neighbours": 4, "features": 12, "embedding": 8}


def small() -> Network:
    torch.manual_seed(0)
    network = Network(NetworkConfig(**SMALL)).eval()  # type: ignore[arg-type]
    with torch.no_grad():
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
                part.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return network


def people(count: int, frames: int, points: int = 24) -> torch.Tensor:
    low, high = torch.tensor([9.0, -0.4, -1.5]), torch.tensor([9.6, 0.4, 0.3])
    return low + (high - low) * torch.rand(count, frames, points, 3, generator=torch.Generator().manual_seed(1))


def slow_farthest(places: np.ndarray, count: int, start: int) -> list[int]:
    found, nearest = [start], np.full(len(places), np.inf)
    while len(found) < count:
        for number, place in enumerate(places):
            nearest[number] = min(nearest[number], float(((place - places[found[-1]]) ** 2).sum()))
        found.append(int(nearest.argmax()))
    return found


def test_farthest_points_as_one_looks_for_them_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    places = random.random((3, 12, 3)).astype(np.float32)
    places[1, 5:] = places[1, :7]  # copies: seven different ones of twelve
    starts = torch.tensor([4, 2, 0])
    wanted = [slow_farthest(one, 10, int(start)) for one, start in zip(places, starts, strict=True)]
    assert farthest_points(torch.from_numpy(places), 10, starts).tolist() == wanted
    assert wanted[1][7:] == [0, 0, 0]
    monkeypatch.setattr("gaitbridge.models.point_sets.POINTS_AT_ONCE", 12)
    assert farthest_points(torch.from_numpy(places), 10, starts).tolist() == wanted


def test_nearest_points_are_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    centres, places = torch.rand(3, 4, 3), torch.rand(3, 9, 3)
    wanted = torch.cdist(centres.double(), places.double()).argsort(2)[..., :5].sort(2).values
    assert (nearest_points(centres, places, 5).sort(2).values == wanted).all()
    monkeypatch.setattr("gaitbridge.models.point_sets.DISTANCES_AT_ONCE", 1)
    assert (nearest_points(centres, places, 5).sort(2).values == wanted).all()


def test_bands_of_height_as_one_counts_them_slowly() -> None:
    x, height = torch.randn(2, 9, 3), torch.tensor([[0.0, 0.1, 0.5, 1.0, 1.1, 1.5, 1.9, 2.0, 2.7]] * 2)
    found = height_bands(x, height, (1, 2, 4))
    assert found.shape == (2, 3, 7)
    place = 0
    for bands in (1, 2, 4):
        for band in range(bands):
            low, high = 2.0 * band / bands, 2.0 * (band + 1) / bands
            chosen = [n for n, h in enumerate(height[0].tolist()) if (low < h or band == 0) and (h <= high or band == bands - 1)]
            assert torch.allclose(found[:, :, place], x[:, chosen].mean(1) + x[:, chosen].amax(1), atol=1e-6)
            place += 1
    assert (height_bands(x, height.clamp(max=0.4), (4,))[:, :, 1:] == 0).all()


def test_prepared_points_know_no_place_and_no_frame_without_points() -> None:
    points = people(1, 3)
    points[0, 2] = torch.nan
    found, moved = prepare_points(points), prepare_points(points + torch.tensor([3.0, -2.0, 0.5]))
    assert torch.allclose(found, moved, atol=1e-5)
    assert (found[0, 2] == 0).all()
    assert torch.allclose(found[0, :2, :, :3].norm(dim=-1).amax(-1), torch.ones(2), atol=1e-6)
    assert (found[..., 3].amin(-1) == 0).all()
    assert torch.isfinite(prepare_points(torch.ones(1, 1, 4, 3))).all()  # all points alike


def test_frames_without_points_their_order_and_the_batch_do_not_count() -> None:
    network, points = small(), people(2, 5)
    given = Batch({"points": points}, torch.tensor([5, 5]), torch.tensor([0, 1]))
    with torch.no_grad():
        plain = network.embed(given)["points"]
        turned = network.embed(given._replace(inputs={"points": points.flip(1)}))["points"]
        longer = torch.cat([points, torch.full_like(points[:, :2], torch.nan)], 1)
        with_empty = network.embed(Batch({"points": longer}, torch.tensor([7, 7]), given.people))["points"]
        nothing = network.embed(Batch({"points": torch.full_like(points, torch.nan)}, given.frames, given.people))["points"]
        pieces = torch.cat([network.encoder(frame) for frame in prepare_points(points).flatten(0, 1).split(3)])
        assert torch.allclose(network.encoder(prepare_points(points).flatten(0, 1)), pieces, atol=SUMS)
    assert plain.shape == (2, 8, 31)
    assert torch.allclose(plain, turned, atol=SUMS)
    assert torch.allclose(plain, with_empty, atol=SUMS)
    assert (nothing == 0).all()


def test_first_points_are_drawn_in_training_alone() -> None:
    network, points = small(), prepare_points(people(2, 3)).flatten(0, 1)
    level = network.encoder.levels[0]
    with torch.no_grad():
        assert (level(points, None)[0] == level(points, None)[0]).all()
        level.train()
        torch.manual_seed(0)
        first = level(points, None)[0]
        assert (first != level(points, None)[0]).any()
        torch.manual_seed(0)
        assert (first == level(points, None)[0]).all()


@pytest.mark.parametrize(("settings", "words"), [
    ({"centres": (300, 192, 128)}, "leaves at most"), ({"neighbours": 200}, "neighbours are 200"), ({"bins": (3, 4)}, "each must divide"),
])  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        NetworkConfig(**settings)  # type: ignore[arg-type]


def tensors(width: int, features: int, embedding: int, parts: int, people: int = 5) -> published.Shapes:
    shapes: published.Shapes = {}
    before = 0
    for level in range(1, 5):
        own = width << (level - 1)
        widths = (2 * own, 2 * own, 4 * own) if level < 4 else (before, before, features)
        for layer, (a, b) in enumerate(zip((4 + before, *widths), widths, strict=False)):
            shapes |= {f"sa{level}.mlp_convs.{layer}.weight": (b, a, 1, 1), f"sa{level}.mlp_convs.{layer}.bias": (b,)}
            shapes |= published.norm(f"sa{level}.mlp_bns.{layer}", b)
        before = widths[-1]
    return shapes | published.head(parts, features, embedding, people)


def imported(folder: Path, shapes: published.Shapes, *more: str) -> dict[str, object]:
    return import_weights(published.save(folder / "weights.pt", shapes), folder / "run", "LidarGait++", more)


def test_sizes_are_read_off_the_tensors() -> None:
    shapes = tensors(16, 24, 12, 7)
    found, names = described("lidargait_pp", shapes)
    assert problems(found, names, shapes) == []
    assert found.network == NetworkConfig(points=1024, centres=(512, 256, 128), neighbours=32, width=16, features=24, embedding=12, bins=(1, 2, 4))


def test_the_published_sizes() -> None:
    with torch.device("meta"):
        freegait, sustech1k = (Network(NetworkConfig(width=width)) for width in (32, 16))
    assert sum(p.numel() for p in freegait.parameters()) + 31 * 256 * (500 + 2) == 7_023_872
    assert sum(p.numel() for p in sustech1k.parameters()) + 31 * 256 * (250 + 2) == 4_320_000


def test_parity_with_the_field_s_toolkit(tmp_path: Path) -> None:
    if not PARITY.is_file():
        pytest.skip(f"no parity cases: {PARITY.name} is not in a folder shared/parity beside the repository")
    with np.load(PARITY, allow_pickle=False) as arrays:
        known = dict(arrays)
    shapes = {str(name): tuple(json.loads(str(shape))) for name, shape in zip(known["names"], known["shapes"], strict=True)}
    facts = imported(tmp_path, shapes)
    assert facts["parameters"] + facts["objective_parameters"] == int(known["parameters"]) == 7_023_872  # type: ignore[operator]
    network = gaitbridge.load(tmp_path / "run", fast=False).network
    prepared = torch.from_numpy(known["input0"])
    assert (prepare_points(torch.from_numpy(known["input0_raw"])) - prepared).abs().max() < 1e-6
    assert (farthest_points(prepared[0, :, :, :3], 256).numpy() == known["fps1"]).all()
    with torch.no_grad():
        found = network.embed(Batch({"points": torch.from_numpy(known["input0_raw"])}, torch.tensor([20]), torch.tensor([-1])))["points"].numpy()
    assert np.abs(found - known["output"]).max() < 1e-5 * np.abs(known["output"]).max()


def test_a_run_embeds_points_in_either_form(tmp_path: Path) -> None:
    imported(tmp_path, tensors(4, 12, 8, 31), "network.points=24", "network.centres=[16,12,8]", "network.neighbours=4")
    model, frames = gaitbridge.load(tmp_path / "run"), list(people(1, 4, 60)[0].numpy())
    walk = clouds.joined(frames)
    found = model.embed(points=[walk, walk[walk[:, 4] < 2]])
    assert found.modality == "points"
    assert found.values.shape == (2, 8, 31)
    apart = np.abs(found.values[0] - model.embed(points=[frames]).values[0]).max()  # type: ignore[list-item]
    assert apart < 1e-4 * np.abs(found.values).max()
    assert np.abs(found.values[0] - found.values[1]).max() > 1e-3 * np.abs(found.values).max()
    for wrong, words in ((walk * 1000, "metres"), (walk[:, :3], r"must be float32 \[P, 5\]"), (walk[:0], "has no frames")):
        with pytest.raises(UserError, match=words):
            model.embed(points=[wrong.astype(np.float32)])
