"""Heatmaps against slow plain code; what recognition takes from them; padding never counts."""

import numpy as np
import pytest
import torch
from torch import Tensor

from gaitbridge.config import checked
from gaitbridge.errors import UserError
from gaitbridge.models import heatmap_features
from gaitbridge.models.fused_encoder import FusedEncoder, given_to_all
from gaitbridge.models.heatmaps import (
    HeatmapBranch,
    HeatmapConfig,
    Volumes,
    mean_frame,
    normalised,
    soft_argmax,
    spread,
)
from gaitbridge.models.temporal import TemporalMix

CONFIG = HeatmapConfig(joints=31, markers=6, depth=4, channels=(8, 12))
ASPECT = 44 / 64


def branch() -> HeatmapBranch:
    torch.manual_seed(0)
    made = HeatmapBranch(CONFIG, 8, ASPECT).eval()
    for head in made.heads.values():
        torch.nn.init.normal_(head.weight, std=1.0)  # type: ignore[arg-type]
    return made


def slowly(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Expected places [P, 3] of heatmaps [P, D, H, W] and the standard deviations about them [P], cell by cell."""
    points, depth, height, width = heatmaps.shape
    found, square = np.zeros((points, 3)), np.zeros(points)
    for p in range(points):
        for d in range(depth):
            for i in range(height):
                for j in range(width):
                    place = ((j + 0.5) / width * ASPECT, (i + 0.5) / height, ((d + 0.5) / depth * 2 - 1) * CONFIG.reach)
                    found[p] += heatmaps[p, d, i, j] * np.array(place)
                    square[p] += heatmaps[p, d, i, j] * np.sum(np.square(place))
    return found, np.sqrt(square - np.square(found).sum(1))


def test_soft_argmax_is_the_expected_place_of_the_normalised_heatmap() -> None:
    made, features = branch(), torch.randn(3, 8, 5, 4)
    with torch.no_grad():
        volumes = made.volumes(features, "markers")
        heatmaps = normalised(volumes, CONFIG.depth)
        points, unsure = soft_argmax(volumes, CONFIG, ASPECT), spread(volumes, CONFIG)
    assert heatmaps.shape == (3, 6, 4, 5, 4)
    assert torch.allclose(heatmaps.sum((2, 3, 4)), torch.ones(3, 6), atol=1e-5)
    for row in range(3):
        mean, deviation = slowly(heatmaps[row].double().numpy())
        assert np.allclose(points[row].numpy(), mean, atol=1e-5)
        assert np.allclose(unsure[row].numpy(), deviation, atol=1e-4)


def test_heatmaps_are_a_softmax_of_the_heads_over_the_volume() -> None:
    made, features = branch(), torch.randn(2, 8, 3, 3)
    head = made.heads["joints"]
    with torch.no_grad():
        heatmaps = normalised(made.volumes(features, "joints"), CONFIG.depth)
        logits = torch.einsum("bchw,oc->bohw", features.tanh(), head.weight) + head.bias[:, None, None]  # type: ignore[index]
        wanted = torch.softmax(logits.reshape(2, 31, -1), dim=-1).reshape(2, 31, 4, 3, 3)
    assert torch.allclose(heatmaps, wanted, atol=1e-6)


def test_a_frame_sees_its_neighbours_and_no_padding() -> None:
    torch.manual_seed(0)
    mix = TemporalMix(4).eval()
    x = torch.randn(1, 5, 4, 2, 2)
    with torch.no_grad():
        alone = mix(x[:, :3], None)
        padded = mix(x, torch.tensor([[True, True, True, False, False]]))
        changed = mix(torch.cat([x[:, :1] + 1, x[:, 1:3]], 1), None)
    assert torch.allclose(padded[:, :3], alone, atol=1e-6)
    assert not torch.allclose(changed[:, 1], alone[:, 1])
    assert torch.allclose(changed[:, 2], alone[:, 2])


def encoder(**settings: object) -> FusedEncoder:
    torch.manual_seed(0)
    config = HeatmapConfig(**({"joints": 31, "markers": 6, "depth": 4, "channels": (8, 12), "fused_channels": 8} | settings))  # type: ignore[arg-type]
    return FusedEncoder("resnet9", (8, 8), (2, 2), 1, (64, 44), config)


@pytest.mark.parametrize("settings", [{}, {"fusion": "attention"}, {"fused": "all"}, {"fused_joints": (0, 5, 7)}, {"fuse_before": 1},
                                      {"fuse_before": 1, "fusion": "attention"}, {"own_grid": False, "shared": 2, "channels": (12,)}])
def test_identity_gradients_reach_the_heatmaps_unless_detached(settings: dict[str, object]) -> None:
    x = (torch.rand(2, 3, 1, 64, 44) > 0.5).float()

    def heatmap_gradient(made: FusedEncoder) -> Tensor | None:
        made.pooled(made(x, torch.tensor([3, 3])), torch.tensor([3, 3])).square().sum().backward()
        return made.branch.heads["joints"].weight.grad  # type: ignore[return-value]

    reached = heatmap_gradient(encoder(**settings))
    assert reached is not None
    assert float(reached.abs().max()) > 0
    assert heatmap_gradient(encoder(detach=True, **settings)) is None


def test_the_whole_walk_is_the_mean_of_its_real_frames() -> None:
    maps = torch.randn(6, 4, 3, 2)
    real = torch.tensor([[True, True, False], [True, True, True]])
    found = mean_frame(maps, (2, 3), real).unflatten(0, (2, 3))
    assert torch.allclose(found[0, 2], maps[:2].mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(found[1, 0], maps[3:].mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(mean_frame(maps, (2, 3), None)[0], maps[:3].mean((0, 2, 3)), atol=1e-6)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="31 joints"):
        encoder(fused_joints=(40,))
    with pytest.raises(ValueError, match="cannot share 1 and have 2"):
        encoder(shared=1, fuse_before=2)


def test_without_heatmaps_it_is_the_plain_backbone() -> None:
    torch.manual_seed(0)
    plain = FusedEncoder("resnet9", (8, 8), (2, 2), 1, (64, 44), None).eval()
    fused = encoder(fusion="none").eval()
    fused.load_state_dict(plain.state_dict(), strict=False)
    x = (torch.rand(2, 3, 1, 64, 44) > 0.5).float()
    with torch.no_grad():
        a, b = plain(x, torch.tensor([3, 3])), fused(x, torch.tensor([3, 3]))
    assert torch.equal(a.maps, b.maps)
    assert a.branch is None
    assert not [name for name, _ in plain.named_parameters() if "branch" in name]


def test_the_pseudo_3d_backbone_looks_across_frames_and_the_resnet_does_not() -> None:
    x = (torch.rand(1, 4, 1, 64, 44) > 0.5).float()
    other = x.clone()
    other[:, 3] = 1 - other[:, 3]
    for backbone, same in (("resnet9", True), ("pseudo3d", False)):
        torch.manual_seed(0)
        made = FusedEncoder(backbone, (8, 8, 8), (2, 2, 1), 1, (64, 44), None).eval()  # type: ignore[arg-type]
        with torch.no_grad():
            a, b = made(x, torch.tensor([4])).maps, made(other, torch.tensor([4])).maps
        assert torch.allclose(a[:, 2], b[:, 2], atol=1e-6) == same


def test_volumes_without_history() -> None:
    made = branch()
    volumes = made.volumes(torch.randn(1, 8, 3, 3, requires_grad=True), "joints")
    assert isinstance(volumes, Volumes)
    assert volumes.weights.requires_grad
    assert not volumes.detached().weights.requires_grad
    assert not volumes.detached().moments.requires_grad


def test_the_likelihood_of_a_place_is_that_of_its_nearest_cells() -> None:
    """Against the normalised heatmap, corner by corner; and the target's mean is the place itself."""
    made, features = branch(), torch.randn(2, 8, 5, 4)
    places = torch.rand(2, 6, 3) * torch.tensor([0.4, 0.7, 0.4]) + torch.tensor([0.12, 0.12, -0.2])
    with torch.no_grad():
        volumes = made.volumes(features, "markers")
        found = made.log_likelihood(features, volumes, made.head("markers"), places)
        heatmaps = normalised(volumes, CONFIG.depth).log().numpy()                   # [B, P, D, H, W]
    for b in range(2):
        for p in range(6):
            x, y, z = places[b, p].tolist()
            at = np.array([(z / CONFIG.reach + 1) / 2 * 4, y * 5, x / ASPECT * 4]) - 0.5
            low, total, mean = np.floor(at).astype(int), 0.0, np.zeros(3)
            for corner in np.ndindex(2, 2, 2):
                cell = low + corner
                share = np.prod(np.where(np.array(corner) == 1, at - low, 1 - (at - low)))
                total, mean = total + share * heatmaps[(b, p, *cell)], mean + share * cell
            assert np.allclose(mean, at)
            assert float(found[b, p]) == pytest.approx(total, abs=1e-4)
    outside = made.log_likelihood(features, volumes, made.head("markers"), torch.full((2, 6, 3), 9.0))
    assert torch.allclose(outside, torch.from_numpy(heatmaps[:, :, -1, -1, -1]), atol=1e-4)


def test_volumes_of_some_joints_are_those_of_all() -> None:
    made, features = branch(), torch.randn(2, 8, 3, 3)
    with torch.no_grad():
        every, some = made.volumes(features, "joints"), made.volumes(features, "joints", (3, 0, 30))
    assert torch.allclose(some.weights.unflatten(2, (3, 4)), every.weights.unflatten(2, (31, 4))[:, :, [3, 0, 30]])
    assert torch.allclose(some.moments, every.moments[:, :, [3, 0, 30]], rtol=1e-5)


def test_a_grid_that_is_shared_is_taken_as_it_is() -> None:
    made = encoder(own_grid=False, shared=2, channels=(12,)).eval()
    x = (torch.rand(2, 3, 1, 64, 44) > 0.5).float()
    with torch.no_grad():
        encoded = made(x, torch.tensor([3, 3]))
    assert isinstance(made.branch.stages[0], torch.nn.Identity)
    assert encoded.branch is not None
    assert encoded.branch.features.shape[1:] == (8, 16, 11)
    assert encoded.branch.coarsest.shape[1:] == (12, 8, 6)


@pytest.mark.parametrize("settings", [{}, {"fused": "all"}, {"fused_joints": (0, 5, 7)}])
@pytest.mark.parametrize("keep", [False, True])
def test_without_gradients_volumes_are_mixed_some_frames_at_a_time_to_the_same_features(
        settings: dict[str, object], keep: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = encoder(**settings).eval()
    for head in made.branch.heads.values():
        torch.nn.init.normal_(head.weight, std=1.0)  # type: ignore[arg-type]
    norm = made.features.norm
    for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        torch.nn.init.uniform_(values, 0.5, 1.5)  # type: ignore[arg-type]
    monkeypatch.setattr(heatmap_features, "IN_THE_CACHE", 2 * 16 * 11 * 4 * 31)  # two frames of all joints, so five make three parts
    x, frames = (torch.rand(1, 5, 1, 64, 44) > 0.5).float(), torch.tensor([5])
    whole = made(x, frames).beside
    with torch.no_grad():
        if keep:
            made.keep_constants()
        parts = made(x, frames).beside
    assert whole is not None
    assert parts is not None
    assert whole.requires_grad
    assert torch.allclose(whole, parts, atol=1e-5)


def test_the_largest_over_time_is_of_the_frames_whose_heatmaps_are_seen() -> None:
    made, x = encoder(context=False).eval(), (torch.rand(2, 5, 1, 64, 44) > 0.5).float()
    frames = torch.tensor([5, 4])
    with torch.no_grad():
        each, some = made(x, frames), made(x, frames, every=2)
        pooled = made.pooled(some, frames)
    assert torch.equal(each.maps, some.maps)
    assert each.beside is not None
    assert pooled.shape[1] == made.channels == 16
    for row, seen in enumerate(([0, 2, 4], [0, 2])):
        assert torch.equal(pooled[row, :8], each.maps[row, : frames[row]].amax(0))
        assert torch.allclose(pooled[row, 8:], each.beside[row, seen].amax(0), atol=1e-6)


def test_fusion_before_the_last_stage_gives_frames_between_the_heatmaps_of_the_one_before() -> None:
    features = torch.arange(6.0).reshape(6, 1)  # two walks of five frames, every second seen
    assert given_to_all(features, 2, (2, 5)).flatten().tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    made, x = encoder(fuse_before=1, context=False).eval(), (torch.rand(1, 4, 1, 64, 44) > 0.5).float()
    frames = torch.tensor([4])
    with torch.no_grad():
        each, shared = made(x, frames).maps, made(x, frames, every=2).maps
    assert torch.allclose(each[:, ::2], shared[:, ::2], atol=1e-6)
    assert not torch.allclose(each[:, 1::2], shared[:, 1::2], atol=1e-4)


def test_padding_tells_nothing_where_frames_share_heatmaps() -> None:
    made, x = encoder(context=True, whole_walk=True).eval(), (torch.rand(2, 6, 1, 64, 44) > 0.5).float()
    few, both = torch.tensor([3]), torch.tensor([3, 6])
    with torch.no_grad():
        alone, among = made.pooled(made(x[:1, :3], few, every=2), few), made.pooled(made(x, both, every=2), both)
    assert torch.allclose(alone[0], among[0], atol=1e-5)


def test_heatmaps_at_two_scales_are_taught_and_not_embedded() -> None:
    x, frames, places = (torch.rand(2, 3, 1, 64, 44) > 0.5).float(), torch.tensor([3, 3]), torch.rand(2, 3, 37, 3)
    made = encoder(two_scales=True).eval()
    found = made.read_off(made(x, frames), places)
    assert found["coarse_log_likelihood"].shape == found["log_likelihood"].shape == (2, 3, 37)
    found["coarse_log_likelihood"].sum().backward()
    assert made.branch.coarse_heads is not None
    assert float(made.branch.coarse_heads["markers"].weight.grad.abs().max()) > 0  # type: ignore[union-attr,operator]
    with torch.no_grad():
        before = made.pooled(made(x, frames), frames)
        made.branch.coarse_heads = None
        assert torch.equal(made.pooled(made(x, frames), frames), before)
    with pytest.raises(UserError, match="two_scales"):
        checked(HeatmapConfig, {"channels": [8], "two_scales": True})
