"""Options of the phases, each off by default: their equations, that they teach the encoders, and that a slow teacher moves as it should."""

from pathlib import Path

import pytest
import torch
from rival_runs import TOY_MAPS, resumed_as_never_stopped, toy_run, weights
from small_objective import SMALL, objective, small_batch

from gaitbridge.conventions import SENSOR
from gaitbridge.errors import UserError
from gaitbridge.inference.loading import load
from gaitbridge.methods.diffcrossgait import trajectory
from gaitbridge.methods.diffcrossgait.diagnostics import diagnose
from gaitbridge.methods.diffcrossgait.diffusion import DiffusionConfig, Projector
from gaitbridge.methods.diffcrossgait.moving_average import MovingAverage, target_name
from gaitbridge.methods.diffcrossgait.network import MODALITIES, Network
from gaitbridge.methods.diffcrossgait.phases import other_walks, others_shown
from gaitbridge.models.denoiser import Denoiser
from gaitbridge.store import Store
from gaitbridge.training.loop import train
from gaitbridge.types import Features

OPTIONS: dict[str, dict[str, object]] = {
    "maps": {"latent_from": "maps"}, "maps, relative": {"latent_from": "maps", "agreement": "contrastive", "recovers": "person"},
    "conditioned": {"conditioned": "true"}, "another walk": {"recovers_walk": "another"}, "slow teacher": {"target_momentum": 0.9},
    "consistency": {"consistency": 0.5}, "consistency alone": {"consistency": 0.5, "phases": "[1]"}, "log-normal": {"noise_levels": "log_normal"},
    "all": {"latent_from": "maps", "conditioned": "true", "recovers_walk": "another", "target_momentum": 0.9, "consistency": 0.5,
            "noise_levels": "log_normal"}}


def stepped(**diffusion: object) -> tuple[Network, Features, dict[str, torch.Tensor]]:
    """A network, its features of a batch, and the losses."""
    torch.manual_seed(0)
    network, batch = Network(SMALL), small_batch(16, seed=3)
    criterion = objective(**{f"diffusion__{name}": value for name, value in diffusion.items()})
    criterion.begin(network, 1)
    features = network(batch)
    features = features._replace(extras=features.extras | criterion.beside(batch))
    return network, features, criterion(features, batch, 1.0)


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_teaches_both_encoders(name: str) -> None:
    network, _, losses = stepped(**OPTIONS[name])
    assert ("consistency" in losses) == ("consistency" in OPTIONS[name])
    for loss in ("denoising", *(one for one in losses if one.startswith(("phase", "consistency")))):
        assert torch.isfinite(losses[loss])
        for modality in MODALITIES:
            stem = network.encoders[modality].stem[0].weight  # type: ignore[union-attr, index]
            (gradient,) = torch.autograd.grad(losses[loss], stem, retain_graph=True, allow_unused=True)
            assert gradient is not None, (loss, modality)
            assert torch.isfinite(gradient).all()
            assert bool(gradient.any()), (loss, modality)


@pytest.mark.parametrize("latent_from", ["parts", "maps", "embedding"])
@pytest.mark.parametrize("held", ["camera", "lidar"])
def test_the_phases_leave_a_held_encoder_alone(held: str, latent_from: str) -> None:
    network, _, losses = stepped(holds=held, latent_from=latent_from)
    total = torch.stack([loss for name, loss in losses.items() if name.startswith(("denoising", "phase"))]).sum()
    for modality in MODALITIES:
        stem = network.encoders[modality].stem[0].weight  # type: ignore[union-attr, index]
        (gradient,) = torch.autograd.grad(total, stem, retain_graph=True, allow_unused=True)
        assert (gradient is None or not gradient.any()) == (SENSOR[modality] == held)


def test_every_option_is_off_by_default() -> None:
    settings = DiffusionConfig()
    assert (settings.latent_from, settings.conditioned, settings.recovers_walk, settings.target_momentum) == ("parts", False, "same", 0.0)
    assert (settings.consistency, settings.noise_levels, settings.holds) == (0.0, "uniform", "neither")
    assert Network.gives_maps is False
    assert stepped()[1].extras == {}


