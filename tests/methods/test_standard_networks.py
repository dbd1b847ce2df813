"""The field's standard networks: published sizes, what the order of frames means to each, and losses equal to slow plain code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from settings_walked import recipes_of_different_networks
from tolerances import SUMS
from toy import make_toy_store

import gaitbridge
from gaitbridge import plugins
from gaitbridge.conventions import SENSOR
from gaitbridge.errors import UserError
from gaitbridge.geometry.depth_picture import depth_picture
from gaitbridge.losses.identity import IdentityConfig, IdentityLosses
from gaitbridge.methods.lidargait.network import Network as LidarGait
from gaitbridge.methods.lidargait.network import NetworkConfig as LidarGaitConfig
from gaitbridge.methods.skeletongait_pp.network import AttentionFusion
from gaitbridge.methods.smplgait.network import Network as SMPLGait
from gaitbridge.methods.smplgait.network import NetworkConfig as SMPLGaitConfig
from gaitbridge.models.initialisation import standard_start
from gaitbridge.models.pooling import horizontal_pyramid
from gaitbridge.models.pseudo3d import Pseudo3DBlock, Stages, ThreeFrameConv
from gaitbridge.training.config import METHODS, RunConfig, recipe, recipes
from gaitbridge.training.loop import train
from gaitbridge.types import Batch

PUBLISHED_MILLIONS = {"gaitbase/gait3d": 7.0, "deepgaitv2/gait3d": 13.2, "deepgaitv2/sustech1k": 8.0, "lidargait/sustech1k": 7.0,
                      "gaitset/casia_b": 2.6, "gaitgl/casia_b": 2.5, "gaitgl/oumvlp": 11.2,
                      "swingait/gait3d": 13.1, "gaitpart/casia_b": 1.2, "gaitpart/oumvlp": 4.8, "gln/casia_b": 8.5}
STANDARD = ("gaitset", "gaitbase", "deepgaitv2", "lidargait", "smplgait", "skeletongait", "skeletongait_pp", "parsinggait",
            "gaitgl", "swingait", "gaitpart", "gln")


def network_of(config: RunConfig) -> torch.nn.Module:
    torch.manual_seed(1)
    network: torch.nn.Module = plugins.load(f"{METHODS}.{config.method}", "network").Network(config.network)
    return network.eval()


def some(network: torch.nn.Module, frames: int = 4, count: int = 2) -> Batch:
    random = torch.Generator().manual_seed(2)
    height, width = network.config.size  # type: ignore[misc]
    made = {"silhouettes": lambda: torch.randint(0, 2, (count, frames, height, width), generator=random).to(torch.uint8) * 255,
            "range_views": lambda: 8 + torch.rand(count, frames, height, width, generator=random),
            "depth_pictures": lambda: torch.randint(0, 256, (count, frames, 3, height, width), generator=random).to(torch.uint8),
            "pose_heatmaps": lambda: torch.randint(0, 256, (count, frames, 2, height, width), generator=random).to(torch.uint8),
            "parsing": lambda: torch.randint(0, 12, (count, frames, height, width), generator=random).to(torch.uint8),
            "smpl": lambda: torch.randn(count, frames, 85, generator=random)}
    (names,) = network.inputs.values()  # type: ignore[operator]
    return Batch({name: made[name]() for name in names}, torch.full((count,), frames), torch.arange(count))


@pytest.mark.parametrize("name", PUBLISHED_MILLIONS)
def test_parameters_without_a_classifier_are_the_published_ones(name: str) -> None:
    with torch.device("meta"):
        count = sum(p.numel() for p in network_of(recipe(name)).parameters())
    assert round(count / 1e6, 1) == PUBLISHED_MILLIONS[name]


@pytest.mark.parametrize(("name", "people", "millions"), [("gaitgl/casia_b", 74, 3.0967), ("gaitgl/oumvlp", 5153, 95.62),
                                                           ("gln/casia_b", 74, 14.7039), ("swingait/gait3d", 3000, 25.539136 - 0.899584)])
def test_parameters_with_the_published_classifier(name: str, people: int, millions: float) -> None:
    config = recipe(name)
    with torch.device("meta"):
        modules = [network_of(config), plugins.load(f"{METHODS}.{config.method}", "objective").Objective(config.objective, config.network, people)]
        count = sum(p.numel() for module in modules for p in module.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


def test_every_network_has_its_recipes() -> None:
    known = recipes()
    assert {f"{name}/gait3d" for name in ("gaitbase", "deepgaitv2", "smplgait", "skeletongait", "skeletongait_pp")} <= set(known)
    assert {"lidargait/sustech1k", "deepgaitv2/sustech1k", "gaitset/casia_b"} <= set(known)
    for name in ("gaitbase", "deepgaitv2"):
        run = known[f"{name}/gait3d"]()
        assert (run.data.people_per_batch, run.data.sequences_per_person, run.steps) == (32, 4, 60_000)
        assert run.optimiser.milestones == (20_000, 40_000, 50_000)
        assert (run.optimiser.name, run.optimiser.learning_rate, run.optimiser.weight_decay) == ("sgd", 0.1, 5e-4)
    assert (known["gaitbase/gait3d"]().data.frames, known["gaitbase/gait3d"]().data.most_frames) == (10, 50)
    assert known["deepgaitv2/gait3d"]().data.ordered
    assert not known["gaitbase/gait3d"]().data.ordered


@pytest.mark.parametrize("name", sorted(name for name in recipes_of_different_networks() if name.split("/")[0] in STANDARD and "gait3d" not in name))
def test_the_order_of_frames_counts_where_it_should(name: str) -> None:
    network = network_of(recipe(name))
    given = some(network)
    turned = given._replace(inputs={key: array[:, [2, 0, 3, 1]] for key, array in given.inputs.items()})
    (modality,) = network.inputs  # type: ignore[misc]
    with torch.no_grad():
        plain, other = (network.embed(one)[modality] for one in (given, turned))  # type: ignore[operator]
    same = torch.allclose(plain, other, atol=SUMS * float(plain.std()))  # an untrained network's numbers may be small
    assert same == (name.split("/")[0] not in ("deepgaitv2", "skeletongait", "skeletongait_pp", "gaitgl", "swingait", "gaitpart"))
    assert modality in SENSOR


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2)])
def test_three_frames_together_are_a_3d_convolution(kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    solid = torch.nn.Conv3d(3, 4, (3, kernel, kernel), (1, stride, stride), (1, kernel // 2, kernel // 2), bias=False)
    ours = ThreeFrameConv(3, 4, kernel, stride)
    ours.conv.weight.data = solid.weight.transpose(1, 2).flatten(1, 2)
    x = torch.randn(2, 5, 3, 8, 6)
    assert torch.allclose(ours(x, None), solid(x.transpose(1, 2)).transpose(1, 2), atol=1e-5)


@pytest.mark.parametrize("mode", ["2d", "p3d", "3d"])
def test_stages_are_blind_to_padding(mode: str) -> None:
    torch.manual_seed(0)
    stages = Stages((4, 6), (1, 2), (1, 2), mode).eval()  # type: ignore[arg-type]
    x = torch.randn(1, 5, 4, 8, 6)
    padded = torch.cat([x[:, :3], 9 * torch.ones(1, 2, 4, 8, 6)], 1)
    assert torch.allclose(stages(padded, torch.tensor([3]))[:, :3], stages(x[:, :3], torch.tensor([3])), atol=1e-5)


def test_kernels_over_time_begin_as_the_3d_kernels_that_they_are() -> None:
    torch.manual_seed(0)
    block, solid = Pseudo3DBlock(64, 64, 1), torch.nn.Conv3d(64, 64, (3, 1, 1))
    standard_start(block)
    torch.nn.init.xavier_uniform_(solid.weight)
    assert float(block.over_time.conv.weight.detach().std()) == pytest.approx(float(solid.weight.detach().std()), rel=0.03)


def test_a_pyramid_is_its_levels_in_a_row() -> None:
    x = torch.arange(2 * 4 * 3, dtype=torch.float32).view(1, 2, 4, 3)
    found = horizontal_pyramid(x, (2, 1))
    assert found.shape == (1, 2, 3)
    assert found[0, 0].tolist() == [2.5 + 5, 8.5 + 11, 5.5 + 11]


def slow_identity(parts: np.ndarray, people: np.ndarray, neck: np.ndarray, weight: np.ndarray, settings: IdentityConfig) -> tuple[float, float]:
    """Both losses one number at a time; `neck` are the parts after the batch norm."""
    count, _, strips = parts.shape
    by_part = []
    for k in range(strips):
        hinges = []
        for anchor in range(count):
            for positive in range(count):  # itself among them
                for negative in range(count):
                    if people[anchor] == people[positive] and people[anchor] != people[negative]:
                        near, far = (float(np.linalg.norm(parts[anchor, :, k] - parts[other, :, k])) for other in (positive, negative))
                        hinges.append(max(0.0, near - far + settings.margin))
        active = [hinge for hinge in hinges if hinge > 0]
        by_part.append(sum(active) / len(active) if active else 0.0)
    entropies = []
    for n in range(count):
        for k in range(strips):
            unit = neck[n, :, k] / np.linalg.norm(neck[n, :, k])
            logits = np.array([settings.scale * unit @ (column / np.linalg.norm(column)) for column in weight[k].T])
            log_share = logits - np.log(np.exp(logits).sum())
            target = np.full(len(logits), settings.smoothing / len(logits))
            target[people[n]] += 1 - settings.smoothing
            entropies.append(-(target * log_share).sum())
    return float(np.mean(by_part)), float(np.mean(entropies))


def test_identity_losses_are_those_of_slow_plain_code() -> None:
    torch.manual_seed(3)
    settings = IdentityConfig()
    losses = IdentityLosses(settings, parts=3, channels=4, people=5)
    torch.nn.init.normal_(losses.neck.weight, 1.0, 0.3)
    parts, people = 0.06 * torch.randn(6, 4, 3), torch.tensor([0, 0, 1, 1, 4, 4])
    found = losses(parts, people)
    normal = (parts - parts.mean(0)) / (parts.var(0, unbiased=False) + 1e-5).sqrt()
    neck = (normal.flatten(1) * losses.neck.weight).view(parts.shape)
    triplet, entropy = slow_identity(parts.numpy(), people.numpy(), neck.detach().numpy(), losses.classify.weight.detach().numpy(), settings)
    assert float(found["triplet"]) == pytest.approx(triplet, rel=1e-3)
    assert float(found["cross_entropy"].detach()) == pytest.approx(entropy, rel=1e-5)
    alone = IdentityLosses(IdentityConfig(cross_entropy=0.0, triplet=2.0), 3, 4, 5)
    assert not list(alone.parameters())
    assert float(alone(parts, people)["triplet"]) == pytest.approx(2 * triplet, rel=1e-3)


def test_the_neck_learns_but_is_not_deployed() -> None:
    assert not any("neck" in name or "classify" in name for name in network_of(recipe("gaitbase/gait3d")).state_dict())


def test_lidargait_takes_pictures_or_metres() -> None:
    small: dict[str, Any] = {"channels": (4, 8), "blocks": (1, 1), "strides": (2, 2), "embedding": 8, "size": (64, 64)}
    views = 8 + torch.rand(2, 3, 64, 64)
    views[:, :, :, :20] = torch.nan
    batch = Batch({"range_views": views}, torch.tensor([3, 3]), torch.tensor([0, 1]))
    torch.manual_seed(0)
    coloured = LidarGait(LidarGaitConfig(modality="range_views", **small)).eval()
    torch.manual_seed(0)
    published = LidarGait(LidarGaitConfig(**small)).eval()
    pictures = torch.from_numpy(np.stack([[depth_picture(view) for view in walk] for walk in views.numpy()]))
    of_pictures = published.embed(batch._replace(inputs={"depth_pictures": pictures}))["depth_pictures"]
    assert torch.equal(coloured.embed(batch)["range_views"], of_pictures)
    metres = LidarGait(LidarGaitConfig(modality="range_views", picture="metres", **small)).eval()
    assert metres.encoder.stem[0].in_channels == 2
    farther = batch._replace(inputs={"range_views": views + 5})
    assert torch.allclose(metres.embed(batch)["range_views"], metres.embed(farther)["range_views"], atol=SUMS)
    outline = LidarGait(LidarGaitConfig(modality="range_views", picture="outline", **small)).eval()
    assert outline.encoder.stem[0].in_channels == 1
    torch.testing.assert_close(outline.prepared(views)[:, :, 0], torch.isfinite(views).float())
    bent = batch._replace(inputs={"range_views": views * 1.1 + 0.3 * torch.rand(views.shape)})  # another depth within the same outline
    assert torch.equal(outline.embed(batch)["range_views"], outline.embed(bent)["range_views"])
    for picture in ("metres", "outline"):
        with pytest.raises(ValueError, match=f"hold no {picture}"):
            LidarGaitConfig(picture=picture)


def test_smpl_transforms_the_maps() -> None:
    torch.manual_seed(0)
    network = SMPLGait(SMPLGaitConfig(channels=(4, 8), halve_after=(1, 2), embedding=8)).eval()
    given = some(network)
    with torch.no_grad():
        found = network.embed(given)["silhouettes"]
        other = network.embed(given._replace(inputs={**given.inputs, "smpl": -given.inputs["smpl"]}))["silhouettes"]
        for weight in network.transform.linear.parameters():
            weight.zero_()
        dict(network.transform.norms.named_parameters())["2.bias"].fill_(-1.0)  # the ReLU then gives zero: the identity is all that is left
        untouched = network.embed(given)["silhouettes"]
        maps: torch.Tensor = network.encoder(given.inputs["silhouettes"].flatten(0, 1)[:, None] / 255.0).unflatten(0, (2, 4)).amax(1)
        square = torch.nn.functional.pad(maps, (0, 5))
        plain = network.shared(horizontal_pyramid(square, (16, 8, 4, 2, 1)))
    assert not torch.allclose(found, other, atol=1e-3)
    assert torch.allclose(untouched, plain, atol=SUMS)


def test_the_fusion_weighs_both_and_no_more() -> None:
    torch.manual_seed(0)
    fusion, x = AttentionFusion(32).eval(), torch.randn(1, 2, 32, 4, 4)
    assert torch.allclose(fusion(x, x), x, atol=1e-5)
    found = fusion(torch.zeros_like(x), torch.ones_like(x))
    assert bool(((found > 0) & (found < 1)).all())


@pytest.mark.parametrize(("method", "settings", "message"), [
    ("gaitbase", {"bins": (12,)}, "16 feature rows do not divide into 12 strips"),
    ("gaitbase", {"blocks": (1, 1)}, "4 channels but 2 blocks but 4 strides"),
    ("deepgaitv2", {"strides": (1, 2, 0, 1)}, r"strides\.2\s+Input should be greater than or equal to 1"),
    ("deepgaitv2", {"mode": "4d"}, "2d"),
    ("gaitset", {"bins": ()}, "at least 1 item"),
    ("gln", {"size": (64, 46)}, "does not halve twice"),
    ("gaitpart", {"strips": (1, 4)}, "3 channels but 2 strips"),
    ("gaitpart", {"strips": (1, 4, 6)}, "16 feature rows do not divide into 6 strips"),
    ("swingait", {"heads": 3}, "256 channels do not divide into 3 heads"),
    ("gaitgl", {"strips": 12}, "64 rows, halved once, do not divide into 12 strips"),
    ("smplgait", {"size": (64, 80)}, "wider than high"),
    ("smplgait", {"halve_after": (2, 9)}, "there are 6 convolutions"),
])
def test_impossible_sizes_are_refused(method: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plugins.load(f"{METHODS}.{method}", "network").NetworkConfig(**settings)


@pytest.mark.parametrize("name", [f"{name}/tiny" for name in ("gaitset", "gaitbase", "deepgaitv2", "lidargait", "gaitgl", "swingait", "gaitpart",
                                                             "gln")])
def test_tiny_trains_and_is_taken_to_use(name: str, tmp_path: Path) -> None:
    store = make_toy_store(tmp_path / "store", {"train": 4, "val": 2})
    settings = recipe(name)
    data = settings.data.model_copy(update={"people_per_batch": 4, "sequences_per_person": 2, "frames": 2})
    short = settings.model_copy(update={"steps": 3, "validate_every": 3, "log_every": 1, "data": data, "precision": "float32"})
    assert train(short, store, tmp_path / "run")["step"] == 3
    model = gaitbridge.load(tmp_path / "run")
    (modality,) = model.modalities
    sequences = store.read_many([0, 1], [modality])
    assert model.embed(least_quality=0, **{modality: [one.arrays[modality] for one in sequences]}).values.shape[0] == 2
    assert model.distance == "euclidean"
    with pytest.raises(UserError, match="unknown modality"):
        model.embed(heat=[np.zeros(1)])