@pytest.mark.parametrize("given", [0, 6])
def test_a_denoiser_of_maps_keeps_space(given: int) -> None:
    torch.manual_seed(0)
    denoise = Denoiser(6, 8, axes=2, given=given)
    z, t, number = torch.randn(3, 6, 8, 4), torch.tensor([5, 50, 95]), torch.tensor([0, 1, 1])
    prediction, mid = denoise(z, t, number)
    assert (prediction.shape, mid.shape) == ((3, 6, 8, 4), (3, 16, 2, 1))
    if given:
        assert torch.allclose(denoise(z, t, number, torch.zeros(3, 6, 8, 4))[0], prediction)
        assert not torch.allclose(denoise(z, t, number, torch.ones(3, 6, 8, 4))[0], prediction)


def test_latents_of_maps_are_even_over_the_batch() -> None:
    network, features, _ = stepped(latent_from="maps")
    criterion = objective(diffusion__latent_from="maps")
    assert criterion.diffusion is not None
    assert network.gives_maps
    for latent in criterion.diffusion.latents(features).values():
        assert latent.shape == (16, 32, 8, 8)
        assert float(latent.mean(0).abs().max().detach()) < 1e-3
        assert float(latent.std(0).mean().detach()) == pytest.approx(1.0, abs=0.25)


def test_noise_levels_are_drawn_by_their_logarithm() -> None:
    torch.manual_seed(0)
    abar = trajectory.signal_levels()
    t = trajectory.drawn_steps(20_000, abar, torch.device("cpu"), "log_normal")
    log_sigma = 0.5 * ((1 - abar[t]) / abar[t]).log()
    assert 1 <= int(t.min()) <= int(t.max()) <= trajectory.STEPS
    assert float(log_sigma.mean()) == pytest.approx(-0.5, abs=0.05)
    assert float(log_sigma.std()) == pytest.approx(1.2, abs=0.05)
    even = trajectory.drawn_steps(20_000, abar, torch.device("cpu"))
    assert (int(even.min()), int(even.max())) == (1, 100)
    assert float(even.float().mean()) == pytest.approx(50.5, abs=1)


def test_consistency_holds_the_earlier_point_fast_and_ends_at_the_clean_latent() -> None:
    later, earlier, clean = (torch.randn(3, 2, 4, requires_grad=True) for _ in range(3))
    loss = trajectory.consistency(later, earlier, clean, torch.tensor([0, 7, 30]))
    wanted = torch.stack([clean[0], earlier[1], earlier[2]])
    assert float(loss.detach()) == pytest.approx(float((later - wanted).square().mean().detach()))
    loss.backward()
    assert later.grad is not None
    assert earlier.grad is None
    assert clean.grad is None


def test_another_walk_is_of_the_same_person() -> None:
    people, seen = torch.tensor([3, 1, 3, 2, 1, 3, 1]), set()
    for seed in range(30):
        torch.manual_seed(seed)
        other = other_walks(people)
        assert (people[other] == people).all()
        assert [row for row, one in enumerate(other.tolist()) if one == row] == [3]  # who walks once has no other
        seen.add(tuple(other.tolist()))
    assert len(seen) > 3


def test_the_others_latent_is_shown_to_both_or_to_none_of_a_pair() -> None:
    torch.manual_seed(0)
    z = {m: torch.randn(400, 2, 3) for m in MODALITIES}
    shown = others_shown(z, 0.25)
    kept = [(shown[m] != 0).flatten(1).all(1) for m in MODALITIES]
    assert torch.equal(kept[0], kept[1])
    assert float(kept[0].float().mean()) == pytest.approx(0.75, abs=0.08)
    assert torch.equal(shown[MODALITIES[0]][kept[0]], z[MODALITIES[1]][kept[0]])
    assert not shown[MODALITIES[0]][~kept[0]].any()


def test_a_slow_teacher_is_a_moving_average() -> None:
    torch.manual_seed(0)
    network, batch, criterion = Network(SMALL), small_batch(16), objective(diffusion__target_momentum=0.9)
    criterion.begin(network, 1)
    slow = criterion.slow
    assert slow is not None
    assert not any(p.requires_grad for p in slow.parameters())
    weight, own = (one.shared.weight for one in (network, slow.network))
    assert torch.equal(weight, own)
    before = weight.detach().clone()
    with torch.no_grad():
        weight.add_(1.0)
    criterion.follow(network)
    assert torch.allclose(own, before + 0.1, atol=1e-6)
    found = criterion.beside(batch)
    assert set(found) == {target_name(m) for m in MODALITIES}
    assert not any(x.requires_grad for x in found.values())
    with pytest.raises(UserError, match="target_momentum needs the images of the whole batch"):
        criterion.begin(network, 2)


def test_a_slow_teacher_moves_what_both_sensors_share_once() -> None:
    """Shared late stages stand in the state under each sensor's name."""
    torch.manual_seed(0)
    shared = SMALL.model_copy(update={"shared_from": 1})
    network, projector = Network(shared), Projector(DiffusionConfig(), shared)
    slow = MovingAverage(DiffusionConfig(target_momentum=0.9), shared)
    slow.follow(network, projector, 0.0)
    before = [p.detach().clone() for p in network.parameters()]
    with torch.no_grad():
        for p in network.parameters():
            p.add_(1.0)
    slow.follow(network, projector)
    for was, own in zip(before, slow.network.parameters(), strict=True):
        torch.testing.assert_close(own, was + 0.1, atol=1e-5, rtol=0)


def test_what_is_recovered_is_the_slow_teachers() -> None:
    torch.manual_seed(0)
    network, batch, criterion = Network(SMALL), small_batch(16), objective(diffusion__target_momentum=0.9, diffusion__phases="[1]")
    criterion.begin(network, 1)
    features = network(batch)
    slow = criterion.beside(batch)
    found = []
    for extras in (slow, {name: x + 1.0 for name, x in slow.items()}):
        torch.manual_seed(1)
        found.append(float(criterion(features._replace(extras=extras), batch, 1.0)["denoising"].detach()))
    assert found[0] != found[1]


def test_gaps_are_measured_on_maps_and_without_what_a_denoiser_may_be_shown(toy_store: Store) -> None:
    torch.manual_seed(0)
    criterion = objective(diffusion__latent_from="maps", diffusion__conditioned="true", diffusion__columns=4)
    found = diagnose(Network(SMALL), criterion, toy_store, list(range(0, 18, 2)))
    assert found is not None
    assert set(found["gaps"]) == {"recovered", "noise", "bottleneck"}
    assert all(0 < value < 10 for gap in found["gaps"].values() for value in gap["relative"])


def test_a_run_with_every_option_is_resumed_to_the_bit_and_deploys_none_of_it(toy_store: Store, tmp_path: Path) -> None:
    settings = [f"objective.diffusion.{name}={value}" for name, value in OPTIONS["all"].items()]
    resumed_as_never_stopped(toy_store, tmp_path, *settings, "objective.teacher={}", *TOY_MAPS)
    trained = {name for name in weights(tmp_path / "whole") if name.startswith("network.")}
    train(toy_run("objective.diffusion.phases=[]", "objective.alignment.kind=none", "steps=1"), toy_store, tmp_path / "plain")
    assert trained == {name for name in weights(tmp_path / "plain") if name.startswith("network.")}
    objective_file = next((tmp_path / "whole").rglob("objective.safetensors"))
    assert objective_file.stat().st_size > 0
    for file in (tmp_path / "whole").rglob("objective.safetensors"):
        file.unlink()
    assert load(tmp_path / "whole").weights_hash  # taken to use without it
